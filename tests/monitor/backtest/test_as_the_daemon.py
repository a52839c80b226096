"""A backtest decides what the daemon decides that read the same records as they came."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from models.description import Description
from models.recipe import train
from models.settings import TrainingSettings
from models.windows import Window, windows_of
from monitor.backtest.backtest import Backtest
from monitor.backtest.file_past import FilePast
from monitor.backtest.times import Even
from monitor.config import file as config_file
from monitor.daemon.assembly.daemon import build
from monitor.daemon.loop import Daemon
from monitor.daemon.publisher import Publisher
from monitor.datasets import fitting
from monitor.drift.simulation import START
from monitor.retraining.past_episode import episode_json
from monitor.stream.records import Record
from monitor.stream.sinks.memory import MemorySink
from monitor.stream.sources import Polled
from monitor.stream.sources.memory import MemorySource
from tests.monitor.backtest.streams import FIRST, RATE, configured, drifting, replayed


class AsStamped(MemorySource):
    """Tells of each record that it came when it was stamped."""

    def poll(self, timeout_seconds: float, max_records: int) -> Polled:
        polled = super().poll(timeout_seconds, max_records)
        records = polled.records
        return replace(polled, records=replace(records, arrivals=records.timestamps))


def watched(config: Path, records: list[Record]) -> tuple[Daemon, MemorySink]:
    """The daemon of a configuration, over memory in place of Kafka, after all records."""
    stopping, sink = threading.Event(), MemorySink()
    parts = build(config_file.load(str(config)), stopping).parts
    publisher = Publisher(sink, parts.metrics)
    source = AsStamped(records)
    daemon = Daemon(
        replace(parts, source=source, publisher=publisher, now=None, former_offsets=None), stopping
    )
    while sum(t.consumed for t in parts.pipeline.ledger.totals.values()) < len(records):
        daemon.turn()
    daemon.stop()
    daemon.run()  # finishes what was begun, and closes all
    return daemon, sink


def sent(values: NDArray[Any], keys: list[bytes] | None = None) -> list[Record]:
    """Records of a topic, stamped at RATE."""
    return [
        Record("plant", 0, i, START + 1000 * i // RATE, keys[i] if keys else None, value.tobytes())
        for i, value in enumerate(values)
    ]


def of_file(data: Path, backtest: Backtest) -> FilePast:
    """Its records, at RATE."""
    parts = fitting.blocks(str(data), None, backtest.spec)
    return FilePast(parts, str(data), Even(RATE), backtest)


def alerts(sink: MemorySink) -> list[bytes]:
    return [event.value or b"" for event in sink.flushed if event.kind == "alert"]


@pytest.mark.parametrize("channels", ["off", "standard"])
def test_alerts_changes_and_episodes_are_those_of_the_daemon_byte_by_byte(
    channels: str, plant: Path, tmp_path: Path
) -> None:
    config, data = configured(tmp_path, plant, channels), tmp_path / "plant.npy"
    np.save(data, drifting())
    daemon, sink = watched(config, sent(drifting()))
    found = replayed(tmp_path, "--config", config, "--data", data, "--rate", RATE)
    published = [json.dumps(each, separators=(",", ":")).encode() for each in found["alerts"]]
    assert published == alerts(sink)
    history = daemon.parts.pipeline.history
    changes = [{k: v for k, v in each.items() if k != "records"} for each in found["state_changes"]]
    assert json.dumps(changes) == json.dumps(history.changes)
    episodes = [
        {k: v for k, v in each.items() if k not in ("fired_after", "ended_after")}
        for each in found["episodes"]
    ]
    assert json.dumps(episodes) == json.dumps([episode_json(e) for e in history.episodes])
    came = [each["records"] for each in found["state_changes"] if each["episode"]]
    assert came == [each["next_offsets"][0]["offset"] for each in found["alerts"]]
    events = [each["event"] for each in found["alerts"]]
    assert events[:3] == ["firing", "resolved", "firing"]
    assert {each["id"] for each in found["retraining_requests"]} == {
        each.id for each in history.requests
    }


@pytest.mark.parametrize("channels", ["off", "standard"])
def test_the_whole_memory_is_that_of_the_daemon(channels: str, plant: Path, tmp_path: Path) -> None:
    config, data = configured(tmp_path, plant, channels), tmp_path / "plant.npy"
    np.save(data, drifting(9000))
    daemon, _ = watched(config, sent(drifting(9000)))
    backtest = Backtest(config_file.load(str(config)))
    backtest.run(of_file(data, backtest))
    assert backtest.pipeline.memory() == daemon.parts.pipeline.memory()


def test_windows_over_series_are_those_of_the_daemon(tmp_path: Path) -> None:
    window = Window(8, 2, "machine")
    rng = np.random.default_rng(0)
    steps = rng.normal(size=(9000, 2)).astype(np.float32)
    made, _ = windows_of(steps[:3000], window)
    described = Description(layout="series", window=window)
    train(made, tmp_path / "model", TrainingSettings(epochs=2), described=described)
    machines = rng.integers(0, 3, len(steps))
    steps[6000:] *= 3
    data, config = tmp_path / "steps.csv", configured(tmp_path, tmp_path / "model", "off")
    lines = [f"{m},{float(a)!r},{float(b)!r}" for m, (a, b) in zip(machines, steps, strict=True)]
    data.write_text("\n".join(["machine,0,1", *lines]) + "\n")
    daemon, sink = watched(config, sent(steps, [b"%d" % m for m in machines]))
    found = replayed(tmp_path, "--config", config, "--data", data, "--rate", RATE, "--by-position")
    assert found["records"] == len(steps)
    assert found["rows"] == sum(t.rows for t in daemon.parts.pipeline.ledger.totals.values())
    assert [each["event"] for each in found["alerts"]] == ["firing"]
    assert found["alerts"] == [json.loads(value) for value in alerts(sink)]


def test_the_folder_of_the_state_is_not_touched(plant: Path, tmp_path: Path) -> None:
    config, data = configured(tmp_path, plant, "off"), tmp_path / "plant.npy"
    np.save(data, drifting(2000))
    replayed(tmp_path, "--config", config, "--data", data)
    assert not (tmp_path / "state").exists()


def test_a_batch_that_is_interrupted_halfway_is_not_told(plant: Path, tmp_path: Path) -> None:
    config, data = configured(tmp_path, plant, "off"), tmp_path / "plant.npy"
    np.save(data, drifting(9000))
    backtest = Backtest(config_file.load(str(config)))
    note = backtest.history.note

    def interrupted(*arguments: Any) -> Any:
        made = note(*arguments)
        if backtest.history.open is not None:
            raise KeyboardInterrupt
        return made

    backtest.history.note = interrupted  # type: ignore[method-assign]
    result = backtest.run(of_file(data, backtest))
    assert not result.complete
    assert FIRST <= result.records < backtest.history.noted[-1].records
    assert "firing" not in [each.event for each in result.noted]
    assert result.episodes == ()
