"""`aead-monitor replay`: what the daemon would have said of records of the past."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from monitor.commands.data_options import add_data
from monitor.commands.interruption import stopping
from monitor.commands.options import writing

if TYPE_CHECKING:
    from monitor.backtest.grid import Grid
    from monitor.backtest.report import Report
    from monitor.config import Config
    from monitor.process.progress import Bars

_FILES: Final = ("replay.json", "replay.txt", "replay.png", "replay.html")
_STOPPED: Final = 130
_EXAMPLE = """\
example:
  aead-monitor replay --config aead-monitor.yaml --data january.csv --time-column stamp
  aead-monitor replay --config aead-monitor.yaml --data year.npy --rate "48 per 1d" \\
      --changes changes.csv --out replay
  aead-monitor replay --config aead-monitor.yaml --topic --from 2026-01-01 --to "2026-02-01 08:00"
  aead-monitor replay --config aead-monitor.yaml --data january.csv --changes changes.csv \\
      --grid false-alarms="1 per 7d,1 per 30d" tolerance=0.02,0.05,0.1 model=./a,./b

Runs the daemon's own pipeline over past records as fast as it can, and tells the alarms that
there would have been: when, why, and how many a day against the budget. Nothing is published, the
daemon's state is not touched.

Records of a file count as having come, one after the other in one partition, at the times that
--time-column holds: dates such as 2026-01-31 14:05:00 (UTC, or with an offset such as +02:00), or
numbers since the epoch; without one, evenly at --rate. Those of a topic are read without joining
the group, and nothing is committed; the configured codec decodes them, and they came when they
were stamped.

--grid judges with each combination of the values, too: false-alarms and tolerance as drift.* in
the configuration, model a bundle's folder. Each model scores the records once.

Segments are judged as the daemon does: of a topic by what names them there, of a file by a column.

changes.csv says what truly happened: a line "begin,end,name", and one line for each change. begin
and end are rows of the data, counted from 0, or times if there is a --time-column; end (the first
row that is as before) and name may be empty or left out, and segment names the only one that
changed. The table then tells how many records
each change took to be found, which were missed, and which alarms were false.

--out writes replay.json, replay.txt, replay.png and replay.html, a page that needs nothing else.
Ctrl-C ends early: what came until then is told and written, and the exit code is 130.
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "replay",
        help="see what the daemon would have said of past records",
        description="Replay past records, of a file or a topic, through the daemon's pipeline.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--config", required=True, metavar="FILE", help="configuration (YAML)")
    add_data(parser, "replay", required=False)
    topic = parser.add_argument_group("past records of a topic, instead of --data")
    topic.add_argument(
        "--topic", nargs="?", const="", metavar="NAME", help="by default kafka.topic"
    )
    topic.add_argument("--from", dest="begin", metavar="TIME", help="default: the first there is")
    topic.add_argument(
        "--to", dest="end", metavar="TIME", help="before that (default: all there is now)"
    )
    when = parser.add_argument_group("when records of a file came")
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
    which = parser.add_argument_group("segments, where the configuration has some")
    which.add_argument(
        "--segment-column", metavar="NAME",
        help="of a table: names the segment of each row (default: the one that segments.by names)",
    )  # fmt: skip
    which.add_argument("--no-segments", action="store_true", help="judge the whole stream alone")
    parser.add_argument("--changes", metavar="PATH", help="what truly happened, as CSV (see below)")
    parser.add_argument("--out", metavar="FOLDER", help="also write JSON, text, picture, page")
    parser.add_argument(
        "--grid", nargs="+", metavar="KEY=VALUES",
        help="also judge with other budgets, tolerances and models (see below)",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print JSON instead of the table")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Replay, print the table, write what was asked for."""
    grid = _check(options)

    from monitor.backtest.table import table
    from monitor.config import file as config_file
    from monitor.process import logs
    from monitor.process.progress import Bars

    config = config_file.load(options.config)
    logs.configure("warning", "console")
    with stopping(), Bars() as bars:
        report = _replayed(options, config, grid, bars)
    text = table(report)
    made = json.dumps(_document(report), indent=2, allow_nan=False)
    print(made if options.json else text)
    if options.out is not None:
        _write(Path(options.out), report, text, made)
    if options.out is not None and not options.json:
        print(f"written      {', '.join(str(Path(options.out, name)) for name in _FILES)}")
    return 0 if report.complete or report.result.stopped else _STOPPED


def _check(options: argparse.Namespace) -> Grid | None:
    """Refuse what says nothing sensible, or could not be written, before any work is done."""
    from monitor.backtest import grid
    from monitor.commands import replay_past
    from monitor.errors import UserError

    replay_past.check(options)
    if options.out is not None and Path(options.out).exists() and not Path(options.out).is_dir():
        raise UserError(f"--out {options.out}: is a file. Name a folder")
    asked = None if options.grid is None else grid.parse(options.grid)
    if asked is not None and asked.models and "-" in (options.data or ()):
        raise UserError(
            "--grid model: standard input (-) cannot be read for each model. Name a file"
        )
    return asked


def _replayed(options: argparse.Namespace, config: Config, grid: Grid | None, bars: Bars) -> Report:
    from monitor.backtest import true_changes
    from monitor.backtest.comparing import Comparing
    from monitor.backtest.watched_segments import Asked
    from monitor.commands.replay_past import pasts, timed

    with pasts(options, config, bars) as (past_of, offsets):
        asked = Asked(options.segment_column or "", options.no_segments)
        payloads = options.topic is not None
        comparing = Comparing(config, grid, past_of, payloads=payloads, asked=asked)
        changes = None
        if options.changes is not None:
            known = timed(options, comparing.backtest.bundle)
            changes = true_changes.read(options.changes, known)
        return comparing.run(changes, lambda text: bars.count(text, offsets))


def _document(report: Report) -> dict[str, Any]:
    from monitor.backtest.report import document

    return document(report)


def _write(folder: Path, report: Report, text: str, made: str) -> None:
    """Write all files; what was there is replaced at the end."""
    from monitor.backtest.page import page
    from monitor.backtest.picture import draw

    contents = f"{made}\n".encode(), f"{text}\n".encode(), draw(report), page(report).encode()
    with writing(str(folder)):
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in zip(_FILES, contents, strict=True):
            temporary = folder / f".{name}.tmp"
            temporary.write_bytes(content)
            temporary.replace(folder / name)
