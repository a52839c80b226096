"""Names stay while the thing changes: another topic, another state, another folder is noticed."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from monitor.daemon.snapshots import committed_with
from monitor.state.folder import StateFolder
from monitor.state.resume import Policy
from monitor.state.snapshot import Note, Snapshot, Takeover
from monitor.stream.offsets import Assigned, Committed, identity_of
from monitor.stream.records import Partition
from monitor.stream.sinks.memory import MemorySink
from monitor.stream.sources.memory import MemorySource
from tests.monitor.daemon.crashes import Run, finish
from tests.monitor.daemon.daemons import committed, turns
from tests.monitor.daemon.test_crashes import P0, RECORDS, stream


def test_a_topic_of_another_id_is_begun_anew_though_it_holds_more_than_was_read(
    start: Run, tmp_path: Path
) -> None:
    source, sink = MemorySource(stream()[:300]), MemorySink()
    source.identity = identity_of("cluster", "one")
    finish(start(source, sink, tmp_path), source)
    overfilled = MemorySource(stream())
    overfilled.identity = identity_of("cluster", "two")
    overfilled.stored = dict(source.stored)
    subject = start(overfilled, sink, tmp_path)
    turns(subject, 0)
    registry = subject.parts.metrics.registry
    name = "aead_monitor_partitions_resumed_total"
    assert registry.get_sample_value(name, {"case": "made_anew"}) == 1
    finish(subject, overfilled)
    assert subject.parts.pipeline.ledger.totals[P0].consumed == RECORDS
    # It is known from then on.
    again = start(overfilled, sink, tmp_path)
    turns(again, 1)
    assert again.parts.pipeline.ledger.totals[P0].consumed == RECORDS


def test_a_copied_folder_parts_from_the_original_and_counts_nothing_twice(
    start: Run, tmp_path: Path
) -> None:
    source, sink = MemorySource(stream()), MemorySink()
    turns(start(source, sink, tmp_path / "one"), 5)
    start.bury()
    shutil.copytree(tmp_path / "one", tmp_path / "two")
    original = start(source, sink, tmp_path / "one")
    turns(original, 5)
    counted = original.parts.pipeline.ledger.totals[P0].consumed
    with capture_logs() as logs:
        second = start(source, sink, tmp_path / "two")
        finish(second, source)
    assert second.parts.pipeline.ledger.totals[P0].consumed == RECORDS - counted
    assert second.parts.checkpoints.writer != original.parts.checkpoints.writer
    assert any("state.directory" in line["event"] for line in logs)
    # The original goes on at what the copy has read, and counts none of it either.
    back = start(source, sink, tmp_path / "one")
    turns(back, 2)
    assert back.parts.pipeline.ledger.totals[P0].consumed == counted


def test_a_copy_says_in_every_partition_since_when_it_counts(start: Run, tmp_path: Path) -> None:
    subject = start(MemorySource(stream()), MemorySink(), tmp_path)
    turns(subject, 5)
    checkpoints, other = subject.parts.checkpoints, Partition("in", 1)
    was, done = checkpoints.writer, checkpoints.offsets()[P0]
    # The original has gone further here, and got another partition meanwhile.
    original = Snapshot(was, 10**6, "m", "f", {P0: done + 10, other: 40})
    assigned = {
        partition: Assigned(stored, 0, RECORDS)
        for partition, stored in committed_with(original, {P0: (), other: ()}).items()
    }
    plans = checkpoints.resume(assigned, Policy())
    assert {p: plan.offset for p, plan in plans.items()} == {P0: done + 10, other: 40}
    assert all(plan.owner_changed for plan in plans.values())
    chains = checkpoints.beginnings.takeovers
    assert chains[other] == (Takeover(checkpoints.writer, 40),)
    assert chains[P0][-1] == Takeover(checkpoints.writer, done + 10)
    assert checkpoints.writer != was


@pytest.mark.parametrize(("later", "is_copy"), [(1, True), (0, False)])
def test_a_copy_that_gets_none_of_the_originals_partitions_is_one_all_the_same(
    later: int, is_copy: bool, start: Run, tmp_path: Path
) -> None:
    """Its id stands beside the offsets of others, with a snapshot that it never wrote."""
    subject = start(MemorySource(stream()), MemorySink(), tmp_path)
    turns(subject, 5)
    checkpoints, theirs = subject.parts.checkpoints, Partition("in", 1)
    was, totals = checkpoints.writer, subject.parts.pipeline.ledger.totals
    assert totals[P0].consumed
    original = Snapshot(was, checkpoints.sequence + later, "m", "f", {theirs: 40})
    elsewhere = committed_with(original, {theirs: ()})
    somebody = Committed(90, str(Note("somebody", 3)))
    assigned = {Partition("in", 2): Assigned(somebody, 0, RECORDS, elsewhere=elsewhere)}
    (plan,) = checkpoints.resume(assigned, Policy()).values()
    assert plan.offset == 90
    assert (checkpoints.writer != was) == is_copy
    assert (subject.parts.pipeline.ledger.totals[P0].consumed == 0) == is_copy


@pytest.mark.parametrize(("later", "is_copy"), [(1, True), (0, False)])
@pytest.mark.parametrize("here", [True, False], ids=["its own", "others"])
def test_a_copy_that_comes_after_the_topic_was_made_anew_is_one_all_the_same(
    here: bool, later: int, is_copy: bool, start: Run, tmp_path: Path
) -> None:
    """Else the original, which has gone further in the new topic, believes that it is the copy."""
    source = MemorySource(stream())
    source.identity = identity_of("cluster", "one")
    subject = start(source, MemorySink(), tmp_path)
    turns(subject, 5)
    checkpoints, theirs, anew = (
        subject.parts.checkpoints, Partition("in", 1), identity_of("cluster", "two")
    )  # fmt: skip
    was = checkpoints.writer
    original = Snapshot(was, checkpoints.sequence + later, "m", "f", {theirs: 40}, identity=anew)
    stored = committed_with(original, {theirs: ()})
    mine = theirs if here else Partition("in", 2)
    assigned = Assigned(stored.get(mine), 0, RECORDS, anew, elsewhere={} if here else stored)
    checkpoints.resume({mine: assigned}, Policy())
    assert (checkpoints.writer != was) == is_copy


def test_a_snapshot_that_cannot_be_accepted_is_told_and_accepted_later(
    start: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, sink = MemorySource(stream()), MemorySink()
    subject = start(source, sink, tmp_path)
    turns(subject, 3)
    with monkeypatch.context() as broken:
        broken.setattr(StateFolder, "accept", refuse)
        turns(subject, 4)
        assert subject.parts.checkpoints.folder_failure == "read-only file system"
    # The offsets of the snapshot that could not be moved are committed: a crash here loses nothing.
    again = start(source, sink, tmp_path)
    finish(again, source)
    assert again.parts.pipeline.ledger.totals[P0].consumed == RECORDS
    assert again.parts.checkpoints.folder_failure == ""


def refuse(folder: StateFolder) -> None:
    raise OSError(30, "read-only file system")


@pytest.mark.parametrize("again", [False, True])
def test_a_folder_that_is_removed_or_replaced_is_noticed_and_nothing_is_committed(
    again: bool, start: Run, tmp_path: Path
) -> None:
    source, sink, folder = MemorySource(stream()), MemorySink(), tmp_path / "state"
    subject = start(source, sink, folder)
    turns(subject, 3)
    before = committed(source)
    shutil.copytree(folder, tmp_path / "other")
    shutil.rmtree(folder)
    if again:
        (tmp_path / "other").rename(folder)
    turns(subject, 5)
    assert committed(source) == before
    assert "removed or replaced" in subject.parts.checkpoints.folder_failure


def test_the_notes_of_ten_thousand_partitions_fit_into_one_commit() -> None:
    partitions = [Partition("in", number) for number in range(10_000)]
    chain = tuple(Takeover(f"writer-{i:05}", i) for i in range(40))
    identity = identity_of("cluster", "topic")
    snapshot = Snapshot("writer", 10**6, "m", "f", dict.fromkeys(partitions, 1), b"", identity)
    found = committed_with(snapshot, dict.fromkeys(partitions, chain))
    assert sum(len(stored.note) for stored in found.values()) <= 2**19
    note = Note.parse(found[partitions[0]].note)
    assert note is not None
    assert (note.writer, note.sequence, note.identity) == ("writer", 10**6, identity)
    few = committed_with(snapshot, dict.fromkeys(partitions[:100], chain))
    assert Note.parse(few[partitions[0]].note).takeovers == chain[-32:]  # type: ignore[union-attr]
