"""Anomalies as the daemon publishes them say what carries their error."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest

from models.bundle import Bundle
from models.description import Description
from models.recipe import train
from models.schema import Feature, Schema
from models.settings import TrainingSettings
from models.windows import Window, windows_of
from monitor.config import Config
from monitor.daemon.assembly.kafka import build_events
from monitor.daemon.assembly.loaded_model import build_model
from monitor.daemon.loop import Daemon
from monitor.pipeline.step import Pipeline
from monitor.stream.records import Record
from monitor.stream.sinks.memory import MemorySink
from monitor.stream.sources.memory import MemorySource
from tests.monitor.daemon.daemons import assemble, turns

SCHEMA = json.loads((Path(__file__).parents[3] / "docs" / "schemas" / "anomaly.json").read_text())
NAMES = ("heat", "flow", "motor\x1b[31m\nspeed", "load")


def machine(count: int, seed: int = 0) -> np.ndarray[Any, Any]:
    """Four readings of which each says something of the others, and how the machine runs."""
    generator = np.random.default_rng(seed)
    hidden = generator.normal(size=(count, 1))
    rows = 50 + 10 * (hidden + 0.1 * generator.normal(size=(count, 4)))
    return np.hstack([rows, hidden > 0])


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    schema = Schema((*map(Feature, NAMES), Feature("mode", "category", ("down", "up"))))
    folder = tmp_path_factory.mktemp("explained") / "model"
    settings = TrainingSettings(architecture="linear", device="cpu")
    return train(machine(500), folder, settings, described=Description(schema))


def config(**outputs: Any) -> Config:
    return Config.model_validate(
        {
            "model": "m", "kafka": {"topic": "in"}, "outputs": outputs,
            "codec": {"name": "json", "by_position": True},
        }
    )  # fmt: skip


def sent(rows: Any, key: bytes = b"k") -> list[Record]:
    payloads = [json.dumps(row).encode() for row in rows]
    return [Record("in", 0, i, 1_700_000_000_000 + i, key, p) for i, p in enumerate(payloads)]


@pytest.fixture
def published(bundle: Bundle) -> Iterator[Any]:
    """What a daemon with these outputs publishes of rows."""
    made: list[Daemon] = []

    def run(rows: Any, of: Bundle = bundle, **outputs: Any) -> tuple[list[dict[str, Any]], Daemon]:
        asked = config(**outputs)
        model, sink = build_model(asked, of), MemorySink()
        deciding = Pipeline(
            model.decode, model.scorer, model.judge, series=model.series,
            explanations=model.explanations,
        )  # fmt: skip
        made.append(
            assemble(
                MemorySource(sent(rows)), sink, model=model, pipeline=deciding,
                events=build_events(asked),
            )
        )  # fmt: skip
        turns(made[-1], 1)
        return [json.loads(event.value) for event in sink.flushed], made[-1]

    yield run
    for subject in made:
        subject.parts.web.stop()


def rows_with(*odd: list[Any]) -> list[list[Any]]:
    usual = [[*row[:4], "up" if row[4] else "down"] for row in machine(20, seed=1).tolist()]
    return [*usual, *odd]


HOT = [50.0, 50.0, 150.5, 50.0, "up"]


def test_an_anomaly_names_the_feature_and_not_its_value(published: Any) -> None:
    bodies, _ = published(rows_with(HOT))
    (body,) = [body for body in bodies if body["offset"] == 20]
    jsonschema.validate(body, SCHEMA)
    features = body["explanation"]["features"]
    assert features[0]["feature"] == "motor [31m speed"
    assert features[0]["share"] > 0.5
    assert all(set(feature) == {"feature", "share"} for feature in features)
    assert sum(feature["share"] for feature in features) <= 1
    assert "150.5" not in json.dumps(body)


def test_values_come_if_they_are_asked_for(published: Any) -> None:
    bodies, _ = published(rows_with(HOT), explain_values=True, explain=1)
    body = bodies[-1]
    jsonschema.validate(body, SCHEMA)
    (first,) = body["explanation"]["features"]
    assert first["value"] == 150.5
    assert 20 < first["expected"] < 150
    assert body["explanation"]["rest"] == pytest.approx(1 - first["share"], abs=1e-9)


def test_zero_says_nothing(published: Any) -> None:
    bodies, _ = published(rows_with(HOT), explain=0)
    assert bodies
    assert all("explanation" not in body for body in bodies)


def test_beyond_the_bound_the_reason_is_published_and_counted(published: Any) -> None:
    bodies, subject = published(rows_with(*[HOT] * 9), explain_per_second=4)
    found = [body["explanation"] for body in bodies if body["offset"] >= 20]
    assert len(found) == 9
    left_out = sum(body["explanation"] == {"left_out": "rate"} for body in bodies)
    assert left_out == len(bodies) - 4
    for body in bodies:
        jsonschema.validate(body, SCHEMA)
    name = "aead_monitor_explanations_left_out_total"
    value = subject.parts.metrics.registry.get_sample_value
    assert value(name, {"reason": "rate"}) == left_out


def test_the_same_records_are_explained_alike_in_any_batch(published: Any) -> None:
    together, _ = published(rows_with(HOT, [90.0, 50.0, 50.0, 50.0, "up"], HOT))
    alone, _ = published([*rows_with(HOT)[:20], HOT])
    assert together[-1]["explanation"] == together[-3]["explanation"] == alone[-1]["explanation"]


def test_a_window_names_channel_and_steps(published: Any, tmp_path: Path) -> None:
    window = Window(8)
    steps = machine(600)[:, :4]
    described = Description(Schema.numbers(["a", "b", "c", "d"]), layout="series", window=window)
    made = train(
        windows_of(steps, window)[0], tmp_path / "windows",
        TrainingSettings(architecture="linear", device="cpu"), described=described,
    )  # fmt: skip
    stream = machine(30, seed=2)[:, :4]
    stream[20, 1] += 100
    bodies, _ = published(stream.tolist(), of=made)
    of = {body["offset"]: body["explanation"]["features"][0] for body in bodies}
    for offset in range(20, 28):  # the odd step goes through the window, the last one is the newest
        assert of[offset]["feature"] == "b"
        assert of[offset]["worst_step"] == 7 - (offset - 20)
