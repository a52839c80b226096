"""Laps of what wears a daemon out, watching what it holds on to: `python -m tests.chaos.churn`.

A lap is some thousand records over all partitions, some hundred records that come one by one, and
all connections to the broker cut some times while records flow. Memory, files and threads at the
end of the laps must be what they were after the first ones, and the daemon must end in time.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

from confluent_kafka import Producer

from monitor.config import Config
from monitor.demo.daemon_process import DaemonProcess
from tests import product
from tests.chaos.ledger import make_bundle, payload
from tests.chaos.soak import Sample, settings_of, show, verdict
from tests.kafka.broker import HOST, Broker
from tests.kafka.cli import total
from tests.kafka.process import wait_until
from tests.kafka.relay import Relay
from tests.kafka.topics import TopicFactory

BULK, TINY, DROPS = 10_000, 500, 3
DECIDED_SECONDS = 120.0
BETWEEN_DROPS_SECONDS = 1.0


class Laps:
    """Sends records to a daemon on a topic. decided: records that it has decided on."""

    def __init__(
        self, servers: str, topic: str, partitions: int, relay: Relay, daemon: DaemonProcess
    ) -> None:
        self._producer = Producer({"bootstrap.servers": servers, "log_level": 0})
        self._topic, self._partitions = topic, partitions
        self._relay, self._daemon = relay, daemon
        self._sent = 0

    def lap(self) -> Sample:
        """One lap; what the daemon holds after it."""
        self._send(BULK)
        self._decided()
        for _ in range(TINY):
            self._send(1)
        self._decided()
        for _ in range(DROPS):
            self._send(BULK // 10)
            assert self._relay.drop(), "nobody was connected"
            time.sleep(BETWEEN_DROPS_SECONDS)
        self._decided()
        return Sample.of(self._daemon.pid, self._sent)

    def _send(self, records: int) -> None:
        for number in range(self._sent, self._sent + records):
            # One that nobody can score now and then: dead letters are laps, too.
            self._producer.produce(
                self._topic, value=payload(number), partition=number % self._partitions
            )
        self._sent += records
        assert self._producer.flush(60) == 0

    def _decided(self) -> None:
        def done() -> int:
            status = self._daemon.status()
            return total(status, "consumed") if status.get("drift") else -1

        wait_until(
            lambda: done() >= self._sent, DECIDED_SECONDS, lambda: f"{done()} of {self._sent}"
        )


def churn(folder: Path, laps: int, partitions: int, client: str) -> str:
    """Run so many laps; what was seen. Raises AssertionError if anything grows, or if the daemon
    does not end in time."""
    make_bundle(folder / "model")
    (folder / "kafka").mkdir()
    broker, relay = Broker(folder / "kafka"), None
    try:
        relay = Relay(broker.port)
        broker.advertise(HOST, relay.port)
        broker.start()
        topic = TopicFactory(broker.bootstrap_servers)(partitions)
        config = settings_of(relay.address, topic, folder, client)
        daemon = DaemonProcess(folder, config, launch=product.launch)
        try:
            course = Laps(broker.bootstrap_servers, topic, partitions, relay, daemon)
            started, samples = time.monotonic(), []
            for _ in range(laps):
                samples.append(course.lap())
                show(samples[-1], time.monotonic() - started)
        finally:
            began = time.monotonic()
            daemon.stop()
            seconds = time.monotonic() - began
        allowed = Config.model_fields["shutdown_seconds"].default
        assert seconds < allowed + 2, f"the end took {seconds:.1f} s"
        return f"{verdict(samples, samples[-1].records)}; ended in {seconds:.1f} s"
    finally:
        if relay is not None:
            relay.close()
        broker.kill()


def main() -> None:
    """Read the command line, run, judge."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--laps", type=int, default=20)
    parser.add_argument("--partitions", type=int, default=1000)
    parser.add_argument("--client", default="kafka-python", help="kafka.client of the daemon")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="aead-churn-") as folder:
        print(churn(Path(folder), options.laps, options.partitions, options.client))


if __name__ == "__main__":
    main()
