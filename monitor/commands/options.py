"""What several commands have in common: options, and errors of files that they write."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager

FORMATS = ".npy, .npz (PATH:key), .csv, .parquet, or a folder of images"


def add_device(parser: argparse.ArgumentParser) -> None:
    """Add --device."""
    parser.add_argument("--device", default="auto", metavar="auto|cpu|cuda", help="default: auto")


@contextmanager
def writing(path: str) -> Iterator[None]:
    """Turn what goes wrong with an output file into one line that names it."""
    from monitor.errors import UserError

    try:
        yield
    except OSError as error:
        raise UserError(f"{path}: cannot be written: {error.strerror or error}") from None
