"""Reconstruction errors of real records, normal and changed, for measuring drift tests.

Each case trains one of our models on normal records and keeps the errors of others: a calibration
part, a long normal stream, and corrupted copies of that stream. No record is in two parts.

`load(case)` reads `out/real-errors/<case>.npz` and makes it when it is missing: delete the folder
after a change in the models. `python -m benchmarks.real_errors` makes all and prints a table;
about six minutes on one core. Needs the data sets in AEAD_DATA (see `tests/data.py`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console
from rich.status import Status
from scipy.stats import ks_2samp

from benchmarks.real_records import Records, adbench, electricity, mnist, tennessee_eastman
from models import architectures
from models.autoencoder import Autoencoder
from models.input_spec import InputSpec
from models.reconstruction import errors_of
from models.settings import TrainingSettings
from models.solved import Solved
from models.solving import solve
from models.training import Listener, Progress, fit, seeded

CACHE = Path(__file__).parents[1] / "out" / "real-errors"

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Errors:
    """Reconstruction errors of one case, float64, each array in the order of its stream.

    calibration, stream: of normal records that training did not see. ordered: both are in time
    order and sampled alike; otherwise both are random draws. changed: errors of changed streams,
    by name. note: how the data was split, in a sentence or two. trained: records of training and
    its validation.
    """

    calibration: Array
    ordered: bool
    stream: Array
    changed: Mapping[str, Array]
    note: str
    trained: int


_MAKERS: dict[str, tuple[Callable[[], Records], TrainingSettings]] = {
    "mnist-dense": (mnist, TrainingSettings("dense", epochs=20)),
    "mnist-convolutional": (mnist, TrainingSettings("convolutional", epochs=12)),
    "shuttle": (partial(adbench, "shuttle"), TrainingSettings("dense")),
    "aloi": (partial(adbench, "ALOI"), TrainingSettings("dense")),
    "celeba": (partial(adbench, "celeba"), TrainingSettings("dense")),
    "tep": (tennessee_eastman, TrainingSettings("dense")),
    "electricity": (partial(electricity, "early"), TrainingSettings("dense")),
    "electricity-year": (partial(electricity, "year"), TrainingSettings("dense")),
    "electricity-weeks": (partial(electricity, "turns"), TrainingSettings("dense")),
    "mnist-edges": (mnist, TrainingSettings("edges")),
    "shuttle-ladder": (partial(adbench, "shuttle"), TrainingSettings("ladder")),
    "aloi-ladder": (partial(adbench, "ALOI"), TrainingSettings("ladder")),
    "celeba-ladder": (partial(adbench, "celeba"), TrainingSettings("ladder")),
    "tep-ladder": (tennessee_eastman, TrainingSettings("ladder")),
    "electricity-weeks-ladder": (partial(electricity, "turns"), TrainingSettings("ladder")),
}
"""The plain networks, and what `train` takes by itself for the same records."""
CASES: tuple[str, ...] = tuple(_MAKERS)


def load(case: str, listener: Listener | None = None) -> Errors:
    """Errors of a case of CASES, from the cache, or made now in at most three minutes."""
    path = CACHE / f"{case}.npz"
    if not path.exists():
        _save(path, _make(case, listener))
    with np.load(path, allow_pickle=False) as arrays:
        changed = [name for name in arrays.files if name.startswith("changed/")]
        return Errors(
            calibration=arrays["calibration"],
            ordered=bool(arrays["ordered"]),
            stream=arrays["stream"],
            changed={name.removeprefix("changed/"): arrays[name] for name in changed},
            note=str(arrays["note"]),
            trained=int(arrays["trained"]),
        )


def _make(case: str, listener: Listener | None) -> Errors:
    """Train on one thread: the same errors on one machine, whoever asks for them."""
    maker, settings = _MAKERS[case]
    records, threads = maker(), torch.get_num_threads()
    torch.set_num_threads(1)
    score = _trained(records.training, settings, listener)
    errors = Errors(
        calibration=score(records.calibration),
        ordered=records.ordered,
        stream=score(records.stream),
        changed={name: score(changed) for name, changed in records.changed.items()},
        note=records.note,
        trained=len(records.training),
    )
    torch.set_num_threads(threads)
    return errors


def records_of(case: str) -> tuple[Records, TrainingSettings]:
    """The records of a case of CASES, and how its model is trained."""
    maker, settings = _MAKERS[case]
    return maker(), settings


def fitted(
    training: NDArray[Any], settings: TrainingSettings, listener: Listener | None = None
) -> tuple[Autoencoder, InputSpec]:
    """Fit a model as the recipe does."""
    count = len(training) - len(training) // 10
    spec = InputSpec.fit(training[:count])
    if settings.architecture in architectures.SOLVED:
        solved = architectures.build(settings.architecture, spec, {})
        assert isinstance(solved, Solved)
        solve(solved, spec, training, np.arange(count), settings)
        return solved, spec
    prepared = torch.from_numpy(spec.prepare(training))
    with seeded(settings.seed, torch.device("cpu")):
        model = architectures.build(settings.architecture or "", spec, {})
        fit(model, prepared[:count], prepared[count:], settings, listener)
    return model, spec


def _trained(
    training: NDArray[Any], settings: TrainingSettings, listener: Listener | None
) -> Callable[[NDArray[Any]], Array]:
    """Fit a model; return the function that scores records with it."""
    model, spec = fitted(training, settings, listener)
    return lambda records: errors_of(
        model, torch.from_numpy(spec.prepare(records)), settings.error_metric
    )


def _save(path: Path, errors: Errors) -> None:
    """Write and rename: one who loads meanwhile never sees half a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partly = path.with_suffix(".partial")
    plain = {name: value for name, value in vars(errors).items() if name != "changed"}
    with partly.open("wb") as file:
        changed = {f"changed/{name}": values for name, values in errors.changed.items()}
        np.savez_compressed(file, allow_pickle=False, **plain, **changed)
    partly.replace(path)


def print_splits(found: Mapping[str, Errors]) -> None:
    """Print the size of each part, and whether the normal stream looks like the calibration."""
    print("| case | training | calibration | stream | in time order | median error | KS p |")
    print("| --- | ---: | ---: | ---: | --- | ---: | ---: |")
    for case, errors in found.items():
        sizes = f"{errors.trained:,} | {len(errors.calibration):,} | {len(errors.stream):,}"
        p = ks_2samp(errors.calibration, errors.stream).pvalue
        median = np.median(errors.calibration)
        print(f"| {case} | {sizes} | {errors.ordered} | {median:.3g} | {p:.2g} |")


def print_changes(found: Mapping[str, Errors]) -> None:
    """Print how the errors of each stream compare with the calibration."""
    print("| case | stream | ratio of medians | of 0.9 quantiles | correlation at lag 1 |")
    print("| --- | --- | ---: | ---: | ---: |")
    for case, errors in found.items():
        streams = {"calibration": errors.calibration, "normal": errors.stream, **errors.changed}
        before = np.quantile(errors.calibration, [0.5, 0.9])
        for name, values in streams.items():
            median, high = np.quantile(values, [0.5, 0.9]) / before
            print(f"| {case} | {name} | {median:.3f} | {high:.3f} | {lag_1(values):.2f} |")


def lag_1(errors: Array) -> float:
    """Correlation of the logarithm of each error with the next one's; nan if none varies."""
    logs = np.log(np.maximum(errors, np.finfo(float).tiny))
    logs -= logs.mean()
    variance = float(logs @ logs)
    # Copies of one record differ in the last bit, by their place in the batch.
    return float(logs[1:] @ logs[:-1]) / variance if variance > 1e-9 * len(logs) else np.nan


def _show(status: Status, case: str, at: Progress) -> None:
    status.update(f"{case}: epoch {at.epoch} of {at.epochs}")


def main() -> None:
    """Make what is missing, and print the tables."""
    console, found = Console(stderr=True), {}
    for case in CASES:
        start = time.monotonic()
        with console.status(case) as status:
            found[case] = load(case, partial(_show, status, case))
        console.print(f"{case}: {time.monotonic() - start:.0f} s")
    print_splits(found)
    print()
    print_changes(found)


if __name__ == "__main__":
    main()
