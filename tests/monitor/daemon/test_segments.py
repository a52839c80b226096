"""Segments in the daemon: shown, counted, and judged when nothing comes any more."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from pathlib import Path

import pytest

from monitor.commands.remembered import remembered
from monitor.daemon import loop
from monitor.daemon.loop import Daemon
from monitor.pipeline.segment_json import segments_json
from monitor.retraining.past_episode import episodes_of
from monitor.stream.columns import Columns
from monitor.stream.records import Partition, Record
from monitor.stream.sinks.memory import MemorySink
from monitor.stream.sources.memory import MemorySource
from monitor.web.pages.advice import advice
from monitor.web.pages.rendering import status_page
from tests.monitor.builders import normal_errors
from tests.monitor.daemon.daemons import assemble, turns
from tests.monitor.segment_streams import camera, keyed, segmented_pipeline
from tests.monitor.web.pages.statuses import published

CALM, DRIFT = 10_240, 2_000


def watched(folder: Path | None = None) -> tuple[Daemon, MemorySink]:
    """A daemon that has read a drift of camera-2, of which the last rows wait for more."""
    errors = normal_errors(CALM + DRIFT, 1)
    errors[CALM + 2 :: 5] *= 3.0
    source, sink = MemorySource(keyed(errors, camera)), MemorySink()
    daemon = assemble(source, sink, folder, pipeline=segmented_pipeline())
    turns(daemon, (CALM + DRIFT) // 100 + 5)
    return daemon, sink


def alerts(sink: MemorySink) -> list[tuple[str, str]]:
    bodies = [json.loads(event.value) for event in sink.flushed if event.kind == "alert"]
    return [(body["segment"], body["event"]) for body in bodies if "segment" in body]


def sample(daemon: Daemon, name: str, **labels: str) -> float | None:
    return daemon.parts.metrics.registry.get_sample_value(f"aead_monitor_{name}", labels)


def test_rows_that_wait_are_judged_when_nothing_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    daemon, sink = watched()
    assert daemon.parts.pipeline.waits
    assert alerts(sink) == []
    monkeypatch.setattr(loop, "REST_SECONDS", 0.0)
    daemon.turn()
    assert not daemon.parts.pipeline.waits
    assert alerts(sink) == [("camera-2", "firing")]
    assert sample(daemon, "segment_alerts_total", event="firing") == 1
    again = segmented_pipeline()
    again.recall(daemon.parts.checkpoints._accepted.memory)
    assert [each.segment for each in again.segmented.history.lasting] == ["camera-2"]


def test_commands_are_told_of_episodes_of_segments(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(loop, "REST_SECONDS", 0.0)
    daemon, _ = watched(tmp_path)
    daemon.turn()
    known = episodes_of(remembered(tmp_path))
    (mine,) = [episode for episode in known if episode.segment]
    assert mine.explanation.startswith("segment camera-2: errors are")
    assert [e.fired_at for e in known] == sorted(e.fired_at for e in known)


def test_gauges_of_segments_come_and_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "REST_SECONDS", 0.0)
    daemon, _ = watched()
    daemon.turn()
    daemon._gauges.refresh(at_once=True)
    assert sample(daemon, "segment_drift_firing", segment="camera-2") == 1
    assert sample(daemon, "segment_drift_firing", segment="camera-1") == 0
    assert sample(daemon, "segment_silent", segment="camera-1") == 0
    assert sample(daemon, "segment_rows", segment="camera-1") == (CALM + DRIFT) // 5
    last = sample(daemon, "segment_last_record_timestamp_seconds", segment="camera-4")
    assert last == pytest.approx((1_700_000_000_000 + CALM + DRIFT - 1) / 1000)
    assert sample(daemon, "segment_error_ratio", segment="camera-2") > 2
    daemon.parts.pipeline.begin_anew()
    daemon._gauges.refresh(at_once=True)
    assert sample(daemon, "segment_rows", segment="camera-1") is None


def test_segments_are_listed_those_in_drift_first() -> None:
    subject = segmented_pipeline()
    errors = normal_errors(CALM, 2)
    subject.step(Columns.of(keyed(errors, camera)))
    drifted = normal_errors(CALM, 3)
    drifted[4::5] *= 2.0
    subject.step(Columns.of(keyed(drifted, camera, CALM)))
    shown = segments_json(subject.segmented.segments, subject.judge.verdict)
    assert [each["name"] for each in shown["segments"]][:2] == ["camera-4", "camera-0"]
    first = shown["segments"][0]
    assert (first["state"], first["direction"]) == ("firing", "larger")
    assert first["ratio"]["low"] < 2.0 < first["ratio"]["high"]
    assert shown["records_per_false_alarm"]["promised"] <= shown["records_per_false_alarm"]["asked"]


def test_the_page_has_a_table_of_segments_whose_names_are_text() -> None:
    segment = {
        "name": "<script>\u202ealert(1)", "rows": 7, "state": "firing", "silent_since": None,
        "since": "2026-12-01T14:05:00.000+00:00",
        "ratio": {"value": 2.0, "low": 1.9, "high": 2.1}, "direction": "larger",
        "statistic": 3.0, "threshold": 2.0, "explanation": "",
        "last_record": "2026-12-01T14:06:00.000+00:00",
    }  # fmt: skip
    silent = segment | {"name": "b", "state": "ok", "silent_since": segment["since"]}
    page = status_page(published(segments={"segments": [segment, silent]}), "", "", "", "hour")
    assert "&lt;script&gt;\\u202ealert(1)" in page
    assert "ok, silent" in page
    assert "2 (1.9 to 2.1)" in page
    assert 'id="segments"' not in status_page(published(), "", "", "", "hour")


@pytest.mark.parametrize(
    ("states", "headline", "words"),
    [
        (
            {"a": "firing", "b": "ok"},
            "drift of segments",
            "Drift in segment a since 2026-12-01 14:00:00 UTC; the whole",
        ),
        (
            {"a": "ok", "b": "silent"},
            "silence",
            "Nothing comes from segment b any more since 2026-12-01 14:05:00 UTC; others",
        ),
        (
            {str(n): "firing" for n in range(7)},
            "drift of segments",
            "Drift in segments 0, 1, 2, 3, 4 and 2 more since 2026-12-01 14:00:00 UTC;",
        ),
        ({"a": "ok"}, "all well", ""),
    ],
)
def test_the_page_says_first_which_segments_are_not_well(
    states: dict[str, str], headline: str, words: str
) -> None:
    found = [
        {
            "name": name,
            "state": "ok" if state == "silent" else state,
            "ratio": {"value": 2.13, "low": 2.0, "high": 2.3},
            "since": "2026-12-01T14:00:00.000+00:00" if state == "firing" else None,
            "silent_since": "2026-12-01T14:05:00.000+00:00" if state == "silent" else None,
        }
        for name, state in states.items()
    ]
    told = advice(published(segments={"segments": found}))
    assert told.headline == headline
    assert told.sentence.startswith(words)
    firing = advice(published(segments={"segments": found}, drift={"state": "firing"}))
    assert firing.headline == "drift"  # the whole stream comes first


def own(camera: int, first: int, count: int) -> list[Record]:
    """Records of a camera that has a partition to itself."""
    errors = normal_errors(count, 10 + camera).tolist()
    key, begin = b"camera-%d" % camera, 1_700_000_000_000
    return [
        Record("in", camera, offset, begin + offset, key, repr(error).encode())
        for offset, error in enumerate(errors, first)
    ]


def sent(cameras: Iterable[int], first: int, count: int) -> list[Record]:
    return [record for camera in cameras for record in own(camera, first, count)]


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looks at each turn, and calls less than a tenth of a second silence."""
    monkeypatch.setattr(loop, "REST_SECONDS", 0.0)
    monkeypatch.setattr(loop, "QUIET_SECONDS", 0.0)
    monkeypatch.setattr("monitor.drift.segments.gaps.SHORTEST_TIME", 80)
    monkeypatch.setattr("monitor.daemon.gauges.REFRESH_SECONDS", 0.0)


@pytest.mark.usefixtures("soon")
def test_a_camera_that_stops_in_a_partition_of_its_own_is_told() -> None:
    source, sink = MemorySource(sent(range(5), 0, 1000)), MemorySink()
    daemon = assemble(source, sink, pipeline=segmented_pipeline())
    turns(daemon, 55)
    assert [event for _, event in alerts(sink) if event == "silent"] == []
    for step in range(8):
        source.append(sent(range(4), 1000 + 60 * step, 60))
        turns(daemon, 4)
        time.sleep(0.1)
    assert alerts(sink) == [("camera-4", "silent")]
    again = segmented_pipeline()
    again.recall(daemon.parts.checkpoints._accepted.memory)
    assert [each.segment for each in again.segmented.history.lasting] == ["camera-4"]
    source.append(own(4, 1000, 20))
    turns(daemon, 3)
    assert alerts(sink)[1:] == [("camera-4", "returned")]


@pytest.mark.usefixtures("soon")
def test_a_camera_whose_partition_waits_to_be_read_is_not_silent() -> None:
    source, sink = MemorySource(sent(range(5), 0, 1000)), MemorySink()
    daemon = assemble(source, sink, pipeline=segmented_pipeline())
    turns(daemon, 55)
    # The brokers say that there is more of the fifth, and nothing of it comes.
    daemon._gauges._lag.survey({Partition("in", 4): 5000})
    for step in range(8):
        source.append(sent(range(4), 1000 + 60 * step, 60))
        turns(daemon, 4)
        time.sleep(0.1)
    assert alerts(sink) == []
