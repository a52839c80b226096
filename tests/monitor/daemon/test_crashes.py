"""A crash anywhere changes nothing: what is remembered equals that of a run without one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from monitor.daemon.cadence import Cadence
from monitor.process import failpoints
from monitor.state.folder import ACCEPTED, PREPARED, PREVIOUS, read
from monitor.stream.offsets import Committed
from monitor.stream.records import Partition, Record
from monitor.stream.sinks.memory import MemorySink
from monitor.stream.sources.memory import MemorySource
from tests.monitor.builders import normal_errors, record
from tests.monitor.daemon.crashes import Crash, Killed, Run, finish
from tests.monitor.daemon.daemons import committed, keys, turns

P0, P1 = Partition("in", 0), Partition("in", 1)
RECORDS = 4000
EVERY = 53
"""One record in so many is bad."""


def stream(partitions: int = 1) -> list[Record]:
    """Normal errors, then three times as large, with some bad records."""
    errors = np.concatenate([normal_errors(RECORDS // 2), normal_errors(RECORDS // 2, 1, 3.0)])
    return [
        record(i // partitions, b"bad" if i % EVERY == 7 else float(error), i % partitions)
        for i, error in enumerate(errors)
    ]


def memory(folder: Path) -> bytes:
    return read(folder / ACCEPTED).memory


def alerts(sink: MemorySink) -> list[bytes]:
    """Each alert's bytes once, in order of their first delivery."""
    return list(dict.fromkeys(e.value or b"" for e in sink.flushed if e.kind == "alert"))


def uninterrupted(records: list[Record], start: Run, folder: Path) -> tuple[bytes, MemorySink]:
    source, sink = MemorySource(records), MemorySink()
    finish(start(source, sink, folder), source)
    return memory(folder), sink


PLACES = tuple(
    place
    for place in failpoints.PLACES
    if place not in ("sink", "snapshot_write", *failpoints.SWAP_PLACES)
)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("partitions", [1, 3])
@pytest.mark.parametrize("ahead", [0, 1])
def test_a_crash_at_any_step_changes_no_byte_of_what_is_remembered(
    place: str, partitions: int, ahead: int, crash: Crash, start: Run, tmp_path: Path
) -> None:
    records = stream(partitions)
    expected, whole = uninterrupted(records, start, tmp_path / "whole")
    source, sink = MemorySource(records), MemorySink()
    for count in (1, 2, 9, 23):
        crash.at(place, count)
        subject = start(source, sink, tmp_path / "crashed", ahead=ahead)
        with pytest.raises(Killed, match=place):
            finish(subject, source)
    crash.at("", 0)
    finish(start(source, sink, tmp_path / "crashed"), source)
    if partitions == 1:
        assert memory(tmp_path / "crashed") == expected
        assert alerts(sink) == alerts(whole)
    totals = start(source, sink, tmp_path / "crashed").parts.pipeline.ledger.totals
    assert sum(t.scored for t in totals.values()) == sum(r.value != b"bad" for r in records)
    assert sum(t.dead_lettered for t in totals.values()) == sum(r.value == b"bad" for r in records)
    assert set(keys(sink)) == set(keys(whole)) or partitions > 1


def test_fifty_crashes_at_random_steps_change_no_byte(
    crash: Crash, start: Run, tmp_path: Path
) -> None:
    records = stream()
    expected, whole = uninterrupted(records, start, tmp_path / "whole")
    source, sink = MemorySource(records), MemorySink()
    rng = np.random.default_rng(5)
    killed = 0
    while killed < 50:
        crash.at(str(rng.choice(PLACES)), int(rng.integers(1, 3)))
        cadence, ahead = Cadence(0, 250), killed % 3
        subject = start(source, sink, tmp_path / "crashed", cadence=cadence, ahead=ahead)
        try:
            finish(subject, source)
            raise AssertionError(f"read to the end after {killed} crashes")
        except Killed:
            killed += 1
    crash.at("", 0)
    finish(start(source, sink, tmp_path / "crashed"), source)
    assert memory(tmp_path / "crashed") == expected
    assert alerts(sink) == alerts(whole)
    assert set(keys(sink)) == set(keys(whole))


def test_work_on_a_lost_partition_that_is_not_committed_is_taken_back(
    start: Run, tmp_path: Path
) -> None:
    source = MemorySource([record(i, 1.0, i % 2) for i in range(400)])
    subject = start(source, MemorySink(), tmp_path, cadence=Cadence(seconds=1e9, records=10**9))
    turns(subject, 3)
    ledger = subject.parts.pipeline.ledger
    assert ledger.totals[P0].scored > 0
    source.revoke(P1)
    subject.turn()
    assert ledger.totals[P0].scored == 0
    turns(subject, 3)
    assert ledger.totals[P0].scored == 200
    assert P1 not in ledger.totals or ledger.totals[P1].scored == 0


def test_an_orderly_leave_commits_first_and_takes_nothing_back(start: Run, tmp_path: Path) -> None:
    source = MemorySource([record(i, 1.0, i % 2) for i in range(400)])
    subject = start(source, MemorySink(), tmp_path, cadence=Cadence(seconds=1e9, records=10**9))
    turns(subject, 2)
    done = {p: t.next_offset for p, t in subject.parts.pipeline.ledger.totals.items()}
    source.revoke(P1, orderly=True)
    assert committed(source) == done
    subject.turn()
    assert subject.parts.metrics.registry.get_sample_value("aead_monitor_rollbacks_total") == 0


def test_a_damaged_snapshot_is_replaced_by_the_one_before_and_the_records_since_are_read_again(
    start: Run, tmp_path: Path
) -> None:
    records = stream()
    expected, _ = uninterrupted(records, start, tmp_path / "whole")
    source, sink = MemorySource(records), MemorySink()
    turns(start(source, sink, tmp_path / "state"), 30)
    newest = tmp_path / "state" / ACCEPTED
    newest.write_bytes(newest.read_bytes()[:-1])
    subject = start(source, sink, tmp_path / "state")
    registry = subject.parts.metrics.registry
    assert registry.get_sample_value("aead_monitor_snapshots_damaged_total") == 1
    finish(subject, source)
    assert memory(tmp_path / "state") == expected
    name = "aead_monitor_partitions_resumed_total"
    assert registry.get_sample_value(name, {"case": "repeated"}) == 1


def test_with_all_snapshots_damaged_it_begins_anew_and_goes_on_at_the_committed_offset(
    start: Run, tmp_path: Path
) -> None:
    source, sink = MemorySource(stream()), MemorySink()
    turns(start(source, sink, tmp_path), 30)
    for name in (ACCEPTED, PREVIOUS):
        (tmp_path / name).write_bytes(b"rubbish")
    subject = start(source, sink, tmp_path)
    turns(subject, 1)
    totals = subject.parts.pipeline.ledger.totals[P0]
    assert (totals.consumed, totals.next_offset) == (100, 3100)


def test_a_snapshot_of_other_settings_is_not_used(start: Run, tmp_path: Path) -> None:
    source, sink = MemorySource(stream()), MemorySink()
    turns(start(source, sink, tmp_path), 30)
    subject = start(source, sink, tmp_path, fingerprint="other")
    turns(subject, 1)
    assert subject.parts.pipeline.ledger.totals[P0].consumed == 100
    assert committed(source) == {P0: 3100}


def test_offsets_moved_back_by_an_admin_begin_drift_detection_anew(
    start: Run, tmp_path: Path
) -> None:
    source, sink = MemorySource(stream()), MemorySink()
    turns(start(source, sink, tmp_path), 30)
    source.stored[P0] = Committed(1000)
    subject = start(source, sink, tmp_path)
    turns(subject, 1)
    totals = subject.parts.pipeline.ledger.totals[P0]
    assert (totals.consumed, totals.next_offset) == (100, 1100)
    assert subject.parts.pipeline.judge.verdict.window_records <= 100
    finish(subject, source)
    assert subject.parts.pipeline.ledger.totals[P0].consumed == 3000


def test_offsets_moved_forward_by_an_admin_are_followed(start: Run, tmp_path: Path) -> None:
    source, sink = MemorySource(stream()), MemorySink()
    turns(start(source, sink, tmp_path), 30)
    source.stored[P0] = Committed(3500)
    subject = start(source, sink, tmp_path)
    turns(subject, 1)
    totals = subject.parts.pipeline.ledger.totals[P0]
    assert (totals.consumed, totals.next_offset) == (3100, 3600)


def test_a_topic_made_anew_begins_drift_detection_anew(start: Run, tmp_path: Path) -> None:
    source, sink = MemorySource(stream()), MemorySink()
    finish(start(source, sink, tmp_path), source)
    shorter = MemorySource(stream()[:300])
    shorter.stored = dict(source.stored)
    subject = start(shorter, sink, tmp_path)
    finish(subject, shorter)
    assert subject.parts.pipeline.ledger.totals[P0].consumed == 300


def test_a_full_disk_stops_commits_and_nothing_else(
    start: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = [True]

    def reach(place: str) -> None:
        if place == "snapshot_write" and full[0]:
            raise OSError(28, "no space left on device")

    monkeypatch.setattr(failpoints, "obey", reach)
    source, sink = MemorySource(stream()), MemorySink()
    subject = start(source, sink, tmp_path)
    turns(subject, 10)
    assert committed(source) == {}
    assert subject.parts.pipeline.ledger.totals[P0].consumed == 1000
    registry = subject.parts.metrics.registry
    assert (registry.get_sample_value("aead_monitor_snapshot_failures_total") or 0) > 5
    full[0] = False
    subject.turn()
    assert committed(source) == {P0: 1100}
    assert not (tmp_path / PREPARED).exists()
