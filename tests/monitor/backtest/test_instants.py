"""Cells as times: what they mean, and what is none."""

from __future__ import annotations

from datetime import datetime

import pyarrow as pa
import pytest

from monitor.backtest.instants import NONE, dates, milliseconds


def one(text: str | None, unit: str | None = None) -> int | None:
    (found,) = milliseconds(pa.array([text], pa.string()), unit).tolist()
    return None if found == NONE else int(found)


@pytest.mark.parametrize(
    ("text", "iso"),
    [
        ("2026-01-31", "2026-01-31T00:00:00+00:00"),
        ("2024-02-29 23:59:59.250", "2024-02-29T23:59:59.250+00:00"),
        ("2026/1/5T07:08", "2026-01-05T07:08:00+00:00"),
        ("2026-01-31T12:00:00Z", "2026-01-31T12:00:00+00:00"),
        ("2026-01-31 12:00:00+02:00", "2026-01-31T10:00:00+00:00"),
        ("2026-01-31 12:00:00-0330", "2026-01-31T15:30:00+00:00"),
        ("1969-12-31 23:59:59", "1969-12-31T23:59:59+00:00"),
        ("2026-01-31 12:00:00.000000000", "2026-01-31T12:00:00+00:00"),
    ],
)
def test_dates(text: str, iso: str) -> None:
    assert one(text) == round(1000 * datetime.fromisoformat(iso).timestamp())


@pytest.mark.parametrize(
    "text",
    [
        "2025-02-29", "2026-13-01", "2026-00-10", "2026-01-00", "2026-01-01 24:00:00",
        "2026-01-01 10:60", "31.01.2026", "12:00:00", "", "nan", "inf", "1e300", "soon", None,
    ],
)  # fmt: skip
def test_what_is_no_time(text: str | None) -> None:
    assert one(text) is None


def test_numbers_are_in_their_unit() -> None:
    assert one("1700000000.5") == 1_700_000_000_500
    assert [one("1500", unit) for unit in ("s", "ms", "us", "ns")] == [1_500_000, 1500, 2, 0]
    assert dates(pa.array(["1700000000", "5"])).tolist() == [NONE, NONE]


def test_cells_of_both_kinds_keep_their_places() -> None:
    cells = pa.array(["5", None, "1970-01-01 00:00:07", "x"], pa.string())
    assert milliseconds(cells, None).tolist() == [5000, NONE, 7000, NONE]
