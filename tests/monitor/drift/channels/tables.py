"""Tables of correlated features, with channels of each input and its residual."""

from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray

from models.channels import Channels
from models.input_spec import InputSpec
from models.reference import Reference
from models.schema import Schema
from models.views import Views
from monitor.drift.budget import Budget
from monitor.drift.judge import Change, Judge
from monitor.drift.judge_settings import JudgeSettings
from monitor.drift.judged_records import JudgedRecords
from monitor.stream.records import Partition
from tests.monitor.builders import VERSION, normal_errors

FEATURES = ("temperature", "flow", "pressure", "level", "speed", "power")
D = len(FEATURES)
SETTINGS = JudgeSettings(
    guard_seconds=0, cooldown_seconds=0, budget=Budget(1, 1e6, None), window_rows=2048,
    window_panes=8,
)  # fmt: skip
CALIBRATION = 5000
Values = NDArray[np.float32]


def values(rng: np.random.Generator, n: int, rho: float = 0.9, lag: float = 0.0) -> Values:
    """Inputs and residuals, (n, 2 D), of mean 0 and variance 1: one factor, and AR(1) in time.

    rho: correlation of two features. lag: of a feature with itself, a record later.
    """
    noise = rng.standard_normal((n, 2 * D + 1))
    for i in range(1, n if lag else 0):
        noise[i] = lag * noise[i - 1] + np.sqrt(1 - lag**2) * noise[i]
    mixed = np.sqrt(rho) * noise[:, :1] + np.sqrt(1 - rho) * noise[:, 1:]
    mixed[:, D:] = noise[:, 1 + D :]  # residuals are what a model could not foretell
    return mixed.astype(np.float32)


def channels_of(calibration: Values, ordered: bool = True) -> Channels:
    """Channels of these values, as a model's bundle would have them; features have units."""
    spec = InputSpec(
        shape=(D,), layout="vector", dtype="float32", offset=(20.0,) * D, scale=(2.0,) * D,
        schema=Schema.numbers(FEATURES),
    )  # fmt: skip
    views = Views(spec, {"code_mean": torch.zeros(0), "code_whitening": torch.zeros(0, 0)})
    return Channels(views, np.arange(2 * D), calibration.T.copy(), ordered)


@lru_cache
def reference() -> Reference:
    return Reference.calibrate(normal_errors(CALIBRATION, 99), ordered=True)


def judge(channels: Channels | None, **changes: object) -> Judge:
    settings = JudgeSettings(**{**vars_of(SETTINGS), **changes})
    return Judge(VERSION, reference(), settings, channels)


def vars_of(settings: JudgeSettings) -> dict[str, object]:
    return {name: getattr(settings, name) for name in settings.__slots__}


def batch(errors: NDArray[np.float64], shown: Values | None, first: int = 0) -> JudgedRecords:
    """Records of one row each in two partitions in turn, a millisecond apart."""
    n = len(errors)
    place = first + np.arange(n)
    return JudgedRecords(
        model_version=VERSION,
        partitions=(Partition("in", 0), Partition("in", 1)),
        partition=place % 2,
        offsets=place // 2,
        next_offsets=place // 2 + 1,
        timestamps=1_700_000_000_000 + place,
        rows=np.ones(n, dtype=np.int64),
        errors=errors,
        channels=shown,
    )


def feed(
    subject: Judge, errors: NDArray[np.float64], shown: Values | None, first: int = 0,
    size: int = 2048,
) -> list[tuple[int, Change]]:  # fmt: skip
    """What the judge says of a stream, and after how many of its rows."""
    found: list[tuple[int, Change]] = []

    def note(changes: list[Change], newest: int) -> None:
        found.extend((subject.rows - first, change) for change in changes)

    for start in range(0, len(errors), size):
        part = slice(start, start + size)
        some = None if shown is None else shown[part]
        subject.watch(batch(errors[part], some, first + start), note)
    return found


def events(found: list[tuple[int, Change]]) -> list[str]:
    return [change.transition.event for _, change in found]
