"""What several commands have in common: options, and errors of files that they write."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from models.bundle import Bundle
    from models.channels import Channels
    from monitor.pipeline.scorer import Scorer


def add_device(parser: argparse.ArgumentParser) -> None:
    """Add --device, --threads, --precision and --micro-batch."""
    parser.add_argument("--device", default="auto", metavar="auto|cpu|cuda", help="default: auto")
    parser.add_argument(
        "--threads",
        type=positive,
        metavar="N",
        help="of the CPU (default: 1, or all cores for a large network)",
    )
    parser.add_argument(
        "--precision",
        choices=["float32", "bfloat16"],
        default="float32",
        help="bfloat16: faster; needs a model that was trained with --precision bfloat16",
    )
    parser.add_argument(
        "--micro-batch",
        type=positive,
        metavar="N",
        help="records in one forward pass (default: as many as are fastest here)",
    )


def positive(text: str) -> int:
    """A whole number, at least 1."""
    number = int(text) if text.isdecimal() else 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"must be a whole number, at least 1, got {text!r}")
    return number


def scorer_for(
    options: argparse.Namespace, channels: Callable[[Bundle], Channels | None] = lambda bundle: None
) -> Scorer:
    """The scorer of options.bundle as the options of `add_device` ask for it.

    channels: those of the bundle that it computes, too.
    """
    from models import bundle, threads
    from monitor.pipeline.scorer import Scorer

    loaded = bundle.load(options.bundle).in_precision(options.precision)
    threads.use(options.threads, loaded.model, threads.cores())
    return Scorer(loaded, options.device, options.micro_batch, channels(loaded))


@contextmanager
def writing(path: str) -> Iterator[None]:
    """Turn what goes wrong with an output file into one line that names it."""
    from monitor.errors import UserError

    try:
        yield
    except OSError as error:
        raise UserError(f"{path}: cannot be written: {error.strerror or error}") from None
