"""TrainingSettings: every knob of a training run, with defaults that suit most data."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Final

from models.augmentation import AUGMENTATIONS
from models.error_metrics import ERROR_METRICS
from models.errors import TrainingError
from models.precision import FLOAT32, PRECISIONS

MIN_RECORDS: Final = 50
"""Fewest records that can be split into training, validation and calibration."""
MOST_CONTAMINATION: Final = 0.5


@dataclass(frozen=True)
class TrainingSettings:
    """Settings of one training run. None means: chosen to suit the data.

    architecture, architecture_settings: see `architectures`. epochs: at most this many (default
    about 4,000 steps, 20 to 500 epochs). batch_size: default 8 to 128. warmup_fraction: share of
    the steps in which the learning rate rises; after it, it falls to zero along a cosine.
    patience: epochs without a better validation loss before stopping (default a fifth of the
    epochs, at least 10). quantile: level of the anomaly threshold (default 0.999, or the highest
    that the calibration records support). ordered: the records are consecutive ones of the stream,
    oldest first; the newest are then held out to calibrate. augment: for images, any of
    AUGMENTATIONS. threads: of the CPU (default 1, or all
    cores for a large network). precision: bfloat16 to calibrate in it as well as in float32.
    contamination: share of records that should not be among them: a solved architecture leaves out
    twice as many, if that is more than it does anyway, and none for 0; the threshold lets so many
    stand out (default: the architecture's own share, and no word of the threshold).
    Raises TrainingError for a value out of range.
    """

    architecture: str | None = None
    architecture_settings: Mapping[str, Any] = field(default_factory=dict)
    epochs: int | None = None
    batch_size: int | None = None
    learning_rate: float = 2e-3
    weight_decay: float = 1e-4
    warmup_fraction: float = 0.05
    patience: int | None = None
    validation_fraction: float = 0.1
    calibration_fraction: float = 0.2
    quantile: float | None = None
    ordered: bool = False
    error_metric: str = "mse"
    augment: tuple[str, ...] = ()
    seed: int = 0
    device: str = "auto"
    threads: int | None = None
    precision: str = FLOAT32
    contamination: float | None = None

    def __post_init__(self) -> None:
        _at_least("epochs", self.epochs, 1)
        _at_least("batch_size", self.batch_size, 2)
        _at_least("patience", self.patience, 1)
        _at_least("seed", self.seed, 0)
        _at_least("threads", self.threads, 1)
        _between("learning_rate", self.learning_rate, above=0, below=math.inf)
        _between("weight_decay", self.weight_decay, above=-1e-300, below=math.inf)
        _between("warmup_fraction", self.warmup_fraction, above=-1e-300, below=1)
        _between("validation_fraction", self.validation_fraction, above=0, below=1)
        _between("calibration_fraction", self.calibration_fraction, above=0, below=1)
        _between("quantile", self.quantile, above=0, below=1)
        _between("contamination", self.contamination, above=-1e-300, below=MOST_CONTAMINATION)
        if self.validation_fraction + self.calibration_fraction > 0.8:
            raise TrainingError(
                "validation_fraction and calibration_fraction together must leave 20% for training."
            )
        if self.error_metric not in ERROR_METRICS:
            known = ", ".join(ERROR_METRICS)
            raise TrainingError(f"error_metric must be one of {known}, got {self.error_metric!r}.")
        if self.precision not in PRECISIONS:
            raise TrainingError(
                f"precision must be {' or '.join(PRECISIONS)}, got {self.precision!r}."
            )
        for kind in self.augment:
            if kind not in AUGMENTATIONS:
                known = ", ".join(AUGMENTATIONS)
                raise TrainingError(f"augment takes any of {known}, got {kind!r}.")

    def completed(self, records: int) -> TrainingSettings:
        """Return settings in which epochs, batch_size and patience suit this many records."""
        batch_size = self.batch_size or min(128, max(8, records // 50))
        steps = math.ceil(records / batch_size)
        epochs = self.epochs or min(500, max(20, math.ceil(4000 / steps)))
        patience = self.patience or max(10, epochs // 5)
        return replace(self, batch_size=batch_size, epochs=epochs, patience=patience)

    @property
    def of_gradients(self) -> list[str]:
        """What is asked for that only training by gradients has, by name."""
        plain = TrainingSettings()
        names = """epochs batch_size patience learning_rate weight_decay warmup_fraction augment
            precision error_metric"""
        return [name for name in names.split() if getattr(self, name) != getattr(plain, name)]

    @property
    def of_reconstructions(self) -> list[str]:
        """What is asked for that a model with an error of its own does not have, by name."""
        return [name for name in ("precision", "error_metric") if name in self.of_gradients]

    @property
    def level(self) -> float | None:
        """The threshold's quantile, if one is asked for or follows from the contamination."""
        if self.quantile is None and self.contamination:
            return 1 - self.contamination
        return self.quantile

    def to_json(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        values = {each.name: getattr(self, each.name) for each in fields(self)}
        values["architecture_settings"] = dict(self.architecture_settings)
        return {**values, "augment": list(self.augment)}


def _at_least(name: str, value: int | None, least: int) -> None:
    if value is not None and (type(value) is not int or value < least):
        raise TrainingError(f"{name} must be a whole number, at least {least}, got {value!r}.")


def _between(name: str, value: float | None, above: float, below: float) -> None:
    if value is not None and not above < value < below:
        limit = f"from {max(above, 0):g}" + (f" to {below:g}" if below < math.inf else " up")
        raise TrainingError(f"{name} must be a number {limit}, got {value:g}.")
