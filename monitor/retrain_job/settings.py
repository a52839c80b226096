"""How the candidate is trained: as the current model was, unless a file says otherwise."""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, Final

import yaml

from models.architectures import GIVEN
from models.bundle import Bundle
from models.error_metrics import ERROR_METRICS
from models.errors import TrainingError
from models.files import read_bounded
from models.settings import TrainingSettings
from monitor.errors import DataError
from monitor.process.text import one_line

MAX_BYTES: Final = 2**16
MAX_EPOCHS: Final = 500
_NAMES: Final = frozenset(field.name for field in fields(TrainingSettings))
_FOUND: Final = frozenset({"ordered", "device", "threads"})
"""Not inherited: the records of a request are in order, device and threads are this machine's."""


def settings_for(
    current: Bundle, records: int, given: Path | None, device: str
) -> TrainingSettings:
    """Settings to learn from so many records, calibrated in the order of the stream.

    They are the current model's, with as many steps as it took, changed by the file's. Raises
    DataError for a file that is none, TrainingError for a value out of range.
    """
    own = {} if given is None else _read(given)
    if current.architecture in GIVEN and "architecture" not in own:
        raise DataError(
            f"{current.path}: it wraps a scorer that was made elsewhere, and is not trained here."
            " Make a new one there and wrap it, or name an architecture in the file of --settings,"
            " such as 'architecture: ladder'"
        )
    stored = current.metadata.get("settings")
    values = {
        name: value
        for name, value in (stored if isinstance(stored, dict) else {}).items()
        if name in _NAMES - _FOUND
    }
    values |= {
        "architecture": current.architecture,
        "architecture_settings": dict(current.model.settings),
    }
    if current.error_metric in ERROR_METRICS:
        values["error_metric"] = current.error_metric
    if own.get("architecture", current.architecture) != current.architecture:
        values["architecture_settings"] = {}
    values |= {**own, "ordered": True, "device": device}
    try:
        settings = TrainingSettings(**{**values, "augment": tuple(values.get("augment", ()))})
    except (TypeError, ValueError) as error:
        raise TrainingError(f"{given or current.path}: settings: {error}.") from error
    if "epochs" in own:
        return settings
    return replace(settings, epochs=_epochs(current, settings, records), patience=None)


def inherited_roles(current: Bundle) -> dict[str, Any] | None:
    """What the current model remembers of how its data were read, for the next one: the size to
    which pictures are brought, columns that are no features. None if it remembers nothing.
    """
    read = current.metadata.get("data", {}).get("read")
    roles = read.get("roles") if isinstance(read, Mapping) else None
    return {"roles": dict(roles)} if isinstance(roles, Mapping) and roles else None


def _epochs(current: Bundle, settings: TrainingSettings, records: int) -> int | None:
    """As many epochs as make the number of steps that the current model was given."""
    parts = current.metadata.get("split")
    before = parts.get("training") if isinstance(parts, dict) else None
    if not isinstance(before, int) or not settings.epochs or not settings.batch_size:
        return None
    steps = settings.epochs * math.ceil(before / settings.batch_size)
    trained = records * (1 - settings.validation_fraction - settings.calibration_fraction)
    return min(MAX_EPOCHS, max(1, round(steps / math.ceil(trained / settings.batch_size))))


def quick(settings: TrainingSettings, records: int) -> TrainingSettings:
    """The same for a quarter of the epochs: what is common is learned first, the rare later."""
    complete = settings.completed(records)
    return replace(complete, epochs=max(3, (complete.epochs or 4) // 4), patience=None)


def _read(path: Path) -> dict[str, Any]:
    """Names and values of a YAML or JSON file."""
    try:
        data = read_bounded(path, MAX_BYTES)
        values = None if data is None else yaml.safe_load(data.decode())
    except OSError as error:
        raise DataError(f"--settings {path}: {error.strerror}") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise DataError(f"--settings {path}: not YAML: {one_line(error)}") from None
    if not isinstance(values, dict):
        raise DataError(f"--settings {path}: write names and values, such as 'epochs: 50'")
    for name in values:
        if name not in _NAMES - _FOUND:
            close = difflib.get_close_matches(str(name), _NAMES, n=1)
            hint = f"Did you mean {close[0]}?" if close else f"Known: {', '.join(sorted(_NAMES))}"
            raise DataError(f"--settings {path}: {name!r:.80} is no setting of training. {hint}")
    return values
