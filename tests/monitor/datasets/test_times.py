"""Times that go back or repeat are told where the order of records matters."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from models.input_spec import InputSpec
from models.windows import Window
from monitor.datasets import Reading, fitting, learning, times
from monitor.errors import DataError

ISO = [f"2026-01-{1 + i // 24:02} {i % 24:02}:00" for i in range(60)]
SHUFFLED = [ISO[i] for i in np.random.default_rng(0).permutation(60)]
WINDOW = Window(4, 2)


def series(folder: Path, at: list[str], machine: list[str] | None = None) -> str:
    rows = [f"{t},{m},{i % 7}.5,{i % 5}.25" for i, (t, m) in enumerate(
        zip(at, machine or ["m"] * len(at), strict=True))]  # fmt: skip
    (folder / "series.csv").write_text("\n".join(["at,machine,a,b", *rows]) + "\n")
    return str(folder / "series.csv")


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        ("2026-01-31", "2026-02-01"),
        ("2026-01-01 23:59:59.5", "2026-01-01 23:59:59,75"),
        ("2026-01-01T10:00:00+02:00", "2026-01-01T09:00:00+00:00"),
        ("2026-01-01T10:00:00Z", "2026-01-01T10:00:00-00:30"),
        ("31.12.2025 23:00", "01.01.2026 00:00"),
        ("13/1/26 9:00 AM", "13/1/26 1:00 PM"),
        ("13/1/26 12:30 AM", "13/1/26 1:00 AM"),
        ("9.5", "10"),
    ],
)
def test_times_in_many_forms_have_an_order(earlier: str, later: str) -> None:
    first, second = times.keys(pa.array([earlier, later]), day_first=True)
    assert first < second


def test_a_day_is_not_taken_for_a_month() -> None:
    texts = pa.array(["1/2/2026", "13/2/2026", "2/13/2026", "noon", None])
    assert np.isnan(times.keys(texts, day_first=True)).tolist() == [False, False, True, True, True]
    assert np.isnan(times.keys(texts, day_first=False)).tolist() == [False, True, False, True, True]


CASES = [
    pytest.param(ISO, None, "", "", id="in order"),
    pytest.param([f"{1 + i}/1/2026" for i in range(31)], None, "", "", id="day first"),
    pytest.param([f"1/{1 + i}/2026" for i in range(31)], None, "", "", id="month first"),
    pytest.param(ISO[:30] * 2, ["m"] * 30 + ["n"] * 30, "machine", "", id="one after another"),
    pytest.param([t for t in ISO[:30] for _ in "mn"], ["m", "n"] * 30, "machine", "",
                 id="by turns"),
    pytest.param([t for t in ISO[:30] for _ in "mn"], ["m", "n"] * 30, "",
                 "30 of 59 records have the time of the one before", id="by turns, without --by"),
    pytest.param(ISO[:30] * 2, ["m"] * 30 + ["n"] * 30, "", "1 of 59 steps", id="without --by"),
    pytest.param([*ISO[:9], ISO[10], ISO[9], *ISO[11:]], None, "",
                 "2026-01-01 09:00 after 2026-01-01 10:00", id="one late"),
]  # fmt: skip


@pytest.mark.parametrize(("at", "machine", "by", "told"), CASES)
def test_what_is_told_of_the_order_of_steps(tmp_path: Path, at, machine, by, told: str) -> None:
    said: list[str] = []
    reading = Reading(time="at", drop=() if by else ("machine",), say=said.append)
    learning.read(series(tmp_path, at, machine), reading, Window(4, 2, by))
    assert told in "\n".join(said)
    assert bool(said) == bool(told)


@pytest.mark.parametrize("at", [SHUFFLED, ISO[::-1]], ids=["shuffled", "newest first"])
def test_a_file_in_another_order_is_refused_where_order_matters(tmp_path: Path, at) -> None:
    path = series(tmp_path, at)
    reading = Reading(time="at", drop=("machine",), say=lambda text: None)
    fault = "steps from one record to the next go back in time .* Sort it by at"
    with pytest.raises(DataError, match=fault):
        learning.read(path, reading, WINDOW)
    with pytest.raises(DataError, match=fault):
        learning.read(path, Reading(time="at", drop=("machine",), newest=True))
    learning.read(path, Reading(time="at", drop=("machine",)))


def test_a_model_of_windows_refuses_such_a_file_too(tmp_path: Path) -> None:
    learned = learning.read(series(tmp_path, ISO), Reading(time="at", drop=("machine",)), WINDOW)
    data = learned.data
    spec = InputSpec.fit(data.records, data.schema, layout="series", window=WINDOW)
    with pytest.raises(DataError, match="go back in time"):
        list(fitting.blocks(series(tmp_path, SHUFFLED), None, spec, Reading(time="at")))


def test_other_cells_than_times_are_told_as_such(tmp_path: Path) -> None:
    said: list[str] = []
    path = series(tmp_path, [f"day {i}" for i in range(40)])
    learning.read(path, Reading(time="at", drop=("machine",), say=said.append))
    assert "the cells are no times that are known, the first 'day 0' in record 0" in said[0]
