"""The grid: each combination is what a replay with that configuration says."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from monitor.backtest.grid import MOST, parse
from monitor.errors import UserError
from monitor.pipeline.scorer import Scorer
from tests.monitor.backtest.streams import (
    FIRST,
    RATE,
    REPAIRED,
    SECOND,
    changes_of,
    configured,
    drifting,
    replayed,
    trained,
    valid,
)

Refused = Callable[..., str]


@pytest.fixture
def changes(tmp_path: Path) -> Path:
    return changes_of(
        tmp_path / "changes.csv",
        "begin,end,name", f"{FIRST},{REPAIRED},hot", f"{SECOND},,stuck",
    )  # fmt: skip


def test_each_combination_is_what_a_replay_of_its_own_says(
    plant: Path, config: Path, data: Path, changes: Path, tmp_path: Path,
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    scored = []
    score = Scorer.score
    monkeypatch.setattr(
        Scorer, "score", lambda self, rows: scored.append(len(rows)) or score(self, rows)
    )
    words = ["--data", data, "--rate", RATE, "--changes", changes]
    grid = ["--grid", "false-alarms=1 per 1e6 records,1 per 2000 records", "tolerance=0.05,0.9"]
    found = valid(replayed(tmp_path, "--config", config, *words, *grid))
    assert sum(scored) == len(drifting())
    printed = capsys.readouterr().out
    rows = found["grid"]
    assert [(row["false_alarms"], row["tolerance"]) for row in rows] == [
        (budget, tolerance)
        for budget in ("1 per 1e6 records", "1 per 2000 records")
        for tolerance in (0.05, 0.9)
    ]
    for row in rows:
        drift = {"false_alarms": row["false_alarms"], "tolerance": row["tolerance"]}
        alone = configured(tmp_path, plant, "off", **drift)
        own = replayed(tmp_path, "--config", alone, *words)
        assert row["model_version"] == own["model_version"]
        assert row["alarms"] == own["alarms"]["count"]
        assert row["alarms_a_day"] == own["alarms"]["a_day"]
        assert row["passing_suspicions"] == own["alarms"]["passing_suspicions"]
        assert row["allowed"] == own["budget"]["allowed"]
        told = own["true_changes"]
        assert (row["found"], row["missed"]) == (told["found"], told["missed"])
        assert row["delays_records"] == [each["delay_records"] for each in told["changes"]]
    assert rows[0]["found"] == 2
    assert len({tuple(row["delays_records"]) for row in rows}) > 2
    assert "1 per 2000 records" in printed
    assert "median delay" in printed


def test_models_are_replayed_one_after_the_other(
    plant: Path, config: Path, data: Path, tmp_path: Path
) -> None:
    other = trained(tmp_path / "other", epochs=1)
    words = ["--config", config, "--data", data, "--rate", RATE]
    found = valid(replayed(tmp_path, *words, "--grid", f"model={other},{plant}"))
    assert [row["model"] for row in found["grid"]] == [str(other), str(plant)]
    versions = [row["model_version"] for row in found["grid"]]
    assert versions[1] == found["model_version"] != versions[0]
    alone = configured(tmp_path, other, "off")
    own = replayed(tmp_path, "--config", alone, "--data", data, "--rate", RATE)
    assert found["grid"][0]["alarms"] == own["alarms"]["count"]
    assert versions[0] == own["model_version"]
    assert "found" not in found["grid"][0]


def test_channels_are_judged_by_all_of_them(plant: Path, data: Path, tmp_path: Path) -> None:
    config = configured(tmp_path, plant, "standard")
    words = ["--config", config, "--data", data, "--rate", RATE, "--grid"]
    found = valid(replayed(tmp_path, *words, "tolerance=0.05,0.2"))
    assert found["grid"][0]["alarms"] == found["alarms"]["count"]


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        (["budget=1 per 7d"], "KEY is one of false-alarms, tolerance, model"),
        (["tolerance"], "write KEY=VALUE,VALUE"),
        (["tolerance=0.1,,0.2"], "a value is empty"),
        (["tolerance=0.1,0.1"], "a value is given twice"),
        (["tolerance=0.1", "tolerance=0.2"], "tolerance: is given twice"),
        (["tolerance=2"], "must be a number from 0 to 1, got '2'"),
        (["tolerance=nan"], "must be a number from 0 to 1"),
        (["false-alarms=often"], "'often' is no budget"),
    ],
)
def test_what_says_nothing_sensible_is_refused(texts: list[str], said: str) -> None:
    with pytest.raises(UserError, match="--grid") as error:
        parse(texts)
    assert said in str(error.value)


def test_the_number_of_combinations_is_bounded() -> None:
    many = ",".join(f"{i / 100}" for i in range(100))
    budgets = ",".join(f"1 per {d}d" for d in range(1, 4))
    parse([f"tolerance={many}", "model=a,b"])
    with pytest.raises(UserError, match=f"300 combinations, at most {MOST}"):
        parse([f"tolerance={many}", f"false-alarms={budgets}"])


def test_a_model_that_is_not_there_is_named(
    config: Path, data: Path, tmp_path: Path, refused: Refused
) -> None:
    words: list[Any] = ["--config", config, "--data", data]
    line = refused("replay", *words, "--grid", f"model={tmp_path / 'none'}")
    assert str(tmp_path / "none") in line
    line = refused("replay", "--config", config, "--data", "-", "--grid", "model=a")
    assert "standard input" in line
