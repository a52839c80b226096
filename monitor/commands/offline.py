"""What the commands that score files have in common: data that fits the model, and its scores."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from monitor.datasets import Dataset
    from monitor.pipeline.scorer import Scorer
    from monitor.stream.records import Scores

BLOCK = 8192
"""Records scored between two moves of the progress bar; a multiple of the scorer's own batches,
so that a record's error does not depend on it."""
FORMATS = ".npy, .npz (PATH:key), .csv, .parquet, or a folder of images"


def add_device(parser: argparse.ArgumentParser) -> None:
    """Add --device."""
    parser.add_argument("--device", default="auto", metavar="auto|cpu|cuda", help="default: auto")


def load(path: str, where: str | None, scorer: Scorer) -> Dataset:
    """The data file's records as the model takes them.

    A table's columns are taken by name, in whatever order they come; those that the model does
    not know are left out with a word on stderr. Raises DataError.
    """
    from monitor import datasets
    from monitor.errors import DataError

    data = datasets.load(path, where)
    wanted = scorer.bundle.input_spec.features
    if not data.features or not wanted or data.features == wanted:
        return data
    missing = [name for name in wanted if name not in data.features]
    if missing:
        raise DataError(
            f"{path}: no column {missing[0]!r}, which the model was trained on. Give the columns"
            f" {', '.join(wanted)}"
        )
    unknown = [name for name in data.features if name not in wanted]
    if unknown:
        print(f"{path}: not in the model, left out: {', '.join(unknown)}", file=sys.stderr)
    columns = [data.features.index(name) for name in wanted]
    return replace(data, records=data.records[:, columns], features=wanted)


def score(scorer: Scorer, data: Dataset, path: str) -> Scores:
    """Scores of all records, in order. Raises DataError if they do not fit the model."""
    import numpy as np
    from rich.console import Console
    from rich.progress import track

    from models.errors import ShapeError
    from monitor.errors import DataError
    from monitor.stream.records import Scores

    starts = range(0, len(data.records), BLOCK)
    console = Console(stderr=True)
    bar = track(starts, f"scoring {path}", console=console, transient=True, disable=len(starts) < 2)
    try:
        parts = [scorer.score(data.records[start : start + BLOCK]) for start in bar]
    except ShapeError as error:
        raise DataError(f"{path}: {error} Give data of the kind that the model learned") from None
    return Scores(
        np.concatenate([part.reconstruction_error for part in parts]),
        np.concatenate([part.p_value for part in parts]),
        np.concatenate([part.anomalous for part in parts]),
        parts[0].model_version,
    )


@contextmanager
def writing(path: str) -> Iterator[None]:
    """Turn what goes wrong with an output file into one line that names it."""
    from monitor.errors import UserError

    try:
        yield
    except OSError as error:
        raise UserError(f"{path}: cannot be written: {error.strerror or error}") from None
