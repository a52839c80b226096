"""Wrote the files beside it with the code of commit 78c22e2, in a checkout of which it runs:

    PYTHONPATH=. .venv/bin/python .../tests/compatibility/written_before/write.py

It stays as the record of how the files came to be; it does not run with today's code.
"""

# ruff: noqa: I001 - sorted as that commit has it: these modules have other names now.

from __future__ import annotations

import hashlib
import itertools
import json
import lzma
import random
import shutil
import tempfile
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import arithmetic
import numpy as np
import stream
from sklearn.datasets import load_digits

from models.bundle import load
from models.recipe import train
from models.reference import Reference
from models.settings import TrainingSettings
from monitor import checkpoints
from monitor.assembly.daemon import build_decoder, fingerprint, judge_settings
from monitor.assembly.receivers import holding
from monitor.assembly.retraining import HandOver, retraining_policy
from monitor.batching import BatchLimits
from monitor.candidate import Candidate
from monitor.checkpoints import Cadence
from monitor.chronicle import Chronicle
from monitor.config.file import load as load_config
from monitor.events import verdict_json
from monitor.judge import Judge
from monitor.outbox import Outbox
from monitor.past_episode import episode_json
from monitor.pipeline import Pipeline
from monitor.records import Gap, Record
from monitor.registry.embedded import EmbeddedRegistry
from monitor.scorer import Scorer
from monitor.sinks.memory import MemorySink
from monitor.sources.memory import MemorySource
from monitor.state import read
from tests.monitor.builders import VERSION, ValueScorer
from tests.monitor.crashes import finish
from tests.monitor.daemons import assemble

HERE = Path(__file__).parent
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
CHUNK = 60


def bundles() -> dict[str, Any]:
    """Train two small bundles; returns some records and the errors that the bundles give them."""
    generator = random.Random(3)
    rows = [[x := generator.random(), x * x, 1 - x] for _ in range(400)]
    vectors = np.array(rows)
    images = (15 * load_digits().images[:400]).astype(np.uint8)
    dense = {"architecture": "dense", "architecture_settings": {"hidden": [8, 2]}}
    small = {"channels": [4, 8], "bottleneck": 8}
    convolutional = {"architecture": "convolutional", "architecture_settings": small}
    found = {}
    for data, settings in ((vectors, dense), (images, convolutional)):
        name = settings["architecture"]
        folder = HERE / name
        train(data, folder, TrainingSettings(epochs=20, ordered=True, device="cpu", **settings))
        # The model card is for people and never read back.
        shutil.rmtree(folder / "plots")
        (folder / "README.md").unlink()
        scores = Scorer(load(folder), "cpu").score(data[:8])
        found[name] = {
            "version": scores.model_version,
            "records": data[:8].tolist(),
            "errors": scores.reconstruction_error.tolist(),
            "p_values": scores.p_value.tolist(),
        }
    return found


def registry() -> dict[str, Any]:
    """A registry with both bundles, of which the second is current again after a rollback."""
    times = (BEGIN + timedelta(hours=hour) for hour in itertools.count())
    kept = EmbeddedRegistry(HERE / "registry", clock=lambda: next(times))
    versions = [kept.add(HERE / name, f"the {name} one") for name in ("dense", "convolutional")]
    for version in versions:
        kept.promote(version, f"try {version[:4]}", "ann")
    kept.rollback("slower", "bob")
    kept.promote(versions[1], "fast enough after all", "ann")
    (kept.folder / "lock").unlink()
    return {
        "current": kept.resolve("current"),
        "previous": kept.resolve("previous"),
        "history": [[p.kind, p.version, p.before, p.when, p.by, p.reason] for p in kept.history()],
        "versions": [[v.version, v.added, list(v.aliases), v.note] for v in kept.versions()],
    }


class Group:
    """Two daemons that take turns over one stream in memory."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.config = load_config(str(HERE / "aead-monitor.yaml"))
        self.source, self.sink = MemorySource(), MemorySink()
        self.messages = list(stream.messages())
        self.at = 0
        self.daemon: Any = None

    def model(self) -> Candidate:
        reference = Reference.calibrate(stream.calibration(), ordered=True)
        return Candidate(
            version=VERSION,
            architecture="values",
            trained=stream.FIRST_TIMESTAMP / 1000,
            reference=reference,
            decode=build_decoder(self.config.codec, load(HERE / "dense").input_spec),
            scorer=ValueScorer(reference),
            judge=Judge(VERSION, reference, judge_settings(self.config)),
            limits=BatchLimits(100, 10**6, 0.0),
        )

    def start(self, name: str) -> None:
        self.stop()
        self.source.restart()
        model = self.model()
        history = Chronicle(retraining_policy(self.config))
        outbox = Outbox(
            self.folder / name / "requests",
            holding(self.config.retraining.receivers),
            now=lambda: BEGIN.timestamp(),
        )
        self.daemon = assemble(
            self.source, self.sink, self.folder / name, Cadence(seconds=0),
            fingerprint(self.config), model=model, on_final=HandOver(outbox, lambda: None),
            pipeline=Pipeline(model.decode, model.scorer, model.judge, chronicle=history),
        )  # fmt: skip

    def stop(self) -> None:
        if self.daemon is not None:
            self.daemon.parts.web.stop()
            self.daemon.parts.state.close()

    def read(self, until: int) -> None:
        while self.at < until:
            end = min(until, self.at + CHUNK)
            self.source.append(records(self.messages[self.at : end]))
            self.at = end
            finish(self.daemon, self.source)


def records(messages: Iterable[stream.Message]) -> Iterable[Record]:
    for m in messages:
        gone = m.next_offset > m.offset + 1
        gap = Gap(m.next_offset, "expired", "deleted before it was read") if gone else None
        yield Record(stream.TOPIC, m.partition, m.offset, m.timestamp, b"k", m.value, gap=gap)


def seen(group: Group) -> dict[str, Any]:
    """What a daemon knows, as JSON values."""
    pipeline, checkpoints = group.daemon.parts.pipeline, group.daemon.parts.checkpoints
    return {
        "sequence": checkpoints.sequence,
        "verdict": verdict_json(pipeline.judge.verdict),
        "totals": pipeline.ledger.state(),
        "episodes": [episode_json(episode) for episode in pipeline.chronicle.episodes],
        "requests": [request.id for request in pipeline.chronicle.requests],
        "notes": notes(group.source),
        "memory_sha256": hashlib.sha256(pipeline.memory()).hexdigest(),
    }


def notes(source: MemorySource) -> list[list[Any]]:
    return [[p.topic, p.number, c.offset, c.note] for p, c in sorted(source.stored.items())]


def published(sink: MemorySink) -> dict[str, Any]:
    digest = hashlib.sha256()
    for event in sink.flushed:
        digest.update(repr((event.kind, event.key, event.value, event.headers)).encode())
    return {
        "keys": [f"{event.kind} {event.key.decode()}" for event in sink.flushed],
        "sha256": digest.hexdigest(),
    }


def state() -> dict[str, Any]:
    """A daemon's folder in the midst of an episode, and how that daemon goes on."""
    with tempfile.TemporaryDirectory() as temporary:
        group = Group(Path(temporary))
        group.start("mine")
        for start, end in stream.OTHERS:
            group.read(start)
            group.start("theirs")
            group.read(end)
            group.start("mine")
        group.read(stream.STOP)
        group.stop()
        before = seen(group)
        keep(Path(temporary) / "mine")
        group.sink = MemorySink()
        group.start("mine")
        group.read(stream.LENGTH)
        after = seen(group)
        group.stop()
        memory = read(Path(temporary) / "mine" / "snapshot").memory
        (HERE / "memory_after.xz").write_bytes(lzma.compress(memory, preset=9))
        return {
            "fingerprint": fingerprint(group.config),
            "arithmetic": arithmetic.digest(),
            "before": before,
            "after": after,
            "published": published(group.sink),
        }


def keep(folder: Path) -> None:
    """Copy a state's folder here; one of the request's receivers has taken it."""
    outbox = Outbox(folder / "requests", now=lambda: BEGIN.timestamp())
    id = outbox.listing().requests[0].id
    outbox.change(id, ("team",), lambda d: d.delivered("offset 4", BEGIN.timestamp() + 1))
    (HERE / "state" / "requests").mkdir(parents=True)
    for name in ("snapshot", "snapshot.previous"):
        packed = lzma.compress((folder / name).read_bytes(), preset=9)
        (HERE / "state" / f"{name}.xz").write_bytes(packed)
    shutil.copy(folder / "requests" / f"{id}.json", HERE / "state" / "requests")


def main() -> None:
    for name in ("dense", "convolutional", "registry", "state"):
        shutil.rmtree(HERE / name, ignore_errors=True)
    numbers = itertools.count(1)
    checkpoints.new_writer = lambda: f"{next(numbers):012x}"
    expected = {"bundles": bundles(), "registry": registry(), "state": state()}
    (HERE / "expected.json").write_text(json.dumps(expected, indent=1) + "\n")


if __name__ == "__main__":
    main()
