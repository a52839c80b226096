"""Segments in the daemon: shown, counted, and judged when nothing comes any more."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from monitor.commands.remembered import remembered
from monitor.daemon import loop
from monitor.daemon.loop import Daemon
from monitor.pipeline.segment_json import segments_json
from monitor.retraining.past_episode import episodes_of
from monitor.stream.columns import Columns
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
        ({"a": "firing", "b": "ok"}, "drift of segments", "Drift in segment a; the stream"),
        ({"a": "ok", "b": "silent"}, "silence", "Nothing comes of segment b any more"),
        (
            {str(n): "firing" for n in range(7)},
            "drift of segments",
            "Drift in segments 0, 1, 2, 3, 4 and 2 more;",
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
            "silent_since": "2026-12-01T14:05:00.000+00:00" if state == "silent" else None,
        }
        for name, state in states.items()
    ]
    told = advice(published(segments={"segments": found}))
    assert told.headline == headline
    assert told.sentence.startswith(words)
    firing = advice(published(segments={"segments": found}, drift={"state": "firing"}))
    assert firing.headline == "drift"  # the whole stream comes first
