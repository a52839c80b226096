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

from benchmarks import corruptions
from models import architectures
from models.autoencoder import Autoencoder
from models.input_spec import InputSpec
from models.reconstruction import errors_of
from models.settings import TrainingSettings
from models.solved import Solved
from models.solving import solve
from models.training import Listener, Progress, fit, seeded
from tests.data import DATA

CACHE = Path(__file__).parents[1] / "out" / "real-errors"
SEED = 0
CORRUPTED = 40_000
"""At most this many rows of an ADBench stream, its first, are copied and corrupted."""
WEEK = 336
"""Half-hours in a week."""

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


@dataclass(frozen=True)
class Records:
    """Records of one case; the last tenth of `training` is for early stopping."""

    training: NDArray[Any]
    calibration: NDArray[Any]
    stream: NDArray[Any]
    changed: Mapping[str, NDArray[Any]]
    ordered: bool
    note: str


def mnist() -> Records:
    """Digits 0 to 8; the 9s are the new class."""
    arrays = _read("mnist.npz", "x_train", "x_test", "y_train", "y_test")
    images = np.concatenate([arrays["x_train"], arrays["x_test"]])
    labels = np.concatenate([arrays["y_train"], arrays["y_test"]])
    rng = np.random.default_rng(SEED)
    normal = rng.permutation(images[labels != 9])
    training, calibration, stream = np.split(normal, [25_000, 40_000])
    changed = corruptions.of_images(stream, rng)
    changed |= corruptions.of_new_class(stream, images[labels == 9], "new digit", rng)
    note = "Random split of the 63,042 images of digits 0 to 8; the 9s are the new class."
    return Records(training, calibration, stream, changed, False, note)


def adbench(name: str) -> Records:
    """The normal rows of a set of ADBench; its anomalies are the new class."""
    arrays = _read("adbench_dev.npz", f"{name}__X", f"{name}__y")
    x, anomalous = arrays[f"{name}__X"], arrays[f"{name}__y"] == 1
    rng = np.random.default_rng(SEED)
    normal = rng.permutation(x[~anomalous])
    share = 3 * len(normal) // 10
    sizes = [min(30_000, share), min(20_000, share)]
    training, calibration, stream = np.split(normal, np.cumsum(sizes))
    held_out = stream[:CORRUPTED]
    changed = corruptions.of_vectors(held_out, training, rng)
    changed |= corruptions.of_new_class(held_out, x[anomalous], "anomalies", rng)
    note = f"Random split of the {len(normal):,} normal rows; anomalies are the new class."
    return Records(training, calibration, stream, changed, False, note)


def tennessee_eastman() -> Records:
    """A simulated plant: a long normal run to train on, short ones to calibrate and stream.

    The two normal runs are too few for three parts, but each faulty test run is normal in its
    first 160 samples. Run 5 repeats run 4 there, number for number, and is left out.
    """
    runs = [run for run in range(1, 22) if run != 5]
    names = [f"d{run:02d}_te" for run in runs]
    arrays = _read("tep_braatz.npz", "d00", "d00_te", *names)
    starts = [arrays[name][:160] for name in names]
    training = np.concatenate([arrays["d00"], arrays["d00_te"]])
    calibration, stream = np.concatenate(starts[::2]), np.concatenate(starts[1::2])
    rng = np.random.default_rng(SEED)
    changed = corruptions.of_vectors(stream, training, rng)
    changed |= {f"fault {fault}": arrays[f"d{fault:02d}_te"][160:] for fault in (1, 4, 11)}
    note = "Both normal runs train; the others' first 160 samples calibrate and stream in turns."
    return Records(training, calibration, stream, changed, True, note)


def electricity(split: str) -> Records:
    """A market with daily, weekly and yearly cycles, and real drift; half-hours, whole weeks."""
    x = _read("electricity.npz", "X")["X"]
    weeks = np.split(x, range(WEEK, len(x), WEEK))
    training, calibration, stream = (np.concatenate(weeks[part]) for part in WEEKS[split])
    changed = corruptions.of_vectors(stream, training, np.random.default_rng(SEED))
    return Records(training, calibration, stream, changed, True, WEEKS_NOTES[split])


WEEKS = {
    "early": (slice(16), slice(16, 36), slice(36, None)),
    "year": (slice(53, 105, 2), slice(54, 105, 2), slice(105, None)),
    "turns": (slice(53, None, 3), slice(54, None, 3), slice(55, None, 3)),
}
"""Weeks, 0 to 134, to train, to calibrate and to stream."""
WEEKS_NOTES = {
    "early": "Weeks 0-15 train, 16-35 calibrate; in the stream three features move from row 5,328.",
    "year": "Of weeks 53-104 every other trains and the rest calibrate; the stream comes after.",
    "turns": "From week 53 on weeks take turns to train, calibrate and be the stream.",
}


def _read(file: str, *names: str) -> dict[str, NDArray[Any]]:
    path = DATA / file
    if not path.exists():
        raise SystemExit(f"{file} is not in {DATA}. Set AEAD_DATA to the folder that holds it.")
    with np.load(path, allow_pickle=False) as arrays:
        return {name: arrays[name] for name in names}


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
