"""Options that have the drift test know the hour, or a column."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    from models.bundle import Bundle
    from models.description import Description
    from monitor.datasets.dataset import Dataset
    from monitor.datasets.request import Reading
    from monitor.pipeline.scorer import Scorer

_BY_TIME = ("auto", "hour", "week")
_BY_COLUMN = "field:"
"""`models.context_column.PREFIX`, which is not imported before the work: that takes torch."""
UNITS = ("s", "ms", "us", "ns")


def add_context(parser: argparse.ArgumentParser) -> None:
    """Add --context and --time-unit."""
    group = parser.add_argument_group(
        "data with a daily or weekly swing, or that a column explains"
    )
    group.add_argument(
        "--context",
        type=_asked,
        metavar="auto|hour|week|field:NAME",
        help="judge drift by the hour of the day (hour) or of the week (week), UTC, of --time;"
        " auto: whichever a held-out check says helps, or neither; or by the value of one of the"
        " model's columns, field:NAME",
    )
    group.add_argument(
        "--time-unit", choices=UNITS, help="with --context: of times that are numbers"
        " since 1970 (default: s)",
    )  # fmt: skip


def _asked(text: str) -> str:
    if text in _BY_TIME or text.removeprefix(_BY_COLUMN) not in ("", text):
        return text
    raise argparse.ArgumentTypeError(f"auto, hour, week or field:NAME, got {text!r:.80}")


def add_time_unit(parser: argparse.ArgumentParser) -> None:
    """Add --time-unit, of the records that `simulate --change` replays."""
    parser.add_argument(
        "--time-unit", choices=UNITS, help="with --change, of a model that judges by the"
        " hour: of times that are numbers since 1970 (default: s)",
    )  # fmt: skip


def check_context(options: argparse.Namespace) -> None:
    """Raise UserError for what says nothing sensible."""
    from monitor.errors import UserError

    by_time = options.context in _BY_TIME
    if not by_time and options.time_unit is not None:
        raise UserError("--time-unit is for --context auto, hour or week")
    if by_time and options.time is None:
        raise UserError(
            "--context needs --time NAME: the column that says when each record was made"
        )


def with_context(options: argparse.Namespace, described: Description, data: Dataset) -> Description:
    """With the context that is asked for, and the time of each record where that is by it.

    Raises UserError.
    """
    from dataclasses import replace

    from monitor.backtest.times import OfColumn
    from monitor.commands.data_options import source_of

    if options.context is None:
        return described
    if options.context not in _BY_TIME:
        _check_column(options.context, described.schema.names)
        return replace(described, context=options.context)
    times = OfColumn(options.time, options.time_unit, source_of(options), option="--time")
    return replace(described, moments=times.read(data), context=options.context)


def _check_column(asked: str, names: tuple[str, ...]) -> None:
    """Raise UserError for a column that there is not: before the work. names: () for none."""
    from models.context_column import check_name
    from monitor.errors import UserError

    try:
        if names:
            check_name(asked.removeprefix(_BY_COLUMN), names)
    except ValueError as error:
        raise UserError(f"--context {asked:.80}: {error}") from None


def times_of(
    options: argparse.Namespace, asked: Reading, scorer: Scorer
) -> Callable[[Dataset], NDArray[np.int64]] | None:
    """What reads the times of records by which they are judged; None if that is not by time.

    Raises UserError if nobody says which column has them.
    """
    from monitor.backtest.times import OfColumn
    from monitor.commands.data_options import source_of
    from monitor.errors import UserError

    if not scorer.knows_hours:
        return None
    if asked.time is None:
        raise UserError(
            "this model judges records by their hour: say which column has the times (--time NAME)"
        )
    return OfColumn(asked.time, options.time_unit, source_of(options), option="--time").read


def told(bundle: Bundle) -> str:
    """A line of what became of it, or two, or ""."""
    from models.context_report import channel_words, words
    from monitor.process.text import for_terminal

    check = bundle.metadata.get("context")
    if check is None:
        return ""
    of_channels = channel_words(check, for_terminal)
    of_errors = words(check, for_terminal)
    return f"\ncontext      {of_errors}" + f"\n             {of_channels}" * bool(of_channels)
