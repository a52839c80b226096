"""`aead-monitor simulate`: what a budget and a tolerance mean for a model, before it watches."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from monitor.commands.context_options import add_time_unit
from monitor.commands.data_options import add_data
from monitor.commands.options import add_device, writing
from monitor.commands.simulate_errors import errors_to_replay

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from models.bundle import Bundle
    from monitor.drift.judge_settings import JudgeSettings
    from monitor.drift.simulation import Delays, FalseAlarms, Simulation

_EXAMPLE = """\
example:
  aead-monitor simulate --bundle model
  aead-monitor score model --data holdout.npy --out scores.csv
  aead-monitor simulate --bundle model --errors scores.csv --false-alarms "1 per 30d" --rate 200
  aead-monitor simulate --bundle model --data heldout.csv --channels standard \\
      --change "temperature + 0.5 sd" --change "flow stuck" --change "10% of anomalies.csv"

Replays normal errors through the drift test, unchanged and changed, and tells how often it
raises a false alarm and how soon it finds what. Give errors of normal records that the model was
neither trained nor calibrated on, in stream order, as scores.csv or .npy. Without --errors the
calibration errors are replayed: then the false alarms are somewhat too few. Where the order of
the errors is not known (a bundle trained without --ordered, or errors that were sorted), they are
drawn one by one, as if neighbours did not depend on each other.

With --change, normal records (--data) are changed as you say, and go through model and judge as
in the daemon. A change is one of
  FEATURE + X sd, FEATURE - X sd    in standard deviations of the training records
  FEATURE + X, FEATURE - X, FEATURE * X, FEATURE noise X sd
  FEATURE stuck, FEATURE stuck at VALUE, FEATURE missing
  brightness + X%, contrast * X, blur X, shift X Y, dead patch WxH     of pictures, in pixels
  N% of FILE, N% of FILE where KEY=VALUE     so many records are others, from this file
Columns without names are "feature 0", "feature 1", ... Quote names that hold such words.
"""


_SINGLY = (
    "errors       drawn one by one, since their order is not known: a stream whose neighbours"
    " depend on each other is judged more slowly"
)


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "simulate",
        help="see how soon drift is found, and how often falsely",
        description="Simulate the drift test on normal errors of a model.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--bundle", required=True, metavar="BUNDLE", help="folder written by train")
    parser.add_argument("--errors", metavar="PATH", help="scores.csv of `score`, .npy, .npz:KEY")
    parser.add_argument(
        "--false-alarms", default="1 per 1e6 records", metavar="BUDGET",
        help='as in the configuration, e.g. "1 per 30d" (default: 1 per 1e6 records)',
    )  # fmt: skip
    parser.add_argument("--tolerance", type=float, default=0.05, metavar="T", help="default 0.05")
    parser.add_argument(
        "--guard", type=float, default=5.0, metavar="SECONDS", help="guard_seconds (default 5)"
    )
    parser.add_argument(
        "--rate", type=float, default=500.0, metavar="R", help="records a second (default 500)"
    )
    parser.add_argument(
        "--records", type=int, default=1_000_000, metavar="N", help="normal records to replay"
    )
    parser.add_argument("--repeats", type=int, default=15, metavar="N", help="of each change")
    parser.add_argument(
        "--block", type=int, default=256, metavar="N", help="consecutive errors drawn together"
    )
    parser.add_argument("--seed", type=int, default=0, metavar="N")
    parser.add_argument(
        "--out", default=".", metavar="FOLDER", help="where to write (default: this folder)"
    )
    parser.add_argument(
        "--change", action="append", metavar="CHANGE",
        help='of the records in --data, e.g. "flow + 0.5 sd" (see below); may be repeated',
    )  # fmt: skip
    parser.add_argument(
        "--channels", nargs="+", metavar="NAME",
        help="with --change: also watch channels: standard, or patterns, as in the configuration",
    )  # fmt: skip
    parser.add_argument(
        "--channel-weights", nargs="+", metavar="KEY=VALUE",
        help="with --channels: weights by group, as in the configuration, e.g. input=2 code=0.5",
    )  # fmt: skip
    add_data(parser, "with --change, replay", required=False)
    add_time_unit(parser)
    add_device(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Simulate, print the table, write it and its picture."""
    from models import bundle
    from monitor.drift.simulation import CHANGES, Delays
    from monitor.process.progress import count_bar

    settings = _settings(options)
    if options.change is not None:
        from monitor.commands import simulate_changes

        return simulate_changes.run(options, settings)
    simulation = _simulation(options, settings, bundle.load(options.bundle))
    with count_bar("simulating", 1 + len(CHANGES) * options.repeats) as advance:
        quiet = simulation.false_alarms(options.records, options.seed)
        advance(1)
        found = [
            Delays(change, _collected(simulation, change, options, advance)) for change in CHANGES
        ]
    table = report(quiet, found, simulation)
    _write(Path(options.out), table, quiet, found, draw(found, simulation))
    print(table)
    print(f"written: {Path(options.out, 'simulation.json')}, {Path(options.out, 'simulation.png')}")
    return 0


def _settings(options: argparse.Namespace) -> JudgeSettings:
    """How the judge is to judge; raises UserError for options that say nothing sensible."""
    from monitor.drift.budget import Budget
    from monitor.drift.judge_settings import JudgeSettings
    from monitor.errors import UserError

    for name in ("rate", "records", "repeats", "block"):
        if getattr(options, name) <= 0:
            raise UserError(f"--{name} must be more than 0, got {getattr(options, name)}.")
    if not 0 <= options.tolerance <= 1:
        raise UserError(f"--tolerance must lie between 0 and 1, got {options.tolerance:g}.")
    for name in ("data", "where", "channels", "channel_weights", "time_unit"):
        if options.change is None and getattr(options, name) is not None:
            option = name.replace("_", "-")
            raise UserError(f"--{option} is for --change: say what is to change")
    weights = _weights(options)
    try:
        return JudgeSettings(
            budget=Budget.parse(options.false_alarms),
            tolerance=options.tolerance,
            guard_seconds=options.guard,
            channel_weights=weights,
        )
    except ValueError as error:
        raise UserError(f"{error}.") from None


def _weights(options: argparse.Namespace) -> dict[str, float]:
    """Of channels, by group. Raises UserError."""
    from monitor.drift.channels.weights import check
    from monitor.errors import UserError

    weights = dict[str, float]()
    for text in options.channel_weights or ():
        group, _, number = text.partition("=")
        if group in weights:
            raise UserError(f"--channel-weights: {group} is given twice")
        weights[group] = _number(number, text)
    try:
        check(weights)
    except ValueError as error:
        raise UserError(f"--channel-weights: {error}.") from None
    if weights and options.channels in (None, ["off"]):
        raise UserError("--channel-weights needs --channels: say which are watched")
    return weights


def _number(number: str, text: str) -> float:
    from monitor.errors import UserError

    try:
        return float(number)
    except ValueError:
        raise UserError(f"--channel-weights: GROUP=NUMBER expected, got {text!r:.80}") from None


def _simulation(options: argparse.Namespace, settings: JudgeSettings, loaded: Bundle) -> Simulation:
    from monitor.drift.judge import Judge
    from monitor.drift.simulation import VERSION, Simulation
    from monitor.errors import UserError

    reference = loaded.judged
    try:
        Judge(VERSION, reference, settings)
    except ValueError as error:
        raise UserError(f"{error}.") from None
    errors = errors_to_replay(options.errors, loaded)
    return Simulation(reference, settings, errors, options.block, options.rate)


def _collected(
    simulation: Simulation, change: str, options: argparse.Namespace, advance: Any
) -> NDArray[np.float64]:
    import numpy as np

    delays = []
    for delay in simulation.delays(change, options.repeats, options.seed):
        delays.append(delay)
        advance(1)
    return np.array(delays)


def report(quiet: FalseAlarms, found: list[Delays], simulation: Simulation) -> str:
    """The table that a person reads."""
    budget = simulation.settings.budget.records_per_false_alarm(simulation.rate)
    lines = [
        f"budget       1 false alarm in {budget:,.0f} records at {simulation.rate:g} a second",
        f"no drift     {quiet.alarms} false alarms in {quiet.records:,} records, where"
        f" {quiet.records / budget:.2g} are allowed; {quiet.suspicions} passing suspicions",
        f"limits       {simulation.reference.detection_limits(simulation.settings.tolerance)}",
        *([_SINGLY] if simulation.drawn_singly else []),
        "",
        f"{'drift':24}{'found':>7}{'median':>12}{'95%':>12}   records from change to alarm",
    ]
    for delays in found:
        cells = [_records(delays.quantile(level)) for level in (0.5, 0.95)]
        lines.append(f"{delays.change:24}{delays.found:>7.0%}{cells[0]:>12}{cells[1]:>12}")
    return "\n".join(lines)


def _records(value: float) -> str:
    return f"{value:,.0f}" if value < float("inf") else "not found"


def draw(found: list[Delays], simulation: Simulation) -> bytes:
    """PNG of every repeat's delay, by kind of drift."""
    import numpy as np
    from matplotlib.figure import Figure

    from models import plots
    from monitor.drift.simulation import AFTER

    figure = Figure(figsize=(9, 4.8), layout="constrained")
    axes = figure.add_subplot()
    for row, delays in enumerate(reversed(found)):
        values = np.minimum(delays.records, 1.5 * AFTER)
        lost = ~np.isfinite(delays.records)
        axes.plot(values[~lost], np.full((~lost).sum(), row), "o", color=plots.NORMAL, alpha=0.4)
        axes.plot(values[lost], np.full(lost.sum(), row), "x", color=plots.ALARM)
        if np.isfinite(delays.quantile(0.5)):
            axes.plot(delays.quantile(0.5), row, "|", color="black", markersize=18)
    axes.set_yticks(range(len(found)), [delays.change for delays in reversed(found)])
    axes.set_xscale("log")
    axes.axvline(AFTER, color="grey", linestyle=":")
    axes.set(
        xlabel=f"records from the change to the alarm (at {simulation.rate:g} a second;"
        " bar: median, x: not found)",
        title=f"Tolerance {simulation.settings.tolerance:.0%}",
    )
    return plots.png(figure)


def _write(
    folder: Path, table: str, quiet: FalseAlarms, found: list[Delays], picture: bytes
) -> None:
    import json
    import math
    from dataclasses import asdict

    delays = {d.change: [r if math.isfinite(r) else None for r in d.records] for d in found}
    document = {"no_drift": asdict(quiet), "records_to_alarm": delays}
    with writing(str(folder)):
        folder.mkdir(parents=True, exist_ok=True)
        text = json.dumps(document, indent=2, allow_nan=False) + "\n"
        (folder / "simulation.json").write_text(text, encoding="utf-8")
        (folder / "simulation.txt").write_text(table + "\n", encoding="utf-8")
        (folder / "simulation.png").write_bytes(picture)
