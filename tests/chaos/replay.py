"""One partition, read once without and once with many SIGKILLs: what is remembered is the same.

`python -m tests.chaos.replay --kills 50` compares the two memories byte by byte, and the alarms.
"""

from __future__ import annotations

import argparse
import random
import tempfile
import time
from pathlib import Path
from typing import Any

from kafka import KafkaProducer

from monitor.drift.judge_state import decode, encode
from monitor.pipeline.step import MEMORY_SCHEMA
from monitor.state.snapshot import Snapshot
from tests.chaos.faults import KILLING_PLACES
from tests.chaos.ledger import make_bundle, payload, read_all, vector
from tests.chaos.member import Member
from tests.kafka.broker import Broker
from tests.kafka.process import wait_until
from tests.kafka.topics import TopicFactory

SECONDS = 120.0
DRIFT = 1.5
"""From the middle on, all features are this many times larger."""


def main() -> None:
    """Read the command line, run, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--records", type=int, default=60_000)
    parser.add_argument("--client", default="kafka-python", help="that of the run with kills")
    parser.add_argument("--channels", default="off", help="drift.channels of both")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="aead-replay-") as folder:
        print(
            replay(
                Path(folder),
                options.seed,
                options.kills,
                options.records,
                options.client,
                options.channels,
            )
        )


def replay(
    folder: Path,
    seed: int,
    kills: int,
    records: int,
    client: str = "kafka-python",
    channels: str = "off",
) -> str:
    """Run both, the calm one with kafka-python; returns what was compared.

    Raises AssertionError if anything differs.
    """
    rng = random.Random(seed)
    print(f"seed {seed}, {kills} kills, {records:,} records")
    make_bundle(folder / "model")
    (folder / "kafka").mkdir()
    broker = Broker(folder / "kafka")
    broker.start()
    try:
        servers = broker.bootstrap_servers
        calm, calm_alarms = _run(folder, servers, "calm", records, 0, rng, "kafka-python", channels)
        stormy, stormy_alarms = _run(
            folder, servers, "stormy", records, kills, rng, client, channels
        )
    finally:
        broker.kill()
    assert calm_alarms, "there was no alarm to compare"
    assert calm_alarms == stormy_alarms, f"{calm_alarms} became {stormy_alarms}"
    assert timeless(calm.memory) == timeless(stormy.memory), "the memories differ"
    return (
        f"{len(calm.memory):,} bytes of memory are the same after {kills} kills, and"
        f" {len(calm_alarms)} alarms; snapshots written: {calm.sequence} and {stormy.sequence}"
    )


def timeless(memory: bytes) -> bytes:
    """A memory without what it holds of when records came, which no repeat can repeat."""
    state = decode(memory, MEMORY_SCHEMA)
    judge, history = state["judge"], state["chronicle"]
    for part in (judge["clock"], judge["episodes"], judge["open"]):
        part.pop("arrival")
    for name in ("doubt", "reason", "offset"):
        judge["clock"]["partitions"].pop(name)
    history.pop("arrived_before")
    history["made"] = [made[:2] for made in history["made"]]
    return encode(state, MEMORY_SCHEMA)


def _run(
    folder: Path,
    servers: str,
    name: str,
    records: int,
    kills: int,
    rng: random.Random,
    client: str,
    channels: str,
) -> tuple[Snapshot, dict[bytes, bytes]]:
    """Read a topic of so many records; the last snapshot, and the alarms by key."""
    # The topic is part of what is remembered, and so is each record's time: two clusters would
    # do, or as here two groups that read the same records.
    topic = "replay"
    if name == "calm":
        TopicFactory(servers).create(topic)
        _send(servers, topic, records)
    settings = _settings(servers, topic, name, folder / "model", client)
    settings["drift"]["channels"] = channels
    member = Member(name, folder, settings)
    try:
        for number in range(kills):
            place = rng.choice(KILLING_PLACES)
            # Each life gets some way, so that the kills are spread over the stream.
            goal = (number + rng.random()) * records / (kills + 1)
            member.start()
            _until_read(member, int(goal))
            member.order(f"{place} kill")
            if not member.wait_for_death(SECONDS):
                raise AssertionError(f"life {number} did not end at {place}: see {member.log}")
        member.start()
        _until_read(member, records)
        member.stop()
    finally:
        member.kill()
    snapshot = member.snapshot()
    assert snapshot is not None
    return snapshot, _alarms(servers, f"{topic}.{name}.alerts")


def _alarms(servers: str, topic: str) -> dict[bytes, bytes]:
    found: dict[bytes, bytes] = {}
    for _, _, key, value in read_all(servers, topic, 1):
        assert found.setdefault(key, value or b"") == value, "a repeated alarm says something else"
    return found


def _until_read(member: Member, records: int) -> None:
    wait_until(lambda: _read(member) >= records, SECONDS, lambda: f"{_read(member)} read")


def _read(member: Member) -> int:
    snapshot = member.snapshot()
    return sum(snapshot.commits.values()) if snapshot else 0


def _send(servers: str, topic: str, records: int) -> None:
    producer = KafkaProducer(bootstrap_servers=servers.split(","), acks="all", linger_ms=20)
    start = 1000 * int(time.time()) - 10 * records  # the last one comes from now
    for number in range(records):
        value = payload(number)
        if number > records // 2 and len(value) == vector(number).nbytes:
            value = (DRIFT * vector(number)).astype("float32").tobytes()
        producer.send(topic, value=value, partition=0, timestamp_ms=start + 10 * number)
    producer.flush(60)
    producer.close()


def _settings(servers: str, topic: str, name: str, model: Path, client: str) -> dict[str, Any]:
    outputs = {
        kind: f"{topic}.{name}.{suffix}"
        for kind, suffix in (
            ("anomalies", "anomalies"), ("dead_letters", "dead"), ("alerts", "alerts")
        )
    }  # fmt: skip
    return {
        "model": str(model),
        "kafka": {
            "bootstrap_servers": servers,
            "topic": topic,
            "group": name,
            "client": client,
            "session_timeout_seconds": 6,
            # The partition waits for the next life, which need not wait for the session's end.
            "instance": name,
        },
        "outputs": outputs,
        "codec": {"name": "raw", "dtype": "float32"},
        "batch": {"max_records": 64, "linger_seconds": 0.05},
        "drift": {"false_alarms": "1 per 100000 records", "guard_seconds": 0},
        "state": {"snapshot_seconds": 0.2, "snapshot_records": 130},
        "threads": 1,
    }


if __name__ == "__main__":
    main()
