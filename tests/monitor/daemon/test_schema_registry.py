"""A Schema Registry is asked once for each id, and nothing is lost while it does not answer."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from monitor.codecs.decoding import Decoded
from monitor.codecs.schemas import SchemaText
from monitor.daemon import schema_registry
from monitor.daemon.loop import Daemon
from monitor.daemon.schema_registry import Access, SchemaRegistry
from monitor.errors import DecodeError, SchemaUnavailableError
from monitor.stream.records import Record
from monitor.stream.sinks.memory import MemorySink
from monitor.stream.sources.memory import MemorySource
from tests.monitor import schema_registry_stub
from tests.monitor.builders import candidate
from tests.monitor.builders import decode as decode_values
from tests.monitor.daemon.daemons import assemble, turns
from tests.monitor.schema_registry_stub import Stub


@pytest.fixture
def stub() -> Iterator[Stub]:
    with schema_registry_stub.running() as running:
        yield running


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def client(stub: Stub, clock: Clock | None = None, **access: Any) -> SchemaRegistry:
    return SchemaRegistry(Access(stub.url + "/", **access), clock or Clock())


def test_a_schema_is_asked_for_once(stub: Stub) -> None:
    stub.add(1, '"int"')
    stub.add(2, "message M {}", "PROTOBUF")
    registry = client(stub)
    for _ in range(3):
        assert registry.get(1) == SchemaText("AVRO", '"int"')
        assert registry.get(2) == SchemaText("PROTOBUF", "message M {}")
    assert stub.asked == [
        "/schemas/ids/1", "/schemas/ids/2", "/schemas/ids/2?format=serialized",
    ]  # fmt: skip
    assert "authorization" not in stub.headers[0]


def test_protobuf_is_asked_for_as_compiled_with_its_references(stub: Stub) -> None:
    reference = {"name": "a/motor.proto", "subject": "motor", "version": 2}
    stub.add(2, "message M {}", "PROTOBUF")
    stub.add("2?format=serialized", "Q29tcGlsZWQ=", references=[reference])
    stub.answers["/subjects/motor/versions/2?format=serialized"] = {"schema": "bW90b3I="}
    assert client(stub).get(2) == SchemaText(
        "PROTOBUF", "Q29tcGlsZWQ=", {"a/motor.proto": "bW90b3I="}
    )  # fmt: skip


@pytest.mark.parametrize("status", [400, 422])
def test_a_registry_that_compiles_nothing_gives_the_text(stub: Stub, status: int) -> None:
    stub.add(2, "message M {}", "PROTOBUF")
    stub.refused["/schemas/ids/2?format=serialized"] = status
    assert client(stub).get(2) == SchemaText("PROTOBUF", "message M {}")


def test_an_unknown_id_is_the_records_fault_and_asked_for_again_after_a_minute(stub: Stub) -> None:
    clock = Clock()
    registry = client(stub, clock)
    for _ in range(3):
        with pytest.raises(DecodeError, match="no schema 7"):
            registry.get(7)
    assert len(stub.asked) == 1
    stub.add(7, '"int"')
    clock.now += 61
    assert registry.get(7).text == '"int"'


def failures(stub: Stub) -> dict[str, Any]:
    return {
        "unavailable": 503, "refused": 401, "too many": 429, "another server": 404,
        "moved": 302, "no JSON": b"<html>", "no object": b"[]", "no schema": b"{}",
        "too large": b'{"schema": "' + b"a" * schema_registry.LARGEST_BYTES + b'"}',
        "another type": b'{"schema": 3}',
    }  # fmt: skip


@pytest.mark.parametrize("kind", failures(Stub()))
def test_a_registry_that_does_not_answer_rightly_is_asked_again_after_a_pause(
    stub: Stub, kind: str
) -> None:
    clock = Clock()
    registry = client(stub, clock)
    stub.add(1, '"int"')
    stub.failure = failures(stub)[kind]
    for _ in range(5):
        with pytest.raises(
            SchemaUnavailableError, match=r"codec\.registry\.url http://127"
        ) as told:
            registry.get(1)
        assert len(str(told.value)) <= 300
    assert len(stub.asked) == 1
    clock.now += 1.5
    with pytest.raises(SchemaUnavailableError):
        registry.get(2)
    clock.now += 1.5
    with pytest.raises(SchemaUnavailableError):
        registry.get(1)
    assert len(stub.asked) == 2
    stub.failure = None
    clock.now += 15
    assert registry.get(1).text == '"int"'


def test_nobody_there_and_one_that_hangs_take_no_longer_than_the_timeout(stub: Stub) -> None:
    stub.hang = True
    began = time.monotonic()
    with pytest.raises(SchemaUnavailableError, match=r"no answer in 0\.2 seconds|timed out"):
        client(stub, timeout_seconds=0.2).get(1)
    nobody = SchemaRegistry(Access("http://127.0.0.1:1", timeout_seconds=0.2))
    with pytest.raises(SchemaUnavailableError):
        nobody.get(1)
    assert time.monotonic() - began < 15  # the stub would hang for 20


def test_a_login_comes_from_files_that_are_read_each_time(stub: Stub, tmp_path: Path) -> None:
    user, password = tmp_path / "user", tmp_path / "password"
    user.write_text("me\n", encoding="utf-8")
    password.write_text("secret\n", encoding="utf-8")
    stub.add(1, '"int"')
    client(stub, user_file=user, password_file=password).get(1)
    assert stub.headers[0]["authorization"] == "Basic bWU6c2VjcmV0"
    with pytest.raises(SchemaUnavailableError) as told:
        client(stub, user_file=user, password_file=tmp_path / "gone").get(1)
    assert "gone" in str(told.value)
    assert "secret" not in str(told.value)


def test_references_come_with_their_own(stub: Stub) -> None:
    def reference(name: str) -> dict[str, Any]:
        return {"name": name, "subject": f"{name}/value", "version": 3}

    stub.add(1, "A", references=[reference("B")])
    path = "/subjects/{}%2Fvalue/versions/3"
    stub.answers[path.format("B")] = {"schema": "B", "references": [reference("C")]}
    stub.answers[path.format("C")] = {"schema": "C", "references": [reference("B")]}
    found = client(stub).get(1)
    assert dict(found.references)["B"] == "B"
    assert set(found.references) == {"B", "C"}


def test_what_is_kept_is_bounded(stub: Stub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schema_registry, "MOST_SCHEMAS", 2)
    registry = client(stub)
    for schema_id in (1, 2, 3):
        stub.add(schema_id, '"int"')
        registry.get(schema_id)
    registry.get(3)
    registry.get(1)
    assert len(stub.asked) == 4


class Silent:
    """Decodes nothing while `silent`; failures: how often it was asked in vain."""

    silent = True
    failures = 0

    def __call__(self, value: bytes | None, headers: object = ()) -> NDArray[np.float64]:
        return decode_values(value)

    def all(self, values: Any, headers: Any = None) -> Decoded:
        if self.silent:
            self.failures += 1
            raise SchemaUnavailableError("codec.registry.url: no answer")
        return decode_values.all(values)


def _consumed(subject: Daemon) -> int:
    return sum(counted.consumed for counted in subject.parts.pipeline.ledger.totals.values())


@pytest.mark.parametrize("ahead", [0, 1])
def test_records_wait_until_the_registry_answers(
    ahead: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("monitor.daemon.backlog.AGAIN_SECONDS", 0.05)
    decoding, source, sink = Silent(), MemorySource([]), MemorySink()
    records = [Record("in", 0, i, 1_700_000_000_000 + i, b"k", b"1.0") for i in range(250)]
    source = MemorySource(records)
    model = replace(candidate(), decode=decoding)
    subject = assemble(source, sink, model=model, ahead=ahead)
    for _ in range(6):
        turns(subject, 1)
        time.sleep(0.03)
    subject._gauges.refresh(at_once=True)
    board = subject.parts.board
    assert decoding.failures >= 2
    assert {stored.offset for stored in source.stored.values()} <= {0}
    assert not board.published["ready"]
    assert "no answer" in board.published["hindrance"]
    registry = subject.parts.metrics.registry
    assert registry.get_sample_value("aead_monitor_not_ready", {"reason": "schemas"}) == 1
    assert subject._backlog.records <= 200  # nothing more is polled
    decoding.silent = False
    until = time.monotonic() + 10
    while _consumed(subject) < 250 and time.monotonic() < until:
        turns(subject, 1)
        time.sleep(0.01)
    subject._gauges.refresh(at_once=True)
    assert _consumed(subject) == 250
    assert board.published["ready"]
    assert sink.flushed == [] or all(e.kind != "dead_letter" for e in sink.flushed)


def test_a_stop_ends_though_the_registry_is_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    decoding = Silent()
    records = [Record("in", 0, i, 1_700_000_000_000 + i, b"k", b"1.0") for i in range(50)]
    source = MemorySource(records)
    subject = assemble(source, MemorySink(), model=replace(candidate(), decode=decoding))
    turns(subject, 2)
    began = time.monotonic()
    subject.stop()
    subject._drain()
    assert time.monotonic() - began < 5  # the deadline of whoever stops
    assert {stored.offset for stored in source.stored.values()} <= {0}
