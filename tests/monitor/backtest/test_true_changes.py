"""Files of true changes that are wrong: refused with line and column."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.monitor.backtest.streams import FOUR, changes_of, replayed, table_of

Refused = Callable[..., str]


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["start,end", "1,2"], "line 1: the columns are 'start', 'end', and must be begin"),
        (["begin,end", "1,2", "x,"], "line 3, column begin: 'x' is neither a row"),
        (["begin", "1", "", "2.5"], "line 4, column begin: '2.5' is neither a row"),
        (["begin", "-1"], "line 2, column begin: '-1' is neither a row"),
        (["begin,end", "5,5"], "line 2, column end: 5 is not after begin, 5"),
        (["begin,end", "5,9", "8,"], "line 3, column begin: 8 is not after the change above"),
        (["begin,end,segment", "5,9,a", "8,,a"], "8 is not after the change above, which has 9"),
        (["begin,end,segment", "5,9,a", "8,,"], "8 is not after the change above, which has 9"),
        (["begin,end,segment", "5,9,", "8,,a"], "8 is not after the change above, which has 9"),
        (["begin,segment", "5,a", "4,b"], "4 is not after the change above, which has 5"),
        (["begin", "5", "5"], "line 3, column begin: 5 is not after the change above"),
        (["begin", "2026-01-01"], "line 2, column begin: '2026-01-01' is a time, but the records"),
        (["begin", "1,2"], "line 2: 2 cells, but the first line names 1 columns"),
        (["begin"], "names no change"),
        ([""], "is empty"),
        (["begin,name", '5,"x'], "line 2: unexpected end of data"),
    ],
)
def test_bad_changes_are_refused_with_line_and_column(
    lines: list[str], said: str, config: Path, data: Path, tmp_path: Path, refused: Refused
) -> None:
    changes = changes_of(tmp_path / "changes.csv", *lines)
    line = refused("replay", "--config", config, "--data", data, "--changes", changes)
    assert str(changes) in line
    assert said in line


def test_changes_of_different_segments_may_overlap(
    config: Path, data: Path, tmp_path: Path
) -> None:
    changes = changes_of(tmp_path / "c.csv", "begin,end,segment", "5,90,a", "5,,b", "95,99,a")
    found = replayed(tmp_path, "--config", config, "--data", data, "--changes", changes)
    told = found["true_changes"]["changes"]
    assert [(each["segment"], each["begin"]["row"]) for each in told] == [
        ("a", 5), ("b", 5), ("a", 95),
    ]  # fmt: skip


def test_times_and_rows_are_not_mixed(config: Path, tmp_path: Path, refused: Refused) -> None:
    table = table_of(tmp_path / "plant.csv", FOUR[:3])
    changes = changes_of(tmp_path / "changes.csv", "begin", "1", "2026-01-01 00:00:02")
    words = ["--config", config, "--data", table, "--time-column", "stamp"]
    line = refused("replay", *words, "--changes", changes)
    assert "line 3, column begin: '2026-01-01 00:00:02' is not of the kind of '1' above" in line


def test_changes_that_are_not_there(config: Path, data: Path, refused: Refused) -> None:
    line = refused("replay", "--config", config, "--data", data, "--changes", "none.csv")
    assert "none.csv: cannot be read: No such file" in line
