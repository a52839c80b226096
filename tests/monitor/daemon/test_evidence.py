"""A daemon with evidence: what can be seen of real models' records, and nothing else changed."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from models.bundle import Bundle
from models.bundle_metadata import without_controls
from models.description import Description
from models.explanation import LONGEST
from models.recipe import train
from models.schema import Feature, Schema
from models.settings import TrainingSettings
from models.windows import Window, windows_of
from monitor.config import Config
from monitor.daemon.assembly.evidence import build_keeper, open_evidence
from monitor.daemon.assembly.kafka import build_events
from monitor.daemon.assembly.loaded_model import build_model
from monitor.daemon.assembly.segments import build_segmented
from monitor.daemon.loop import Daemon
from monitor.evidence.episode import CHANNELS
from monitor.evidence.keeper import Keeper
from monitor.pipeline.step import Pipeline
from monitor.stream.records import Record, Verdict
from monitor.stream.sinks.memory import MemorySink
from monitor.stream.sources.memory import MemorySource
from tests.data import digit_images
from tests.monitor.daemon.daemons import assemble, turns

NAMES = ("heat", "flow", "motor\x1b[31m\n</script>", "load" * 200)


def machine(count: int, seed: int = 0) -> np.ndarray[Any, Any]:
    """Four readings of which each says something of the others, and how the machine runs."""
    generator = np.random.default_rng(seed)
    hidden = generator.normal(size=(count, 1))
    rows = 50 + 10 * (hidden + 0.1 * generator.normal(size=(count, 4)))
    return np.hstack([rows, hidden > 0])


def sent(rows: Any, at: int = 0) -> list[Record]:
    return [
        Record("in", 0, at + i, 1_700_000_000_000 + at + i, b"key-%d" % (at + i), row)
        for i, row in enumerate(rows)
    ]


def as_json(rows: Any) -> list[bytes]:
    named = [[*row[:4], "up" if row[4] else "down"] if len(row) == 5 else row for row in rows]
    return [json.dumps(row).encode() for row in named]


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    schema = Schema((*map(Feature, NAMES), Feature("mode", "category", ("down", "up"))))
    folder = tmp_path_factory.mktemp("evidence") / "model"
    settings = TrainingSettings(architecture="linear", device="cpu", ordered=True)
    return train(machine(4000), folder, settings, described=Description(schema))


class Run:
    """Daemons over a stream in memory, one after the other in one state folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.daemons: list[Daemon] = []

    def config(
        self, mode: str, codec: dict[str, Any], segments: str | None = None, **drift: Any
    ) -> Config:
        return Config.model_validate(
            {
                "model": "m", "kafka": {"topic": "in"}, "codec": codec, "evidence": mode,
                "state": {"directory": str(self.folder)}, "segments": {"by": segments},
                "drift": {"guard_seconds": 0, "cooldown_seconds": 0, **drift},
            }
        )  # fmt: skip

    def __call__(
        self, of: Bundle, records: list[Record], mode: str = "records", codec: Any = None,
        **drift: Any,
    ) -> tuple[Keeper | None, MemorySink, Daemon]:  # fmt: skip
        asked = self.config(mode, codec or {"name": "json", "by_position": True}, **drift)
        keeper, sink = build_keeper(asked), MemorySink()
        open_evidence(asked, keeper)
        model = build_model(asked, of, keeper)
        deciding = Pipeline(
            model.decode, model.scorer, model.judge, series=model.series,
            explanations=model.explanations, picker=model.picker,
            segmented=build_segmented(asked, model.segments),
        )  # fmt: skip
        subject = assemble(
            MemorySource(records), sink, model=model, pipeline=deciding, evidence=keeper,
            events=build_events(asked),
        )  # fmt: skip
        self.daemons.append(subject)
        turns(subject, len(records) // 100 + 1)
        subject._outcomes.settle(lambda seconds: False)
        return keeper, sink, subject


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    made = Run(tmp_path)
    yield made
    for subject in made.daemons:
        subject.parts.web.stop()


def looked_at(keeper: Keeper) -> list[dict[str, Any]]:
    """All entries, after more time than the rate asks for."""
    assert keeper.looker is not None
    keeper.looker[0].budget.__dict__.update(_rate=1e9, _most=1e9)
    while keeper.waiting:
        keeper.rest()
    return list(keeper.listed()["entries"])


def picture(keeper: Keeper, entry: dict[str, Any]) -> Image.Image:
    assert entry["picture"] == f"api/evidence/{entry['id']}.png"
    data = keeper.picture(entry["id"])
    assert data is not None
    return Image.open(io.BytesIO(data))


def test_an_anomaly_shows_its_values_and_what_was_expected(run: Run, bundle: Bundle) -> None:
    usual = machine(20, seed=1).tolist()
    keeper, _, _ = run(bundle, sent(as_json([*usual, [50.0, 50.0, 150.5, 50.0, 1.0]])))
    assert keeper is not None
    entry = next(e for e in looked_at(keeper) if e["kind"] == "anomaly")
    assert (entry["topic"], entry["partition"], entry["offset"], entry["row"]) == ("in", 0, 20, 0)
    assert entry["key"] == "key-20" and entry["left_out"] is None
    first = entry["features"][0]
    assert first["name"] == "motor [31m </script>"
    assert first["value"] == 150.5 and 20 < first["expected"] < 150 and first["share"] > 0.5
    assert {f["name"] for f in entry["features"]} >= {"heat", ("load" * 200)[:200]}


@pytest.mark.parametrize("mode", ["records", "scores"])
def test_a_row_is_told_with_its_segment_and_kept_so(run: Run, bundle: Bundle, mode: str) -> None:
    rows = [*machine(20, seed=1).tolist(), [50.0, 50.0, 150.5, 50.0, 1.0]]
    keeper, _, subject = run(bundle, sent(as_json(rows)), mode, segments="key")
    assert keeper is not None
    found = {entry["offset"]: entry["segment"] for entry in keeper.listed()["entries"]}
    assert len(found) > 3
    assert found == {offset: f"key-{offset}" for offset in found}
    subject._outcomes.close(10.0)
    again, _, _ = run(bundle, [], mode, segments="key")
    assert again is not None
    assert {e["offset"]: e["segment"] for e in again.listed()["entries"]} == found


def test_scores_hold_nothing_of_the_payload(run: Run, bundle: Bundle, tmp_path: Path) -> None:
    rows = [*machine(20, seed=1).tolist(), [50.0, 50.0, 98765.4321, 50.0, 1.0]]
    keeper, _, subject = run(bundle, sent(as_json(rows)), "scores")
    assert keeper is not None
    subject._outcomes.close(10.0)
    stored = b"".join(path.read_bytes() for path in (tmp_path / "evidence").iterdir())
    for found in (json.dumps(keeper.listed()), stored.decode()):
        assert '"anomaly"' in found or '"top"' in found
        assert "98765" not in found and "key-" not in found and "flow" not in found


@pytest.mark.parametrize("channels", ["off", "standard"])
def test_verdicts_events_and_memory_are_the_same_with_evidence_and_without(
    run: Run, bundle: Bundle, channels: str
) -> None:
    rows = machine(6000, seed=3)
    rows[4000:, 1] += 8
    rows[::700, 2] += 100
    found = []
    for mode in ("off", "scores", "records"):
        _, sink, subject = run(bundle, sent(as_json(rows.tolist())), mode, channels=channels)
        found.append((sink.flushed, subject.parts.pipeline.memory()))
    assert found[0][0] and any(event.kind == "alert" for event in found[0][0])
    assert found[0] == found[1] == found[2]


def test_each_drifted_channel_has_rows_before_and_after(run: Run, bundle: Bundle) -> None:
    rows = machine(6000, seed=3)
    rows[4000:, 1] += 8
    keeper, _, subject = run(bundle, sent(as_json(rows.tolist())), channels="standard")
    assert keeper is not None
    entries = looked_at(keeper)
    (episode,) = subject.parts.pipeline.history.episodes
    (_, _, onset), *_ = episode.onset_offsets
    slots = {e["channel"] for e in entries if e["kind"] in ("before", "after")}
    assert None in slots and 2 <= len(slots) <= 1 + CHANNELS
    assert slots - {None} <= {without_controls(name)[:LONGEST] for name in episode.channels}
    for entry in entries:
        if entry["kind"] == "before":
            assert entry["offset"] < onset and entry["features"]
        if entry["kind"] == "after":
            assert entry["offset"] >= onset and entry["features"]
    unexpected = {
        kind: [
            f["value"] - f["expected"]
            for e in entries for f in e["features"]
            if e["kind"] == kind and f["name"] == "flow"
        ]
        for kind in ("before", "after")
    }  # fmt: skip
    assert min(unexpected["after"]) > max(unexpected["before"])


def test_what_is_found_while_a_drift_fires_is_told_to_the_keeper(
    run: Run, bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[tuple[str, str]] = []

    def follow(self: Keeper, episode: str, verdict: Verdict) -> None:
        told.append((episode, verdict.state))

    monkeypatch.setattr(Keeper, "follow", follow)
    rows = machine(6000, seed=3)
    rows[4000:, 1] += 8
    _, _, subject = run(bundle, sent(as_json(rows.tolist())), channels="standard")
    (episode,) = subject.parts.pipeline.history.episodes
    assert set(told) == {(episode.id, "firing")}


def test_a_window_shows_its_steps(run: Run, tmp_path: Path) -> None:
    described = Description(
        Schema.numbers(["a", "b", "c", "d"]), layout="series", window=Window(8)
    )  # fmt: skip
    made = train(
        windows_of(machine(600)[:, :4], Window(8))[0], tmp_path / "windows",
        TrainingSettings(architecture="linear", device="cpu"), described=described,
    )  # fmt: skip
    stream = machine(40, seed=2)[:, :4]
    stream[20, 1] += 100
    records = [
        Record("in", 0, i, i, b"one", value) for i, value in enumerate(as_json(stream.tolist()))
    ]
    keeper, _, _ = run(made, records)
    assert keeper is not None
    entry = next(e for e in looked_at(keeper) if e["kind"] == "anomaly")
    first = entry["features"][0]
    assert first["name"] == "b" and entry["picture"] is None
    last = entry["offset"]
    assert first["course"] == pytest.approx(stream[last - 7 : last + 1, 1].tolist(), rel=1e-3)
    assert len(first["expected_course"]) == 8 and first["every"] == 1


def test_a_picture_shows_original_reconstruction_and_error(run: Run, tmp_path: Path) -> None:
    images = digit_images(400)
    settings = TrainingSettings(architecture="convolutional", epochs=2, device="cpu")
    made = train(images[:300], tmp_path / "pictures", settings)
    odd = 240 - images[300]
    payloads = [image.tobytes() for image in (*images[300:340], odd)]
    keeper, _, _ = run(made, sent(payloads), codec={"name": "raw"})
    assert keeper is not None
    entry = next(e for e in looked_at(keeper) if e["kind"] == "anomaly")
    assert entry["offset"] == 40 and entry["features"] is None
    box = entry["place"]["box"]
    assert 0 <= box["left"] < 8 and box["width"] <= 8
    shown = picture(keeper, entry)
    assert shown.size == (3 * 8 + 2 * 2, 8)
    left = np.asarray(shown.convert("L"))[:, :8].astype(float)
    assert np.corrcoef(left.ravel(), odd.ravel())[0, 1] > 0.99


def test_off_keeps_nothing_and_removes_what_was_there(
    run: Run, bundle: Bundle, tmp_path: Path
) -> None:
    rows = sent(as_json([[50.0, 50.0, 150.5, 50.0, 1.0]]))
    _, _, subject = run(bundle, rows, "scores")
    subject._outcomes.close(10.0)
    assert list((tmp_path / "evidence").iterdir())
    keeper, _, _ = run(bundle, rows, "off")
    assert keeper is None
    assert not list((tmp_path / "evidence").iterdir())
