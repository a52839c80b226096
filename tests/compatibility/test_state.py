"""A daemon's state that was written before is taken up, and what comes after it is the same."""

from __future__ import annotations

import hashlib
import lzma
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from monitor.cli import main
from monitor.daemon.assembly.daemon import fingerprint
from monitor.drift.judge_state import decode
from monitor.pipeline.events import verdict_json
from monitor.pipeline.step import MEMORY_SCHEMA
from monitor.retraining.past_episode import episode_json
from monitor.state.folder import ACCEPTED, PREPARED, PREVIOUS, read
from monitor.state.snapshot import Snapshot
from monitor.stream.events import Event
from monitor.stream.sinks.memory import MemorySink
from tests.compatibility.before import (
    EXPECTED,
    FOLDER,
    SNAPSHOTS,
    Continuation,
    config,
    pipeline,
    snapshot,
    unpack,
)
from tests.compatibility.likeness import SIZE_MEASURED, SIZE_OF_BET, differences, unexplained
from tests.compatibility.written_before import arithmetic

BEFORE, AFTER = EXPECTED["state"]["before"], EXPECTED["state"]["after"]
PUBLISHED = EXPECTED["state"]["published"]
MEMORY_AFTER = lzma.decompress((FOLDER / "memory_after.xz").read_bytes())
same_arithmetic = pytest.mark.skipif(
    arithmetic.digest() != EXPECTED["state"]["arithmetic"],
    reason="this machine's arithmetic differs in the last digits: only the others are compared",
)


def known(item: Continuation) -> dict[str, Any]:
    """What the daemon knows, as `write.py` wrote it down."""
    parts = item.daemon.parts
    stored = sorted(item.source.stored.items())
    return {
        "sequence": parts.checkpoints.sequence,
        "verdict": verdict_json(parts.pipeline.judge.verdict),
        "totals": parts.pipeline.ledger.state(),
        "episodes": [episode_json(episode) for episode in parts.pipeline.history.episodes],
        "requests": [request.id for request in parts.pipeline.history.requests],
        "notes": [[p.topic, p.number, c.offset, c.note] for p, c in stored],
    }


def without_digest(expected: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in expected.items() if name != "memory_sha256"}


def keyed_as_before(event: Event) -> Event:
    """A dead letter had the address of its record as its key, and not in a header."""
    headers = dict(event.headers)
    address = headers.pop("aead.address", None)
    if address is None:
        return event
    return replace(event, key=address, headers=tuple(headers.items()))


def keys(sink: MemorySink) -> list[str]:
    return [f"{e.kind} {e.key.decode()}" for e in map(keyed_as_before, sink.flushed)]


TOLD_FIRST = b'"over: errors are about 2.1 times larger","partition":null'
FOUND_LAST = (
    b'"over: 10% of records are about 5 times worse in readings/2",'
    b'"partition":{"topic":"readings","partition":2}'
)
"""How an episode's end was told: with the words of its beginning, and, before, with the last."""


def content(sink: MemorySink) -> str:
    digest = hashlib.sha256()
    for event in map(keyed_as_before, sink.flushed):
        value = event.value and event.value.replace(TOLD_FIRST, FOUND_LAST)
        value = value and value.replace(SIZE_MEASURED.encode(), SIZE_OF_BET.encode())
        digest.update(repr((event.kind, event.key, value, event.headers)).encode())
    return digest.hexdigest()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    unpack(tmp_path)
    return tmp_path / "state"


@pytest.fixture
def continuation(folder: Path) -> Iterator[Continuation]:
    item = Continuation(folder)
    yield item
    item.stop()


@pytest.mark.parametrize("name", SNAPSHOTS)
def test_a_snapshot_is_read_and_written_again_byte_for_byte(name: str) -> None:
    data = snapshot(name)
    assert Snapshot.decode(data).encode() == data


@pytest.mark.parametrize("name", SNAPSHOTS)
def test_a_memory_is_taken_up_and_given_back_with_all_that_was_in_it(name: str) -> None:
    memory = Snapshot.decode(snapshot(name)).memory
    _, subject = pipeline()
    subject.recall(memory)
    states = [decode(data, MEMORY_SCHEMA) for data in (memory, subject.memory())]
    assert unexplained(*states) == []


def test_a_configuration_has_the_fingerprint_that_it_had() -> None:
    assert fingerprint(config()) == EXPECTED["state"]["fingerprint"]


def test_a_daemon_knows_what_it_knew(continuation: Continuation) -> None:
    assert BEFORE["verdict"]["state"] == "firing"
    assert list(differences(without_digest(BEFORE), known(continuation))) == []


def check_end(item: Continuation, folder: Path) -> None:
    """The daemon has come to the same end as the one of before."""
    assert keys(item.sink) == PUBLISHED["keys"]
    assert unexplained(without_digest(AFTER), known(item)) == []
    memory = read(folder / ACCEPTED).memory
    states = [decode(data, MEMORY_SCHEMA) for data in (MEMORY_AFTER, memory)]
    assert unexplained(*states) == []


def test_it_goes_on_to_the_same_events_totals_and_requests(
    continuation: Continuation, folder: Path
) -> None:
    continuation.finish()
    check_end(continuation, folder)
    alerts = [key for key in keys(continuation.sink) if key.startswith("alert")]
    assert [alert.split("/")[1] for alert in alerts] == ["resolved", "firing"]


@same_arithmetic
def test_it_goes_on_to_the_same_bytes_of_events(continuation: Continuation) -> None:
    continuation.finish()
    assert content(continuation.sink) == PUBLISHED["sha256"]


def test_after_a_crash_before_it_was_accepted_the_notes_tell_that_a_snapshot_counts(
    folder: Path,
) -> None:
    (folder / ACCEPTED).rename(folder / PREPARED)
    (folder / PREVIOUS).rename(folder / ACCEPTED)
    item = Continuation(folder)
    try:
        assert item.daemon.parts.checkpoints.doubtful
        item.finish()
        check_end(item, folder)
    finally:
        item.stop()


def test_with_the_newest_snapshot_damaged_the_one_before_it_leads_to_the_same_totals(
    folder: Path,
) -> None:
    newest = folder / ACCEPTED
    newest.write_bytes(newest.read_bytes()[:-1])
    item = Continuation(folder)
    try:
        item.finish()
        assert known(item)["totals"] == AFTER["totals"]
        assert known(item)["requests"] == AFTER["requests"]
        assert set(keys(item.sink)) > set(PUBLISHED["keys"])  # some came again
        alerts = [key for key in keys(item.sink) if key.startswith("alert")]
        assert alerts == [key for key in PUBLISHED["keys"] if key.startswith("alert")]
    finally:
        item.stop()


def test_requests_are_where_they_were_on_their_way(continuation: Continuation) -> None:
    kept = continuation.outbox.listing()
    assert not kept.damaged
    assert [request.id for request in kept.requests] == BEFORE["requests"]
    deliveries = kept.requests[0].deliveries
    assert {name: item.state for name, item in deliveries.items()} == {
        "team": "delivered",
        "training": "held",
    }
    continuation.outbox.change(kept.requests[0].id, ("training",), lambda item: item.retried())
    continuation.finish()
    after = continuation.outbox.listing().requests
    assert sorted(request.id for request in after) == sorted(AFTER["requests"])
    states = {request.id: request.deliveries["training"].state for request in after}
    assert [states[id] for id in AFTER["requests"]] == ["waiting", "held"]


def test_commands_show_a_state_of_before(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    path = str(unpack(tmp_path))
    assert main(["check-config", path]) == 0
    for command in (["episodes"], ["requests", "list"], ["state", "show"]):
        assert main([*command, "--config", path]) == 0
    shown = capsys.readouterr().out
    assert BEFORE["requests"][0] in shown
    for topic, number, offset, *_ in BEFORE["totals"]:
        assert f"{topic}/{number}" in shown
        assert f"{offset:,}" in shown or str(offset) in shown


def test_a_difference_in_the_ninth_digit_or_in_a_type_is_found() -> None:
    then = {"a": [1, 2.0, "x"], "b": np.array([1.0, 2.0])}
    assert list(differences(then, {"a": [1, 2.0 + 1e-12, "x"], "b": np.array([1.0, 2.0])})) == []
    now = {"a": [1.0, 2.0 + 1e-8, "y", 4], "b": np.array([1.0, 2.1]), "c": 1}
    assert len(list(differences(then, now))) == 6
