"""Runs the chaos and checks the books: `python -m tests.chaos.run`."""

from __future__ import annotations

import argparse
import json
import random
import shutil
import signal
import tempfile
import time
from pathlib import Path
from typing import Any

from kafka import KafkaConsumer, TopicPartition

from tests.chaos.books import Books, check
from tests.chaos.faults import SESSION_SECONDS, Faults
from tests.chaos.ledger import Feeder, truth
from tests.chaos.member import Member
from tests.chaos.models import Models
from tests.chaos.readiness import Sampler, Watch
from tests.kafka.cluster import Cluster
from tests.kafka.process import wait_until

PARTITIONS = 6
SETTLE_SECONDS = 240.0
ACCEPTED_SECONDS = 2.0
"""After the offsets are committed: the snapshot has been accepted."""
STALL_SECONDS = 10
ALLOWED_SECONDS = STALL_SECONDS + 15.0
"""For which a daemon may be ready and decide on nothing: it asks for the topic's end only every few
seconds, on a busy machine."""
TOPIC = "chaos"
ANY_TIMESTAMP = {"message.timestamp.after.max.ms": str(2**63 - 1)}
"""The broker takes what wild clocks write; by default it refuses what is an hour ahead."""
OUTPUTS = ("anomalies", "dead-letters", "alerts")


def main() -> None:
    """Read the command line, run, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--records", type=int, default=200_000)
    parser.add_argument("--transactions", action="store_true")
    parser.add_argument("--client", default="kafka-python", help="kafka.client of the daemons")
    parser.add_argument("--channels", default="off", help="drift.channels of the daemons")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="aead-chaos-"))
    print(f"logs in {folder}, removed if the books balance")
    books = chaos(
        folder,
        options.seed,
        options.rounds,
        options.records,
        options.transactions,
        options.client,
        options.channels,
    )
    shutil.rmtree(folder)
    print(json.dumps(books.summary(), indent=2))


def chaos(
    folder: Path,
    seed: int,
    rounds: int,
    records: int,
    transactions: bool,
    client: str = "kafka-python",
    channels: str = "off",
) -> Books:
    """So many faults while so many records come. Raises if the books do not balance."""
    print(
        f"seed {seed}, {rounds} rounds, {records:,} records, transactions {transactions},"
        f" {client}, channels {channels}"
    )
    rng, models = random.Random(seed), Models(folder)
    (folder / "kafka").mkdir()
    with Cluster(folder / "kafka") as cluster:
        servers = cluster.stable_servers
        cluster.create_topic(TOPIC, PARTITIONS, configs=ANY_TIMESTAMP)
        settings = _settings(servers, models.link, transactions, client)
        settings["drift"] = {"channels": channels}
        members = [
            Member(name, folder, _with_instance(settings, instance))
            for name, instance in (
                ("first", "first"), ("second", None), ("guest", None), ("twin", "first")
            )
        ]  # fmt: skip
        storm = Storm(rng, cluster, members, models)
        sampler = Sampler(servers, TOPIC, PARTITIONS, storm.everyone, Watch(ALLOWED_SECONDS))
        sampler.start()
        try:
            for member in members[:2]:
                member.start()
            storm.rage(rounds // 2, records // 2)
            _settle(servers, members[:2])
            _resolve(storm.everyone)
            _check(servers, models, storm.everyone, transactions, records // 2)
            _make_anew(cluster, members, records // 2)
            storm.everyone[:] = members
            # More than there was before: the place where they were is in the middle of it.
            storm.rage(rounds - rounds // 2, records, first=records // 2)
            _settle(servers, members[:2])
            _resolve(storm.everyone)
            for member in members[:2]:
                print(f"{member.name} ended in {member.stop():.1f} s")
            sampler.finish()
            return _check(servers, models, storm.everyone, transactions, records)
        finally:
            for member in storm.everyone:
                member.kill()


def _with_instance(settings: dict[str, Any], instance: str | None) -> dict[str, Any]:
    return {**settings, "kafka": {**settings["kafka"], "instance": instance}}


def _settings(servers: str, model: Path, transactions: bool, client: str) -> dict[str, Any]:
    return {
        "model": str(model),
        "kafka": {
            "bootstrap_servers": servers,
            "topic": TOPIC,
            "group": "chaos",
            "session_timeout_seconds": SESSION_SECONDS,
            "transactions": transactions,
            "client": client,
        },
        "codec": {"name": "raw", "dtype": "float32"},
        "batch": {"max_records": 128, "linger_seconds": 0.05},
        "http": {"port": 0, "stall_seconds": STALL_SECONDS},
        "reload": {"poll_seconds": 1},
        "state": {"snapshot_seconds": 0.5, "snapshot_records": 2000},
        "threads": 1,
    }


class Storm:
    """Faults one after the other, while records come in between.

    members: first, second, guest and twin. everyone: those whose books count, and whom faults
    brought.
    """

    def __init__(
        self, rng: random.Random, cluster: Cluster, members: list[Member], models: Models
    ) -> None:
        self._rng, self._cluster, self._members = rng, cluster, members
        self._models = models
        self._order: list[str] = []
        self.everyone = list(members)

    def rage(self, rounds: int, records: int, first: int = 0) -> None:
        """So many faults, until there are so many records. first: are there already."""
        servers, steady = self._cluster.stable_servers, self._members[:2]
        feeder = Feeder(servers, TOPIC, PARTITIONS, records, first)

        def settle() -> None:
            feeder.finish()
            _settle(servers, steady)

        faults = Faults(
            self._rng, self._cluster, steady, *self._members[2:], feeder, self._models, settle,
            self._order, self.everyone,
        )  # fmt: skip
        started = time.monotonic()
        for number in range(1, rounds + 1):
            feeder.send(first + (records - first) * number // rounds - feeder.sent)
            what = faults.draw()
            print(f"{time.monotonic() - started:7.1f} s  round {number}: {what}", flush=True)
            time.sleep(self._rng.uniform(0.2, 2))
        feeder.finish()


def _settle(servers: str, members: list[Member]) -> None:
    """Let the two members read to the end and make it final."""
    for member in members:
        member.start()
    wait_until(lambda: _lag(servers) == 0, SETTLE_SECONDS, lambda: f"still {_lag(servers)} behind")
    time.sleep(ACCEPTED_SECONDS)


def _resolve(members: list[Member]) -> None:
    """Have those look for their last commit that were killed in the middle of it."""
    for member in members:
        if not member.running and member.in_doubt:
            member.start()
            wait_until(
                lambda member=member: not member.in_doubt,
                SETTLE_SECONDS,
                lambda member=member: f"{member.name} does not know what it committed",
            )
            member.stop()


def _check(
    servers: str, models: Models, members: list[Member], transactions: bool, records: int
) -> Books:
    facts = truth(servers, TOPIC, PARTITIONS, models.bundle)
    found = len(facts.numbers)
    assert found == records, f"{found} of {records} records are in the topic"
    return check(facts, servers, TOPIC, members, transactions, swapped=models.swaps > 0)


def _make_anew(cluster: Cluster, members: list[Member], records: int) -> None:
    """Another topic of the same name, with as many records: one daemon is down, one frozen."""
    first, second, *others = members
    for member in members:
        member.removed.clear()  # of the old topic, and in its books
    first.stop()
    for member in others:
        member.kill()
        member.forget()  # who is away for good says nothing of the new topic
    second.signal(signal.SIGSTOP)
    cluster.delete_topics(TOPIC, *(f"{TOPIC}.{kind}" for kind in OUTPUTS))
    cluster.create_topic(TOPIC, PARTITIONS, configs=ANY_TIMESTAMP)
    feeder = Feeder(cluster.stable_servers, TOPIC, PARTITIONS, records)
    feeder.send(records)
    feeder.finish()
    before = len(second.log.read_text(errors="replace"))
    second.signal(signal.SIGCONT)
    first.start()
    # Until it is noticed, some seconds, what comes behind the old place is read, and read again.
    # While it reads, or since the group gives it the partitions again.
    noticed = ("the topic was deleted and made anew", "the topic is not the one that was read")
    wait_until(
        lambda: any(line in second.log.read_text(errors="replace")[before:] for line in noticed),
        SETTLE_SECONDS,
        lambda: "the frozen daemon does not notice that the topic was made anew",
    )


def _lag(servers: str) -> int:
    """Records that the group has not committed."""
    consumer = KafkaConsumer(bootstrap_servers=servers.split(","), group_id="chaos")
    try:
        places = [TopicPartition(TOPIC, number) for number in range(PARTITIONS)]
        ends = consumer.end_offsets(places)
        return sum(ends[place] - (consumer.committed(place) or 0) for place in places)
    finally:
        consumer.close(autocommit=False)


if __name__ == "__main__":
    main()
