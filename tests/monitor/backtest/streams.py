"""A small model of a table, streams that drift and are repaired, and configurations for both."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import jsonschema
import numpy as np
import yaml
from numpy.typing import NDArray

from models.conduct import Conduct
from models.description import Description
from models.recipe import train
from models.schema import Schema
from models.settings import TrainingSettings
from monitor.cli import main

NAMES: Final = ("temperature", "flow", "pressure")
RATE: Final = 50
FIRST, REPAIRED, SECOND = 6000, 7000, 20_000
"""Rows at which `drifting` changes: hotter, as before, and stuck."""
HOTTER, GONE = 25_000, 33_000
"""Rows from which line-3 of `lines_of` is hotter, and line-4 sends nothing."""
FOUR: Final = ("2026-01-01 00:00:00", "2026-01-01 00:00:01", "2026-01-01 00:00:02", "x")
"""Times, but for the last."""
SCHEMAS: Final = Path(__file__).parents[3] / "docs" / "schemas"
TIMING: Final = {"guard_seconds": 3, "cooldown_seconds": 20}


def rows(seed: int, count: int) -> NDArray[np.float64]:
    """Three features of one factor each, with noise."""
    rng = np.random.default_rng(seed)
    return np.asarray([20, 3, 100] + [2, 0.5, 10] * rng.standard_normal((count, 3)))


def drifting(count: int = 23_000) -> NDArray[np.float64]:
    """A stream that is hotter for a while, is repaired, and whose flow gets stuck."""
    found = rows(1, count)
    found[FIRST:REPAIRED, 0] += 6
    found[SECOND:, 1] = 4.5
    return found


def trained(folder: Path, epochs: int = 4) -> Path:
    """The folder of a bundle of such rows."""
    settings = TrainingSettings(epochs=epochs, device="cpu", ordered=True)
    described = Description(Schema.numbers(NAMES))
    train(rows(0, 26_000), folder, settings, Conduct(card=False), described)
    return folder


def configured(folder: Path, bundle: Path, channels: str, **drift: Any) -> Path:
    """A configuration in a folder. drift: more of that section."""
    text = yaml.safe_dump(
        {
            "model": str(bundle),
            "device": "cpu",
            "kafka": {"topic": "plant"},
            "codec": {"name": "raw"},
            "batch": {"max_records": 500, "linger_seconds": 0},
            "drift": {"false_alarms": "1 per 1e6 records", "channels": channels, **TIMING, **drift},
            "state": {"directory": str(folder / "state")},
            "http": {"port": 0},
        }
    )
    path = folder / "aead-monitor.yaml"
    path.write_text(text)
    return path


def replayed(folder: Path, *arguments: object, code: int = 0) -> dict[str, Any]:
    """What `replay` wrote to a folder."""
    words = ["replay", *map(str, arguments), "--out", str(folder / "out")]
    assert main(words) == code
    found: dict[str, Any] = json.loads((folder / "out" / "replay.json").read_text())
    return found


def table_of(path: Path, stamps: Sequence[str]) -> Path:
    """A table of the first rows of `drifting`, stamped."""
    values = drifting()[: len(stamps)]
    cells = zip(stamps, values.tolist(), strict=True)
    lines = [",".join([stamp, *map(repr, row)]) for stamp, row in cells]
    path.write_text("\n".join([",".join(["stamp", *NAMES]), *lines]) + "\n")
    return path


def lines_of(count: int = 40_000) -> tuple[NDArray[np.float64], list[str]]:
    """Five lines in turns: values, and the line of each."""
    values, line = rows(1, count), np.arange(count) % 5
    values[(line == 3) & (np.arange(count) >= HOTTER), 0] += 6
    kept = (line != 4) | (np.arange(count) < GONE)
    return values[kept], [f"line-{number}" for number in line[kept]]


def table_of_lines(
    path: Path, values: NDArray[np.float64], lines: list[str], column: str = "line"
) -> Path:
    cells = zip(lines, values.tolist(), strict=True)
    body = [",".join([line, *map(repr, row)]) for line, row in cells]
    path.write_text("\n".join([",".join([column, *NAMES]), *body]) + "\n")
    return path


def changes_of(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines) + "\n")
    return path


def valid(document: dict[str, Any]) -> dict[str, Any]:
    """It is as its schema says, and its alerts as theirs."""
    for name, values in (("replay", [document]), ("alert", document["alerts"])):
        schema = json.loads((SCHEMAS / f"{name}.json").read_text())
        for value in values:
            jsonschema.validate(value, schema)
    return document
