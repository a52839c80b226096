"""`replay`: what it says and writes, and one line for each mistake."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from models.recipe import train
from models.settings import TrainingSettings
from monitor.backtest import file_past
from monitor.cli import main
from tests.data import digit_images
from tests.monitor.backtest.streams import (
    FIRST,
    NAMES,
    RATE,
    REPAIRED,
    SECOND,
    changes_of,
    configured,
    drifting,
    replayed,
    rows,
    valid,
)
from tests.monitor.model_in_use.test_new_models import overflow

Refused = Callable[..., str]


@pytest.mark.parametrize("channels", ["off", "standard"])
def test_true_changes_and_alarms_are_told_side_by_side(
    channels: str,
    plant: Path,
    data: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    config = configured(tmp_path, plant, channels)
    changes = changes_of(
        tmp_path / "changes.csv",
        "begin,end,name", f"{FIRST},{REPAIRED},hot", f"{SECOND},,stuck", "99999,,later",
    )  # fmt: skip
    found = valid(
        replayed(tmp_path, "--config", config, "--data", data, "--rate", RATE, "--changes", changes)
    )
    printed = capsys.readouterr().out
    assert printed.startswith((tmp_path / "out" / "replay.txt").read_text())
    assert (tmp_path / "out" / "replay.png").read_bytes().startswith(b"\x89PNG")
    told = found["true_changes"]
    assert [each["fate"] for each in told["changes"]] == ["found", "found", "not in the data"]
    assert (told["found"], told["missed"], told["false_alarms"]) == (2, 0, [])
    for each, episode, begin in zip(
        told["changes"][:2], found["episodes"], (FIRST, SECOND), strict=True
    ):
        assert each["begin"]["row"] == begin
        assert each["delay_records"] == episode["fired_after"] - begin
        assert each["alarm"]["episode"] == episode["id"]
        assert f"{each['delay_records']:,}" in printed
        assert episode["explanation"] in printed or channels == "standard"
    assert found["complete"]
    assert found["rows"] == found["records"] == len(drifting())
    seconds = (len(drifting()) - 1) / RATE
    assert found["time"]["seconds"] == pytest.approx(seconds, abs=0.01)
    assert found["alarms"]["a_day"] == pytest.approx(2 * 86400 / seconds, rel=1e-3)
    assert found["budget"]["allowed"] == pytest.approx(len(drifting()) / 1e6)
    assert "2 found, 0 missed, 1 not in the data, 0 false alarms" in printed


def test_an_alarm_that_no_true_change_explains_is_false(
    config: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    changes = changes_of(tmp_path / "c.csv", "name,begin", f"stuck,{SECOND}")
    found = replayed(
        tmp_path, "--config", config, "--data", data, "--rate", RATE, "--changes", changes
    )
    (false,) = found["true_changes"]["false_alarms"]
    assert false["episode"] == found["episodes"][0]["id"]
    assert f"1 false alarms (after records {false['raised_after']:,})" in capsys.readouterr().out


def test_a_change_that_brings_no_alarm_is_missed(config: Path, data: Path, tmp_path: Path) -> None:
    changes = changes_of(tmp_path / "c.csv", "begin,end", "100,200", f"{FIRST},{FIRST + 10}")
    found = replayed(
        tmp_path, "--config", config, "--data", data, "--rate", RATE, "--changes", changes
    )
    assert [each["fate"] for each in found["true_changes"]["changes"]] == ["missed", "missed"]
    assert len(found["true_changes"]["false_alarms"]) == 2


def test_no_records(config: Path, tmp_path: Path, refused: Refused) -> None:
    (tmp_path / "x.csv").write_text(",".join(NAMES) + "\n")
    line = refused("replay", "--config", config, "--data", tmp_path / "x.csv")
    assert "no records" in line or "empty" in line
    np.save(tmp_path / "x.npy", np.empty((0, 3)))
    assert "(0, 3)" in refused("replay", "--config", config, "--data", tmp_path / "x.npy")


def test_another_number_of_columns(config: Path, tmp_path: Path, refused: Refused) -> None:
    np.save(tmp_path / "x.npy", np.ones((10, 5)))
    line = refused("replay", "--config", config, "--data", tmp_path / "x.npy")
    assert "each record must have shape (3,), as the model's, got (5,)" in line
    (tmp_path / "x.csv").write_text("temperature,flow\n1,2\n3,4\n")
    line = refused("replay", "--config", config, "--data", tmp_path / "x.csv")
    assert "no column 'pressure'" in line


def test_a_folder_that_is_there_is_written_to_and_a_file_is_not(
    config: Path, tmp_path: Path, refused: Refused, capsys: pytest.CaptureFixture[str]
) -> None:
    np.save(tmp_path / "x.npy", rows(3, 300))
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "replay.json").write_text("of before")
    (tmp_path / "out" / "other").write_text("stays")
    assert replayed(tmp_path, "--config", config, "--data", tmp_path / "x.npy")["records"] == 300
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "other", "replay.html", "replay.json", "replay.png", "replay.txt",
    ]  # fmt: skip
    capsys.readouterr()
    words = ["--config", config, "--data", tmp_path / "x.npy", "--out", tmp_path / "x.npy"]
    assert "is a file. Name a folder" in refused("replay", *words)


INTERRUPTED = """
import os, sys
from monitor.backtest import file_past
from monitor.cli import main

given, number = file_past.rows_of, int(sys.argv[1])

def rows_of(part, *more):
    if part.index[0] >= 7000:
        os.kill(os.getpid(), number)
    return given(part, *more)

file_past.rows_of = rows_of
sys.exit(main(["replay", *sys.argv[2:]]))
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_it_tells_what_came_until_then(
    number: signal.Signals, config: Path, data: Path, tmp_path: Path
) -> None:
    """In a process of its own: a signal would end one that other tests need."""
    words = ["--config", config, "--data", data, "--rate", RATE, "--out", tmp_path / "out"]
    command = [sys.executable, "-c", INTERRUPTED, int(number), *words]
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    assert done.returncode == 130, done.stderr
    found = valid(json.loads((tmp_path / "out" / "replay.json").read_text()))
    assert (found["complete"], found["stopped"], found["records"]) == (False, None, 7000)
    assert [each["event"] for each in found["alerts"]] == ["firing"]
    assert "stopped      after 7,000 records" in done.stdout


def test_interrupted_before_the_first_record_it_writes_nothing(
    config: Path, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def rows_of(*arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(file_past, "rows_of", rows_of)
    out = tmp_path / "out"
    words = ["--config", str(config), "--data", str(data), "--out", str(out)]
    assert main(["replay", *words]) == 130
    assert not out.exists()


def test_where_the_daemon_would_stop_reading_it_stops(
    plant: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = shutil.copytree(plant, tmp_path / "broken")
    overflow(broken)
    config = configured(tmp_path, broken, "off")
    found = valid(replayed(tmp_path, "--config", config, "--data", data))
    assert not found["complete"]
    assert found["dead_letters"] == found["records"] == 1000
    assert found["rows"] == 0
    assert "stopped reading before record 1,000: more than 50%" in found["stopped"]
    assert "1,000 records are dead letters" in capsys.readouterr().out


def test_pictures(digits_file: Path, tmp_path: Path) -> None:
    images = digit_images()
    train(images[:1000], tmp_path / "model", TrainingSettings(epochs=2, device="cpu"))
    config = configured(tmp_path, tmp_path / "model", "off")
    words = ["--config", config, "--data", f"{digits_file}:x", "--where", "y=0", "--rate", 10]
    found = valid(replayed(tmp_path, *words))
    assert found["records"] == found["rows"] == len(images) - 1200
    assert found["data"] == f"{digits_file}:x where y=0"
