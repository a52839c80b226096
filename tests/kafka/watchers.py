"""A daemon on a thread of the test, over a real broker, with a model that costs nothing."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from kafka import KafkaProducer

from monitor.daemon.assembly.kafka import make_sink, make_source
from monitor.daemon.cadence import Cadence
from monitor.state.ledger import Totals
from monitor.state.resume import Policy
from monitor.stream.kafka_options import Connection
from monitor.stream.sinks.topics import Topics
from monitor.stream.sources.subscription import Subscription
from tests.kafka import kafkacat
from tests.kafka.process import wait_until
from tests.monitor.daemon.daemons import assemble

SECONDS = 90.0
CADENCE = Cadence(seconds=0.3, records=10**6, recommit_seconds=600)


class Watcher:
    """Watches a topic until stopped. error: what ended it, if anything did."""

    def __init__(
        self,
        servers: str,
        topic: str,
        folder: Path,
        policy: Policy | None = None,
        subscription: Mapping[str, Any] | None = None,
        client: str = "kafka-python",
        **parts: Any,
    ) -> None:
        settings = {"topic": topic, "group": topic, "session_timeout_seconds": 6.0}
        self.source = make_source(
            client, Connection(servers), Subscription(**(settings | dict(subscription or {})))
        )
        names = {
            "anomaly": f"{topic}.anomalies",
            "dead_letter": f"{topic}.dead-letters",
            "alert": f"{topic}.alerts",
        }
        self.daemon = assemble(
            self.source,
            make_sink(client, Connection(servers), Topics(names)),
            folder,
            parts.pop("cadence", CADENCE),
            policy=policy or Policy(),
            **parts,
        )
        self.error: BaseException | None = None
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        try:
            self.daemon.run()
        except BaseException as error:  # noqa: BLE001  (the test looks at it)
            self.error = error

    @property
    def totals(self) -> dict[int, Totals]:
        """What was counted, by number of partition."""
        ledger = self.daemon.parts.pipeline.ledger
        return {p.number: t for p, t in list(ledger.totals.items())}

    def next_offset(self, partition: int) -> int:
        """After what was counted of a partition; -1 if nothing was yet."""
        total = self.totals.get(partition)
        return -1 if total is None else total.next_offset

    def consumed(self) -> int:
        """Records scored or dead-lettered."""
        return sum(t.consumed for t in self.totals.values())

    def until(self, ready: Callable[[], bool], seconds: float = SECONDS) -> None:
        """Wait for something; fails when the daemon has ended."""

        def ready_or_ended() -> bool:
            if self.error is not None:
                raise AssertionError(f"the daemon ended: {self.error!r}")
            return ready()

        wait_until(ready_or_ended, seconds, lambda: f"totals {self.totals}")

    def until_consumed(self, records: int, seconds: float = SECONDS) -> None:
        """Wait until so many records were counted."""
        self.until(lambda: self.consumed() >= records, seconds)
        assert self.consumed() == records

    def until_ended(self, seconds: float = SECONDS) -> BaseException | None:
        """Wait until it has ended by itself; returns what ended it."""
        self._thread.join(seconds)
        assert not self._thread.is_alive()
        return self.error

    def sample(self, name: str, **labels: str) -> float:
        """A metric."""
        registry = self.daemon.parts.metrics.registry
        return registry.get_sample_value(f"aead_monitor_{name}", labels or None) or 0.0

    def stop(self) -> None:
        """End in good order."""
        self.daemon.stop()
        self._thread.join(60)
        assert not self._thread.is_alive()


Watch = Callable[..., Watcher]
"""watch(topic, name="one", servers="", **changes): see the fixture of that name."""


def send(
    servers: str, topic: str, values: Sequence[bytes | None], partition: int = 0, **options: Any
) -> None:
    """Send values to a partition, in order and in one batch if they fit."""
    producer = KafkaProducer(
        bootstrap_servers=servers.split(","), acks="all", linger_ms=50, **options
    )
    futures = [producer.send(topic, key=b"k", value=value, partition=partition) for value in values]
    for future in futures:
        future.get(timeout=30)
    producer.close()


def good(count: int) -> list[bytes | None]:
    """Payloads that are scored."""
    return [b"1.0"] * count


def dead_letters(servers: str, topic: str) -> list[tuple[int, str, int | None]]:
    """Offset, reason and end of the range of each dead letter, sorted."""
    found = []
    for message in kafkacat.consume(servers, f"{topic}.dead-letters"):
        headers = dict(message.headers)
        end = headers.get("aead.next_offset")
        found.append(
            (
                int(headers["aead.offset"]),
                headers["aead.reason"].decode(),
                int(end) if end else None,
            )
        )
    return sorted(found)
