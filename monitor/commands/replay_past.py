"""Where `replay` has its records from: a file as the options say, or a topic."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from monitor.commands.data_options import reading, remembered, source_of

if TYPE_CHECKING:
    from models.bundle import Bundle
    from monitor.backtest.backtest import Backtest
    from monitor.backtest.past import Past
    from monitor.backtest.times import Times
    from monitor.config import Config
    from monitor.datasets import Reading
    from monitor.process.progress import Bars

_OF_FILES: Final = (
    "where", "drop", "label", "id", "time", "time_unit", "rate", "header", "delimiter", "decimal",
    "encoding", "by_position", "segment_column",
)  # fmt: skip


def check(options: argparse.Namespace) -> None:
    """Refuse options that do not go together; raises UserError."""
    from monitor.backtest.times import rate_of
    from monitor.errors import UserError

    if (options.data is None) == (options.topic is None):
        raise UserError("give either --data (a file) or --topic (past records of a topic)")
    if options.topic is not None:
        for name in _OF_FILES:
            if getattr(options, name):
                said = {"time": "time-column"}.get(name, name.replace("_", "-"))
                raise UserError(f"--{said} is for --data: records of a topic are as the codec says")
    elif options.begin is not None or options.end is not None:
        raise UserError("--from and --to are for --topic; of a file, choose with --where")
    if options.segment_column == "":
        raise UserError("--segment-column: is empty. Give the name of a column")
    if options.segment_column is not None and options.no_segments:
        raise UserError("--segment-column and --no-segments: give one of them")
    if options.rate is not None:
        rate_of(options.rate)
    if options.rate is not None and options.time is not None:
        raise UserError("--rate and --time-column: give one of them")
    if options.rate is not None and options.time_unit is not None:
        raise UserError("--time-unit is for --time-column")


@contextmanager
def pasts(
    options: argparse.Namespace, config: Config, bars: Bars
) -> Iterator[tuple[Callable[[Backtest], Past], int | None]]:
    """What gives the records, as the model of a backtest takes them, as often as it is asked; and
    how many offsets they are, None of a file."""
    if options.topic is None:
        yield lambda backtest: _of_file(options, backtest, bars), None
        return
    from monitor.backtest.topic_past import TopicPast, plan
    from monitor.daemon.assembly.kafka import build_connection
    from monitor.stream.offset_reader import opened

    begin, end = _moment("--from", options.begin), _moment("--to", options.end)
    kafka = config.kafka
    with opened(build_connection(kafka), kafka.isolation, kafka.fetch_max_bytes) as reader:
        stretch = plan(reader, options.topic or kafka.topic, begin, end)
        yield lambda backtest: TopicPast(reader, stretch), stretch.offsets


def _moment(option: str, text: str | None) -> int | None:
    """Milliseconds since the epoch; raises UserError for what is no time."""
    if text is None:
        return None
    import pyarrow as pa

    from monitor.backtest.instants import FORMS, NONE, dates
    from monitor.errors import UserError

    (found,) = dates(pa.array([text.strip()], pa.string())).tolist()
    if found == NONE:
        raise UserError(f"{option}: {text!r:.60} is no time. Write it as {FORMS}")
    return int(found)


def timed(options: argparse.Namespace, bundle: Bundle) -> bool:
    """Whether the records have times of their own."""
    return options.topic is not None or (
        options.rate is None and remembered(reading(options), bundle).time is not None
    )


def _of_file(options: argparse.Namespace, backtest: Backtest, bars: Bars) -> Past:
    from monitor.backtest.file_past import FilePast
    from monitor.datasets import fitting
    from monitor.errors import UserError

    asked = _asked(options, reading(options, watch=bars.count), backtest)
    source = source_of(options)
    parts = fitting.blocks(options.data, None, backtest.spec, asked)
    times = _times(options, asked, source)
    if times.column is None and backtest.knows_hours:
        raise UserError(
            "this model judges records by their hour, which a rate does not tell:"
            " say which column has their times (--time-column NAME)"
        )
    return FilePast(parts, source, times, backtest)


def _asked(options: argparse.Namespace, asked: Reading, backtest: Backtest) -> Reading:
    """How to read the data: with what the bundle remembers, and the columns of series and
    segments."""
    from dataclasses import replace

    found = remembered(asked, backtest.bundle)
    if options.rate is not None:
        found = replace(found, time=None, drop=_with(found.drop, found.time))
    for name in (backtest.by, backtest.segment_column):
        found = replace(found, ids=_with(found.ids, name))
    return found


def _with(names: tuple[str, ...], name: str | None) -> tuple[str, ...]:
    return names if not name or name in names else (*names, name)


def _times(options: argparse.Namespace, asked: Reading, source: str) -> Times:
    """What says when records came."""
    from monitor.backtest.times import USUAL_RATE, Even, OfColumn, rate_of

    if options.rate is not None:
        rate = rate_of(options.rate)
        return Even(rate, options.rate if "per" in options.rate else f"{rate:g} a second")
    if asked.time is not None:
        return OfColumn(asked.time, options.time_unit, source)
    return Even(USUAL_RATE)
