"""When records came: a column that says so, or an even rate; one line for each mistake."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from monitor.cli import main
from monitor.drift.simulation import START
from monitor.stream.json_values import isoformat
from tests.monitor.backtest.streams import (
    FIRST,
    FOUR,
    RATE,
    changes_of,
    configured,
    drifting,
    replayed,
    rows,
    table_of,
    valid,
)

Refused = Callable[..., str]


def test_times_come_from_a_column_and_changes_may_be_times(config: Path, tmp_path: Path) -> None:
    count = 8000
    stamps = [isoformat(START + 1000 * i // RATE) for i in range(count)]
    table = table_of(tmp_path / "plant.csv", stamps)
    changes = changes_of(tmp_path / "c.csv", "begin,name", f"{stamps[FIRST]},hot")
    found = valid(
        replayed(
            tmp_path, "--config", config, "--data", table, "--time-column", "stamp",
            "--changes", changes,
        )
    )  # fmt: skip
    assert found["time"]["column"] == "stamp"
    assert found["true_changes"]["changes"][0]["begin"]["row"] == FIRST
    np.save(tmp_path / "plant.npy", drifting()[:count])
    even = replayed(tmp_path, "--config", config, "--data", tmp_path / "plant.npy", "--rate", RATE)
    assert found["alerts"] == even["alerts"]
    assert len(found["alerts"]) == 1


@pytest.mark.parametrize(("unit", "factor"), [("s", 1), ("ms", 1000), ("us", 10**6)])
def test_times_may_be_numbers(unit: str, factor: int, config: Path, tmp_path: Path) -> None:
    stamps = [str((START // 1000 + i) * factor) for i in range(300)]
    table = table_of(tmp_path / "plant.csv", stamps)
    words = ["--config", config, "--data", table, "--time-column", "stamp", "--time-unit", unit]
    found = replayed(tmp_path, *words)
    assert found["time"]["first"] == isoformat(START)
    assert found["time"]["seconds"] == 299


def test_without_times_an_even_rate_is_taken_and_that_is_said(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    np.save(tmp_path / "x.npy", rows(3, 1001))
    words = ["--config", config, "--data", tmp_path / "x.npy"]
    assert replayed(tmp_path, *words)["time"]["seconds"] == 2
    assert "taken as even, 500 a second, the default" in capsys.readouterr().out
    found = replayed(tmp_path, *words, "--rate", "48 per 1d")
    assert found["time"]["seconds"] == 1000 * 1800
    assert "taken as even, 48 per 1d, from" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("stamps", "more", "said"),
    [
        (FOUR, (), "'x' is no time in record 3 (counting from 0). Write times as 2026-01-31"),
        ([*FOUR[:3], ""], (), "there is none in record 3"),
        ([*FOUR[:3], "2026-02-30"], (), "'2026-02-30' is no time in record 3"),
        ([*FOUR[:3], "31.01.2026"], (), "'31.01.2026' is no time in record 3"),
        (FOUR[2::-1], (), "goes back in time, 2026-01-01 00:00:01 after 2026-01-01 00:00:02,"
                          " in record 1"),
        (["5", "4"], (), "goes back in time, 4 after 5, in record 1"),
        (["1700000000000"], (), "too large for seconds since the epoch. Say --time-unit ms"),
        (FOUR[:3], ("--rate", "5"), "--rate and --time-column: give one of them"),
    ],
)  # fmt: skip
def test_times_that_are_none_or_go_back_are_refused(
    stamps: Sequence[str], more: tuple[str, ...], said: str, config: Path, tmp_path: Path,
    refused: Refused,
) -> None:  # fmt: skip
    table = table_of(tmp_path / "plant.csv", stamps)
    words = ["--config", config, "--data", table, "--time-column", "stamp", *more]
    assert said in refused("replay", *words)


def test_a_column_that_is_not_there_cannot_say_when(
    config: Path, data: Path, refused: Refused
) -> None:
    line = refused("replay", "--config", config, "--data", data, "--time-column", "when")
    assert "no column 'when', which is to say when records came" in line


@pytest.mark.parametrize("rate", ["0", "-1", "fast", "48 per 0d", "nan", "1 per", "inf"])
def test_a_rate_that_is_none(rate: str, config: Path, data: Path, refused: Refused) -> None:
    line = refused("replay", "--config", config, "--data", data, f"--rate={rate}")
    assert "--rate: must be records a second, more than 0, or N per TIME" in line


def test_the_column_that_the_model_remembers_says_when_unless_a_rate_is_given(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stamps = [isoformat(START + 20 * i) for i in range(2000)]
    table = table_of(tmp_path / "plant.csv", stamps)
    words = ["train", "--data", str(table), "--time", "stamp", "--arch", "linear", "--ordered"]
    assert main([*words, "--out", str(tmp_path / "model")]) == 0
    asked = ["--config", configured(tmp_path, tmp_path / "model", "off"), "--data", table]
    capsys.readouterr()
    assert replayed(tmp_path, *asked)["time"]["column"] == "stamp"
    assert "time         column 'stamp'\n" in capsys.readouterr().out
    found = replayed(tmp_path, *asked, "--rate", "1")
    assert found["time"] == {
        "column": None,
        "records_per_second": 1.0,
        "first": isoformat(START),
        "last": isoformat(START + 1_999_000),
        "seconds": 1999.0,
    }
    assert "stamp" not in capsys.readouterr().err


def test_records_that_all_came_at_once_have_no_day(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = table_of(tmp_path / "plant.csv", [FOUR[0]] * 300)
    found = valid(replayed(tmp_path, "--config", config, "--data", table, "--time", "stamp"))
    none = {"count": 0, "a_day": None, "of_segments": 0, "passing_suspicions": 0}
    assert found["alarms"] == none
    assert found["budget"]["allowed_a_day"] is None
    assert "alarms       0; 0 passing suspicions; ok at the end" in capsys.readouterr().out
