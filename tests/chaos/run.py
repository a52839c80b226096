"""Runs the chaos and checks the books: `python -m tests.chaos.run`."""

from __future__ import annotations

import argparse
import json
import random
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

from kafka import KafkaConsumer, TopicPartition

from tests.chaos.books import Books, check
from tests.chaos.faults import SESSION_SECONDS, Faults
from tests.chaos.ledger import Feeder, make_bundle, truth
from tests.chaos.member import Member
from tests.kafka.cluster import Cluster
from tests.kafka.process import wait_until

PARTITIONS = 6
SETTLE_SECONDS = 240.0
TOPIC = "chaos"


def main() -> None:
    """Read the command line, run, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--records", type=int, default=200_000)
    parser.add_argument("--transactions", action="store_true")
    parser.add_argument("--client", default="kafka-python", help="kafka.client of the daemons")
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
) -> Books:
    """So many faults while so many records come. Raises if the books do not balance."""
    print(
        f"seed {seed}, {rounds} rounds, {records:,} records, transactions {transactions}, {client}"
    )
    rng = random.Random(seed)
    bundle = make_bundle(folder / "model")
    (folder / "kafka").mkdir()
    with Cluster(folder / "kafka") as cluster:
        cluster.create_topic(TOPIC, PARTITIONS)
        settings = _settings(cluster.bootstrap_servers, folder / "model", transactions, client)
        members = [Member(name, folder, settings) for name in ("first", "second", "guest")]
        try:
            _storm(rng, cluster, members, rounds, records)
            _settle(cluster.bootstrap_servers, members[:2])
        finally:
            for member in members:
                member.kill()
        facts = truth(cluster.bootstrap_servers, TOPIC, PARTITIONS, bundle)
        return check(facts, cluster.bootstrap_servers, TOPIC, members, transactions)


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
        "state": {"snapshot_seconds": 0.5, "snapshot_records": 2000},
        "threads": 1,
    }


def _storm(
    rng: random.Random, cluster: Cluster, members: list[Member], rounds: int, records: int
) -> None:
    """Faults one after the other, while records come in between."""
    feeder = Feeder(cluster.bootstrap_servers, TOPIC, PARTITIONS)
    faults = Faults(rng, cluster, members[:2], members[2])
    for member in members[:2]:
        member.start()
    started = time.monotonic()
    for number in range(1, rounds + 1):
        feeder.send(records * number // rounds - feeder.sent)
        what = faults.draw()
        print(f"{time.monotonic() - started:7.1f} s  round {number}: {what}", flush=True)
        time.sleep(rng.uniform(0.2, 2))
    feeder.finish()


def _settle(servers: str, members: list[Member]) -> None:
    """Let the two members read to the end, and end them in good order."""
    for member in members:
        member.start()
    wait_until(lambda: _lag(servers) == 0, SETTLE_SECONDS, lambda: f"still {_lag(servers)} behind")
    for member in members:
        print(f"{member.name} ended in {member.stop():.1f} s")


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
