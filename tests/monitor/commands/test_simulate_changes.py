"""`simulate --change`: the user's records, changed as they say; one line for each mistake."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from models.conduct import Conduct
from models.description import Description
from models.recipe import train
from models.schema import Schema
from models.settings import TrainingSettings
from monitor.cli import main
from tests.data import digit_images

NAMES = ("temperature", "flow rate", "pressure")
QUICK = ["--records", "20000", "--repeats", "2", "--guard", "0"]


def rows(seed: int, count: int) -> NDArray[np.float64]:
    """Three features of one factor each, with noise."""
    rng = np.random.default_rng(seed)
    return np.asarray([20, 3, 100] + [2, 0.5, 10] * rng.standard_normal((count, 3)))


def written(path: Path, values: NDArray[np.float64]) -> str:
    np.savetxt(path, values, "%.6g", ",", header=",".join(NAMES), comments="")
    return str(path)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("table") / "model"
    settings = TrainingSettings(epochs=4, device="cpu", ordered=True)
    described = Description(Schema.numbers(NAMES))
    train(rows(0, 5000), folder, settings, Conduct(card=False), described)
    return folder


STUCK = ("--change", "flow rate stuck")
ALL = ("--channels", "standard")


@pytest.fixture
def asked(bundle: Path, tmp_path: Path) -> list[str]:
    """A command line that only lacks changes; odd.csv lies beside the data."""
    data = written(tmp_path / "normal.csv", rows(1, 2000))
    written(tmp_path / "odd.csv", rows(2, 200) * [3, 1, 1])
    out = str(tmp_path / "out")
    return ["simulate", "--bundle", str(bundle), "--data", data, "--out", out, *QUICK]


def result(tmp_path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((tmp_path / "out" / "simulation.json").read_text())
    return found


def test_each_change_is_told_in_a_table_in_json_and_in_a_picture(
    asked: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["flow rate stuck", "temperature + 2 sd", f"30% of {tmp_path / 'odd.csv'}"]
    changes = [part for each in words for part in ("--change", each)]
    assert main([*asked, "--channels", "input", "--rate", "100", *changes]) == 0
    printed = capsys.readouterr().out
    assert "watched: the error and 3 channels" in printed
    assert "0 false alarms in 20,000 records" in printed
    assert printed.startswith((tmp_path / "out" / "simulation.txt").read_text())
    assert (tmp_path / "out" / "simulation.png").read_bytes().startswith(b"\x89PNG")
    found = result(tmp_path)
    assert (found["kind"], found["schema_version"]) == ("simulated-changes", 1)
    assert found["channels"] == list(NAMES)
    assert [each["change"] for each in found["changes"]] == words
    for each in found["changes"]:
        assert each["found"] == 1
        assert each["seconds_to_alarm"]["median"] == each["records_to_alarm"]["median"] / 100
        assert each["records_to_alarm"]["median"] <= each["records_to_alarm"]["95%"]
        assert f"{each['change']}: {each['verdict']}" in printed
    stuck, moved, _ = found["changes"]
    assert stuck["named_first"] == {"flow rate": 2}
    assert moved["named_what_was_changed"] == 1
    assert "`flow rate` is stuck at" in stuck["verdict"]


def test_what_weighs_less_is_found_later(
    asked: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    delays = []
    for weight in ("100", "0.01"):
        given = ["--channels", "input", "code", "--channel-weights", f"input={weight}", "code=1"]
        assert main([*asked, "--change", "pressure + 0.4 sd", *given]) == 0
        assert f"channels, weights: input {weight}, code 1" in capsys.readouterr().out
        assert result(tmp_path)["channel_weights"] == {"input": float(weight), "code": 1}
        (change,) = result(tmp_path)["changes"]
        delays.append(change["records_to_alarm"]["median"])
    assert delays[0] < delays[1]


def test_the_seed_repeats_every_byte(asked: list[str], tmp_path: Path) -> None:
    written_once = []
    for seed in ("5", "5", "6"):
        assert main([*asked, "--change", "pressure noise 3 sd", "--seed", seed]) == 0
        written_once.append((tmp_path / "out" / "simulation.json").read_bytes())
    assert written_once[0] == written_once[1] != written_once[2]


def test_what_is_not_found_is_said_and_drawn(asked: list[str], tmp_path: Path) -> None:
    assert main([*asked, "--change", "pressure + 0.001 sd", "--repeats", "1"]) == 0
    (change,) = result(tmp_path)["changes"]
    assert change["records_to_alarm"] == {"median": None, "95%": None}
    assert change["each_repeat"] == [None]
    assert change["verdict"] is None
    table = (tmp_path / "out" / "simulation.txt").read_text()
    assert "pressure + 0.001 sd: not found in 100,000 records" in table


def test_pictures_are_changed(digits_bundle: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "digits.npy", digit_images()[1200:])
    out = ["--out", str(tmp_path / "out"), *QUICK, "--tolerance", "0.3"]
    data = ["--data", str(tmp_path / "digits.npy"), "--channels", "picture", "cell"]
    words = ["--change", "brightness + 30%", "--change", "blur 1"]
    assert main(["simulate", "--bundle", str(digits_bundle), *data, *words, *out]) == 0
    brighter, _ = result(tmp_path)["changes"]
    assert brighter["found"] == 1
    assert all("brightness" in name for name in brighter["named_first"])
    assert brighter["named_what_was_changed"] is None


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--change", "flow + 1 sd"], "the model has no feature 'flow'"),
        (["--change", "flow rat stuck"], "Did you mean 'flow rate'?"),
        (["--change", "10% of nowhere.csv"], "nowhere.csv"),
        (["--change", "flow rate stuck", "--change", "flow rate stuck"], "is given twice"),
        (["--change", "flow rate stuck", "--errors", "e.npy"], "give one of them"),
        (["--change", "flow rate stuck", "--rate", "nan"], "--rate must be at least 1e-06"),
        (["--change", "flow rate stuck", "--channels", "x*"], "--channels: x* fits none of"),
        ([], "--data is for --change: say what is to change"),
        ([*STUCK, "--channel-weights", "input=2"], "--channel-weights needs --channels"),
        ([*STUCK, *ALL, "--channel-weights", "inputs=2"], "there is no group 'inputs'; groups are"),
        ([*STUCK, *ALL, "--channel-weights", "input"], "GROUP=NUMBER expected, got 'input'"),
        ([*STUCK, *ALL, "--channel-weights", "input=x"], "GROUP=NUMBER expected, got 'input=x'"),
        ([*STUCK, *ALL, "--channel-weights", "input=0"], "must be from 0.01 to 100, got 0"),
        ([*STUCK, *ALL, "--channel-weights", "input=1", "input=2"], "input is given twice"),
        ([*STUCK, *ALL, "--channel-weights", "cell=2"], "no channel of group cell is watched"),
    ],
)
def test_a_mistake_is_one_line(
    asked: list[str], capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    assert main([*asked, *arguments]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert len(error.splitlines()) == 1


def test_a_change_needs_data(bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["simulate", "--bundle", str(bundle), "--change", "flow rate stuck"]) == 2
    assert "--change needs --data" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (rows(3, 99), "99 normal records; give 100 or more"),
        (rows(3, 1000) * [1, 1, 1.5], "the judge fires on these records unchanged"),
    ],
)
def test_records_that_cannot_be_replayed_are_refused(
    asked: list[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    values: NDArray[np.float64],
    said: str,
) -> None:
    written(tmp_path / "normal.csv", values)
    assert main([*asked, "--change", "flow rate stuck", "--repeats", "1"]) == 2
    assert said in capsys.readouterr().err


def test_no_more_records_are_kept_than_memory_allows(
    asked: list[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("monitor.commands.simulate_changes.MOST_NUMBERS", 450)
    monkeypatch.setattr("monitor.pipeline.offline.LARGEST", 100)
    odd = ["--change", f"50% of {tmp_path / 'odd.csv'}", "--repeats", "1", "--micro-batch", "100"]
    assert main([*asked, *odd]) == 0
    said = capsys.readouterr().err
    assert "odd.csv: the first 150 records are taken" in said
    assert "normal.csv: the first 200 records are replayed" in said
    assert result(tmp_path)["records"] == 200
