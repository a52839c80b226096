"""What is written to disk: bundles, snapshots, requests, the registry, results of commands."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy

from models.architectures import ARCHITECTURES
from models.bundle import load
from models.description import Description
from models.recipe import train
from models.settings import TrainingSettings
from models.solved import Solved
from monitor.cli import main
from monitor.drift.judge_state import decode
from monitor.pipeline.step import MEMORY_SCHEMA
from monitor.registry.embedded import EmbeddedRegistry
from monitor.state.snapshot import Note, Takeover
from tests.data import digit_images
from tests.monitor.evidence.whole import evidence
from tests.public_words.shape import section, shape

FIRST = "dense"


def lines(state: Path, work: Path) -> Iterator[str]:
    """state: the folder of a daemon that has stopped. work: an empty folder to write to."""
    bundles = {name: _bundle(name, work / name) for name in sorted(ARCHITECTURES)}
    described = shape(json.loads((bundles[FIRST] / "bundle.json").read_text()))
    yield from section("bundle: files", _tree(bundles[FIRST]))
    yield from section("bundle.json", (x for x in described if "architecture_settings" not in x))
    for name, folder in bundles.items():
        yield from section(f"bundle of {name}: settings", shape(load(folder).model.settings))
        yield from section(f"bundle of {name}: tensors", _tensors(folder / "model.safetensors"))
    yield from section("reference.safetensors", _tensors(bundles[FIRST] / "reference.safetensors"))
    yield from section("channels.safetensors", _tensors(bundles[FIRST] / "channels.safetensors"))
    yield from _snapshot((state / "snapshot").read_bytes())
    request = next((state / "requests").glob("*.json"))
    yield from section("state: files", ["requests/ID.json", *_tree(state, "snapshot*", "lock")])
    yield from section("requests/ID.json", shape(json.loads(request.read_text())))
    evidence(work / "evidence")
    kept = work / "evidence" / "evidence"
    index = json.loads((kept / "index.json").read_text())
    yield from section("state: evidence", ["evidence/ID.png", "evidence/index.json"])
    yield from section("evidence/index.json", shape({**index, "rows": [*index["rows"].values()]}))
    yield from _registry(bundles, work / "registry")
    yield from _results(bundles[FIRST], work)


def _bundle(architecture: str, folder: Path) -> Path:
    solved = issubclass(ARCHITECTURES[architecture].load(), Solved)
    settings = TrainingSettings(
        architecture=architecture, epochs=None if solved else 2, device="cpu"
    )
    described = Description(layout="series" if architecture == "temporal" else "")
    train(digit_images(100), folder, settings, described=described)
    return folder


def _tree(folder: Path, *patterns: str) -> list[str]:
    paths = {path for pattern in patterns or ("**/*",) for path in folder.glob(pattern)}
    return sorted(str(path.relative_to(folder)) for path in paths if not path.is_dir())


def _tensors(path: Path) -> list[str]:
    tensors = safetensors.numpy.load_file(path)
    return sorted(f"{name}: {t.dtype}, {t.ndim} dimensions" for name, t in tensors.items())


def _snapshot(data: bytes) -> Iterator[str]:
    head, _, memory = data.partition(b"\n")
    envelope: dict[str, Any] = json.loads(head.split(b" ", 1)[1])
    yield from section(f"snapshot {envelope['schema']}: first line", shape(envelope))
    yield from section(f"snapshot: {MEMORY_SCHEMA}", shape(decode(memory, MEMORY_SCHEMA)))
    note = Note("WRITER", 7, (Takeover("WRITER", 0), Takeover("OTHER", 5)))
    yield from section("note beside an offset", [str(note)])


def _registry(bundles: dict[str, Path], folder: Path) -> Iterator[str]:
    registry = EmbeddedRegistry(folder)
    versions = [registry.add(path, "note") for path in bundles.values()]
    for version in versions:
        registry.promote(version, "reason", "by")
    label = json.loads((folder / "versions" / versions[0] / "added.json").read_text())
    history = [json.loads(line) for line in (folder / "history.jsonl").read_text().splitlines()]
    yield from section("registry: files", [path.name for path in sorted(folder.iterdir())])
    yield from section("versions/VERSION/added.json", shape(label))
    yield from section("aliases.json", shape(json.loads((folder / "aliases.json").read_text())))
    yield from section("history.jsonl: a line", shape(*history))


def _results(bundle: Path, work: Path) -> Iterator[str]:
    """What `score` and `evaluate` write."""
    np.save(work / "normal.npy", digit_images(40))
    np.save(work / "odd.npy", 240 - digit_images(40))
    out, normal, odd = (str(work / name) for name in ("evaluation", "normal.npy", "odd.npy"))
    scores = str(work / "scores.csv")
    with contextlib.redirect_stdout(io.StringIO()):
        main(["score", str(bundle), "--data", normal, "--out", scores])
        main(["evaluate", str(bundle), "--normal", normal, "--anomalous", odd, "--out", out])
    yield from section("score: columns", Path(scores).read_text().splitlines()[0].split(","))
    yield from section("evaluate: files", _tree(Path(out)))
    found = json.loads((work / "evaluation" / "evaluation.json").read_text())
    yield from section("evaluation.json", shape(found))
