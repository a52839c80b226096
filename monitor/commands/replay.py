"""`aead-monitor replay`: what the daemon would have said of records of the past."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Final

from monitor.commands.data_options import add_data, reading, remembered, source_of
from monitor.commands.interruption import stopping
from monitor.commands.options import writing

if TYPE_CHECKING:
    from models.bundle import Bundle
    from monitor.backtest.report import Report
    from monitor.backtest.times import Times
    from monitor.datasets import Reading

_FILES: Final = ("replay.json", "replay.txt", "replay.png")
_STOPPED: Final = 130
_EXAMPLE = """\
example:
  aead-monitor replay --config aead-monitor.yaml --data january.csv --time-column stamp
  aead-monitor replay --config aead-monitor.yaml --data year.npy --rate "48 per 1d" \\
      --changes changes.csv --out replay

Runs the daemon's own pipeline over a file as fast as it can, and tells the alarms that there
would have been: when, why, and how many a day against the budget. Nothing is published, the
daemon's state is not touched. Records count as having come, one after the other in one
partition, at the times that --time-column holds: dates such as 2026-01-31 14:05:00 (UTC, or with
an offset such as +02:00), or numbers since the epoch; without one, evenly at --rate.

changes.csv says what truly happened: a line "begin,end,name", and one line for each change. begin
and end are rows of the data, counted from 0, or times if there is a --time-column; end (the first
row that is as before) and name may be empty or left out. The table then tells how many records
each change took to be found, which were missed, and which alarms were false.

--out writes replay.json, replay.txt and replay.png. Ctrl-C ends early: what came until then is
told and written, and the exit code is 130.
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "replay",
        help="see what the daemon would have said of a file",
        description="Replay a file of past records through the daemon's pipeline.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--config", required=True, metavar="FILE", help="configuration (YAML)")
    add_data(parser, "replay")
    when = parser.add_argument_group("when records came")
    when.add_argument(
        "--time-column", dest="time", metavar="NAME",
        help="of a table, ascending; by default the model's, if it remembers one (as --time)",
    )  # fmt: skip
    when.add_argument(
        "--time-unit", choices=["s", "ms", "us", "ns"],
        help="of times that are numbers, since 1970 in UTC (default: s)",
    )  # fmt: skip
    when.add_argument(
        "--rate", metavar="R",
        help='records a second, or N per TIME such as "48 per 1d", if they have no time'
        " (default: 500)",
    )  # fmt: skip
    parser.add_argument("--changes", metavar="PATH", help="what truly happened, as CSV (see below)")
    parser.add_argument("--out", metavar="FOLDER", help="also write JSON, text and a picture")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Replay, print the table, write what was asked for."""
    _check(options)

    from monitor.backtest import true_changes
    from monitor.backtest.backtest import Backtest
    from monitor.backtest.report import Report
    from monitor.backtest.table import table
    from monitor.config import file as config_file
    from monitor.datasets import fitting
    from monitor.errors import UserError
    from monitor.process import logs
    from monitor.process.progress import Bars

    config = config_file.load(options.config)
    logs.configure("warning", "console")
    backtest = Backtest(config)
    source = source_of(options)
    with stopping(), Bars() as bars:
        asked = _asked(options, reading(options, watch=bars.count), backtest.bundle, backtest.by)
        times = _times(options, asked, source)
        if times.column is None and backtest.bundle.context is not None:
            raise UserError(
                "this model judges errors by the hour of their records, which a rate does not tell:"
                " say which column has their times (--time-column NAME)"
            )
        changes = None
        if options.changes is not None:
            changes = true_changes.read(options.changes, times.column is not None)
        parts = fitting.blocks(options.data, None, backtest.spec, asked)
        with bars.count(f"replaying {source}", None) as advance:
            result = backtest.run(parts, source, times, changes, advance)
    report = Report(backtest, source, times, result)
    text = table(report)
    print(text)
    if options.out is not None:
        _write(Path(options.out), report, text)
        print(f"written      {', '.join(str(Path(options.out, name)) for name in _FILES)}")
    return 0 if result.complete or result.stopped else _STOPPED


def _check(options: argparse.Namespace) -> None:
    """Refuse what says nothing sensible, or could not be written, before any work is done."""
    from monitor.backtest.times import rate_of
    from monitor.errors import UserError

    if options.rate is not None:
        rate_of(options.rate)
    if options.rate is not None and options.time is not None:
        raise UserError("--rate and --time-column: give one of them")
    if options.rate is not None and options.time_unit is not None:
        raise UserError("--time-unit is for --time-column")
    if options.out is not None and Path(options.out).exists() and not Path(options.out).is_dir():
        raise UserError(f"--out {options.out}: is a file. Name a folder")


def _asked(options: argparse.Namespace, asked: Reading, bundle: Bundle, by: str) -> Reading:
    """How to read the data: with what the bundle remembers, and the column of series."""
    from dataclasses import replace

    found = remembered(asked, bundle)
    if options.rate is not None:
        found = replace(found, time=None, drop=_with(found.drop, found.time))
    return replace(found, ids=_with(found.ids, by)) if by else found


def _with(names: tuple[str, ...], name: str | None) -> tuple[str, ...]:
    return names if name is None or name in names else (*names, name)


def _times(options: argparse.Namespace, asked: Reading, source: str) -> Times:
    """What says when records came."""
    from monitor.backtest.times import USUAL_RATE, Even, OfColumn, rate_of

    if options.rate is not None:
        rate = rate_of(options.rate)
        return Even(rate, options.rate if "per" in options.rate else f"{rate:g} a second")
    if asked.time is not None:
        return OfColumn(asked.time, options.time_unit, source)
    return Even(USUAL_RATE)


def _write(folder: Path, report: Report, text: str) -> None:
    """Write all files; what was there is replaced at the end."""
    from monitor.backtest.picture import draw
    from monitor.backtest.report import document

    made = json.dumps(document(report), indent=2, allow_nan=False) + "\n"
    contents = (made.encode(), f"{text}\n".encode(), draw(report))
    with writing(str(folder)):
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in zip(_FILES, contents, strict=True):
            temporary = folder / f".{name}.tmp"
            temporary.write_bytes(content)
            temporary.replace(folder / name)
