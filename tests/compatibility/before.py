"""What was written by the code of before, and today's daemon over it."""

from __future__ import annotations

import json
import lzma
import shutil
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from models.bundle import load
from models.reference import Reference
from monitor.config import Config
from monitor.config.file import load as load_config
from monitor.daemon.assembly.codec import build_decoder
from monitor.daemon.assembly.daemon import fingerprint
from monitor.daemon.assembly.judge import judge_settings
from monitor.daemon.assembly.receivers import holding
from monitor.daemon.assembly.retraining import HandOver, retraining_policy
from monitor.daemon.loop import Daemon
from monitor.drift.judge import Judge
from monitor.pipeline.events import events_of
from monitor.pipeline.loaded_model import LoadedModel
from monitor.pipeline.step import Pipeline
from monitor.retraining.history import History
from monitor.retraining.outbox import Outbox
from monitor.state.folder import ACCEPTED, PREVIOUS
from monitor.stream.batching import BatchLimits
from monitor.stream.offsets import Committed
from monitor.stream.records import Gap, Partition, Record
from monitor.stream.sinks.memory import MemorySink
from monitor.stream.sources.memory import MemorySource
from tests.compatibility.written_before import stream
from tests.monitor.builders import VERSION, ValueScorer
from tests.monitor.daemon.crashes import Starter, finish

FOLDER = Path(__file__).parent / "written_before"
EXPECTED: dict[str, Any] = json.loads((FOLDER / "expected.json").read_text())
SNAPSHOTS = (ACCEPTED, PREVIOUS)
CHUNK = 60
"""Records that come at once, then as now: the shape of the batches decides on the last digits."""


def snapshot(name: str) -> bytes:
    """The bytes of a snapshot's file."""
    return lzma.decompress((FOLDER / "state" / f"{name}.xz").read_bytes())


def unpack(folder: Path) -> Path:
    """Put configuration, bundle and state into a folder; returns the configuration."""
    shutil.copytree(FOLDER / "dense", folder / "dense")
    shutil.copytree(FOLDER / "state" / "requests", folder / "state" / "requests")
    for name in SNAPSHOTS:
        (folder / "state" / name).write_bytes(snapshot(name))
    return Path(shutil.copy(FOLDER / "aead-monitor.yaml", folder))


def config() -> Config:
    return load_config(str(FOLDER / "aead-monitor.yaml"))


def pipeline() -> tuple[LoadedModel, Pipeline]:
    """Model and pipeline as the daemon had them."""
    reference = Reference.calibrate(stream.calibration(), ordered=True)
    model = LoadedModel(
        version=VERSION,
        architecture="values",
        trained=stream.FIRST_TIMESTAMP / 1000,
        reference=reference,
        decode=build_decoder(config().codec, load(FOLDER / "dense").input_spec),
        scorer=ValueScorer(reference),
        judge=Judge(VERSION, reference, judge_settings(config())),
        limits=BatchLimits(100, 10**6, 0.0),
    )
    history = History(retraining_policy(config()))
    return model, Pipeline(model.decode, model.scorer, model.judge, history=history)


class Continuation:
    """Today's daemon over a state that was unpacked, and the stream from where it stopped."""

    def __init__(self, folder: Path) -> None:
        messages = list(stream.messages())
        self._left = list(records(messages[stream.STOP :]))
        self.source, self.sink = MemorySource(records(messages[: stream.STOP])), MemorySink()
        for topic, number, offset, note in EXPECTED["state"]["before"]["notes"]:
            self.source.stored[Partition(topic, number)] = Committed(offset, note)
        self._starter = Starter()
        self.outbox = Outbox(folder / "requests", holding(config().retraining.receivers))
        model, deciding = pipeline()
        self.daemon: Daemon = self._starter(
            self.source, self.sink, folder, model=model, pipeline=deciding,
            fingerprint=fingerprint(config()), on_final=HandOver(self.outbox, lambda: None),
            events=partial(events_of, letter_key="address"),  # as it was the only way
        )  # fmt: skip

    def finish(self) -> None:
        """Read all that is left."""
        while self._left:
            self.source.append(self._left[:CHUNK])
            del self._left[:CHUNK]
            finish(self.daemon, self.source)

    def stop(self) -> None:
        self._starter.bury()


def records(messages: Iterable[stream.Message]) -> Iterator[Record]:
    for m in messages:
        gone = m.next_offset > m.offset + 1
        gap = Gap(m.next_offset, "expired", "deleted before it was read") if gone else None
        yield Record(stream.TOPIC, m.partition, m.offset, m.timestamp, b"k", m.value, gap=gap)
