"""The timeline: a bounded number of points, whatever comes, that survive a restart."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from monitor.drift.episodes import State
from monitor.stream.records import Estimate, Verdict
from monitor.web.timeline import FILE, MARKS_KEPT, SAVE_SECONDS, SPANS, Timeline
from tests.monitor.builders import pipeline

BEFORE: Verdict = pipeline().judge.verdict


def verdict(median: float = 1.0, state: State = State.OK) -> Verdict:
    estimate = Estimate(median, median, median)
    return replace(BEFORE, state=state, quantiles={0.5: estimate, 0.9: estimate}, ratio=estimate)


def test_rows_are_counted_where_they_came() -> None:
    line = Timeline()
    for now, rows, anomalous in ((1000, 0, 0), (1003, 50, 1), (1004, 60, 1), (1011, 100, 4)):
        line.note(now, verdict(), rows, anomalous)
    hour = line.document("hour")
    assert (hour["times"], hour["rows"], hour["anomalous"]) == ([1000, 1010], [60, 40], [1, 3])
    minutes = line.document("minutes")
    assert (minutes["times"], minutes["rows"]) == ([1000, 1002, 1004, 1010], [0, 50, 10, 40])


def test_a_point_tells_the_worst_state_and_the_last_error() -> None:
    line = Timeline()
    for now, median, state in ((0, 1.0, State.OK), (4, 3.0, State.FIRING), (9, 2.0, State.OK)):
        line.note(now, verdict(median, state), 0, 0)
    hour = line.document("hour")
    assert hour["states"] == ["firing"]
    assert hour["quantiles"] == {"0.5": [2.0], "0.9": [2.0]}


def test_what_is_not_known_is_null_and_a_rollback_counts_nothing() -> None:
    line = Timeline()
    line.note(0, verdict(float("nan")), 100, 1)
    line.note(20, verdict(), 40, 0)
    hour = line.document("hour")
    assert hour["quantiles"]["0.5"] == [None, 1.0]
    assert hour["ratio"][0] is None
    assert hour["rows"] == [0, 0]
    json.dumps(hour, allow_nan=False)


def test_it_is_bounded_and_each_span_holds_its_time() -> None:
    line = Timeline()
    for i in range(40_000):
        line.note(30.0 * i, verdict(), i, 0)
    for i in range(3 * MARKS_KEPT):
        line.mark(30.0 * 40_000, "model", str(i))
    for span, (seconds, kept) in SPANS.items():
        found = line.document(span)
        assert len(found["times"]) <= kept
        assert found["times"][-1] - found["times"][0] >= (kept - 1) * seconds - 30
        assert len(found["marks"]) == MARKS_KEPT


def test_after_a_silence_only_what_lies_within_the_span_is_shown() -> None:
    line = Timeline()
    line.mark(5.0, "started", "started")
    line.note(0, verdict(), 0, 0)
    line.note(100_000, verdict(), 0, 0)
    assert line.document("hour")["times"] == [100_000]
    assert line.document("hour")["marks"] == []
    assert line.document("week")["times"] == [0, 99_000]
    assert len(line.document("week")["marks"]) == 1


def test_a_clock_that_is_set_back_makes_no_point() -> None:
    line = Timeline()
    line.note(1000, verdict(), 0, 0)
    line.note(10, verdict(), 7, 0)
    assert line.document("hour")["times"] == [1000]
    assert line.document("hour")["rows"] == [7]


def test_it_goes_on_after_a_restart(tmp_path: Path) -> None:
    line = Timeline(tmp_path)
    for i in range(500):
        line.note(10.0 * i, verdict(i + 1.0), i, 0)
    line.mark(50.0, "model", "model two")
    line.save(0, at_once=True)
    again = Timeline(tmp_path)
    again.load()
    for span in SPANS:
        assert again.document(span) == line.document(span)
    again.note(10.0 * 500, verdict(), 0, 0)
    assert len(again.document("day")["times"]) == len(line.document("day")["times"])


def test_it_is_written_now_and_then(tmp_path: Path) -> None:
    line = Timeline(tmp_path)
    line.save(1000.0)
    (tmp_path / FILE).unlink()
    line.save(1000.0 + SAVE_SECONDS - 1)
    assert not (tmp_path / FILE).exists()
    line.save(1000.0 + SAVE_SECONDS)
    assert (tmp_path / FILE).exists()


@pytest.mark.parametrize(
    "content",
    [
        b"", b"{", b"[]", b'{"schema": "timeline-9"}', b"\xff\xfe", b"[" * 100_000,
        b'{"schema": "timeline-1", "levels": [0.5], "spans": {}, "marks": []}',
    ],
)  # fmt: skip
def test_a_damaged_file_is_told_and_it_begins_anew(tmp_path: Path, content: bytes) -> None:
    (tmp_path / FILE).write_bytes(content)
    line = Timeline(tmp_path)
    with capture_logs() as logs:
        line.load()
    assert [each["event"] for each in logs] == ["the timeline cannot be read; it begins anew"]
    line.note(0, verdict(), 0, 0)
    assert line.document("hour")["times"] == [0]


def changed(document: dict[str, Any], path: list[Any], value: Any) -> dict[str, Any]:
    place: Any = document
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    return document


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (["spans", "hour", 0, "start"], "x"),
        (["spans", "hour", 0, "start"], 10**9),
        (["spans", "hour", 0, "quantiles"], [1.0]),
        (["spans", "hour", 0, "quantiles"], ["nan", 1.0]),
        (["spans", "hour", 0, "ratio"], "inf"),
        (["marks", 0, "time"], "nan"),
        (["levels"], [0.5]),
    ],
)
def test_values_that_cannot_be_drawn_are_refused(
    tmp_path: Path, path: list[Any], value: Any
) -> None:
    line = Timeline(tmp_path)
    for i in range(3):
        line.note(10.0 * i, verdict(), i, 0)
    line.mark(1.0, "started", "started")
    line.save(0, at_once=True)
    document = changed(json.loads((tmp_path / FILE).read_bytes()), path, value)
    (tmp_path / FILE).write_text(json.dumps(document))
    again = Timeline(tmp_path)
    with capture_logs() as logs:
        again.load()
    assert [each["log_level"] for each in logs] == ["warning"]
    assert again.document("hour")["times"] == []


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    line = Timeline(tmp_path / "gone")
    with capture_logs() as logs:
        line.save(0)
    assert [each["event"] for each in logs] == ["the timeline cannot be written"]
