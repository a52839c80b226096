"""Brokers come back behind other addresses, and only `bootstrap_servers` stays the same."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from monitor.stream.sources import lasting
from tests.kafka.broker import HOST, Broker, alone
from tests.kafka.process import free_ports
from tests.kafka.topics import TopicFactory
from tests.kafka.watchers import Watcher, dead_letters, good, send


class Service:
    """A stable address in front of whichever broker there is, as a Service of Kubernetes is."""

    def __init__(self) -> None:
        self._listener = socket.create_server((HOST, 0))
        self.address = f"{HOST}:{self._listener.getsockname()[1]}"
        self.port = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                inner, _ = self._listener.accept()
                try:
                    outer = socket.create_connection((HOST, self.port))
                except OSError:
                    inner.close()
                    continue
                for one, other in ((inner, outer), (outer, inner)):
                    threading.Thread(target=_carry, args=(one, other), daemon=True).start()

    def close(self) -> None:
        self._listener.close()


def _carry(one: socket.socket, other: socket.socket) -> None:
    with suppress(OSError):
        while data := one.recv(65536):
            other.sendall(data)
    for end in (one, other):
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
        end.close()


@pytest.fixture
def service() -> Iterator[Service]:
    made = Service()
    yield made
    made.close()


def test_consumer_and_producer_begin_again_at_the_stable_address(
    tmp_path: Path, client: str, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lasting, "LIMITS", {**lasting.LIMITS, lasting.NO_CONNECTION: 3.0})
    place = alone()
    first = Broker(tmp_path, place=place)
    first.start()
    service.port = place.port
    name = TopicFactory(first.bootstrap_servers)()
    watcher = Watcher(service.address, name, tmp_path / "state", client=client)
    moved = None
    try:
        send(first.bootstrap_servers, name, [*good(10), b"bad"])
        watcher.until_consumed(11)
        first.kill()
        (port,) = free_ports(1)
        moved = Broker(tmp_path, place=replace(place, port=port))
        moved._formatted = True  # it is the same broker, with its data, elsewhere
        moved.start()
        service.port = port
        send(moved.bootstrap_servers, name, [*good(10), b"bad"])
        watcher.until_consumed(22, 120)
        if client == "kafka-python":  # librdkafka goes back to the stable address by itself
            watcher.until(lambda: watcher.sample("kafka_clients_replaced_total") >= 1)
        # What was not committed is published again, with the same keys.
        letters = dead_letters(moved.bootstrap_servers, name)
        assert {offset for offset, _, _ in letters} == {10, 21}
        watcher.until(lambda: bool(watcher.daemon.parts.board.published["ready"]))
    finally:
        watcher.stop()
        first.kill()
        if moved is not None:
            moved.kill()
