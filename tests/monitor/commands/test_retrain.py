"""`retrain`: mistakes are one line, and nothing but an earlier result is ever replaced."""

import io
import json
import sys
from pathlib import Path

import pytest
import yaml

from models.errors import UserError
from monitor.cli import main
from monitor.config.file import load
from monitor.config.gates import GateConfig
from monitor.retrain_job import folder

RANGE = ["--from-kafka", "images/0:0-900"]


@pytest.fixture
def config(digits_bundle: Path, tmp_path: Path) -> str:
    path = tmp_path / "aead-monitor.yaml"
    kafka = {"bootstrap_servers": "127.0.0.1:1", "topic": "images"}
    path.write_text(
        yaml.safe_dump(
            {
                "model": str(digits_bundle),
                "kafka": kafka,
                "codec": {"name": "raw"},
                "retraining": {"gates": {"false_alarm_factor": 3}},
            }
        )
    )
    return str(path)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([*RANGE, "--holdout", "0.9"], "--holdout must lie between 0.05 and 0.8, got 0.9"),
        ([*RANGE, "--trim", "0.5"], "--trim must lie between 0 and 0.2"),
        ([*RANGE, "--max-records", "10"], "--max-records must lie between 72"),
        ([*RANGE, "--labels", "y"], "--labelled and --labels go together"),
        ([*RANGE, "--reference-share", "0.1"], "give --reference DATA"),
        (["--from-kafka", "images"], "write TOPIC/PARTITION:FIRST-NEXT"),
        (["--request", "none.json"], "none.json: No such file or directory"),
        (RANGE, "kafka.bootstrap_servers 127.0.0.1:1: cannot reach a broker"),
        ([*RANGE, "--reference", "none.npy"], "none.npy: there is no such file"),
    ],
)
def test_a_mistake_is_one_line(
    config: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    said: str,
) -> None:
    out = tmp_path / "out"
    assert main(["retrain", "--config", config, "--out", str(out), *arguments]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    (line,) = captured.err.splitlines()
    assert said in line
    assert not out.exists()


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, '{"kind": "alert"}', "9" * 2_000_000])
def test_what_is_no_request_is_refused_from_stdin_too(
    config: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    text: str,
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
    out = str(tmp_path / "out")
    assert main(["retrain", "--config", config, "--out", out, "--request", "-"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("aead-monitor: standard input: ")


def test_gates_are_set_in_the_configuration(config: str) -> None:
    assert load(config).retraining.gates == GateConfig(false_alarm_factor=3)


def test_only_an_earlier_result_is_replaced(tmp_path: Path) -> None:
    out = tmp_path / "deep" / "out"
    folder.check(out)
    for number in range(2):
        with folder.written(out) as draft:
            (draft / "report.json").write_text(json.dumps({"kind": "retrain_report"}))
            (draft / "number").write_text(str(number))
        folder.check(out)
    assert (out / "number").read_text() == "1"
    assert [path.name for path in out.parent.iterdir()] == ["out"]


@pytest.mark.parametrize("report", [None, "[]", "{", '{"kind": "alert"}'])
def test_other_folders_are_left_alone(tmp_path: Path, report: str | None) -> None:
    (tmp_path / "thesis.txt").write_text("dear")
    if report is not None:
        (tmp_path / "report.json").write_text(report)
    with pytest.raises(UserError, match="holds other files"):
        folder.check(tmp_path)
    with pytest.raises(UserError, match="not a folder"):
        folder.check(tmp_path / "thesis.txt")


def test_a_result_that_failed_leaves_the_earlier_one(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with folder.written(out) as draft:
        (draft / "number").write_text("1")
    with pytest.raises(RuntimeError), folder.written(out) as draft:
        (draft / "number").write_text("2")
        raise RuntimeError
    assert (out / "number").read_text() == "1"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
