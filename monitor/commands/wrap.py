"""`aead-monitor wrap`: a scorer that others made, as a bundle."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from monitor.commands.data_options import add_data, reading, roles, source_of

if TYPE_CHECKING:
    from models.bundle import Bundle
    from models.given import Normal

_EXAMPLE = """\
example:
  aead-monitor wrap scorer.onnx --data normal.npy --out model
  aead-monitor wrap forest.onnx --data normal.csv --output scores --anomalous low --out model

The file gives a number for each record; `score`, `evaluate`, `simulate` and the daemon use the
bundle as any other. Give normal records that the scorer was not made from: half of them calibrate.
Needs pip install 'aead-monitor[onnx]'.
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "wrap",
        help="make a bundle of a scorer in ONNX",
        description="Calibrate a scorer that others made, an ONNX file, and write a bundle.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("scorer", metavar="FILE", help="ONNX file: records in, a score each out")
    add_data(parser, "calibrate on", learning=True)
    group = parser.add_argument_group("the scorer")
    group.add_argument("--input", metavar="NAME", help="its input (the only one)")
    group.add_argument("--output", metavar="NAME", help="the output with the scores (the only one)")
    group.add_argument(
        "--anomalous",
        choices=["high", "low"],
        default="high",
        help="which scores are: of scikit-learn's, low (default: high)",
    )
    group.add_argument(
        "--scale",
        choices=["score", "surprisal"],
        help="what the error is: the score, or how improbable one as large is among normal ones"
        " (default: the score, unless a normal record has one below 0)",
    )
    add_calibration(parser)
    parser.set_defaults(run=run)


def add_calibration(parser: argparse.ArgumentParser) -> None:
    """Add --out, --ordered, --quantile and --calibration-fraction."""
    parser.add_argument("--out", required=True, metavar="BUNDLE", help="folder to write")
    group = parser.add_argument_group("calibration")
    group.add_argument(
        "--ordered",
        action="store_true",
        help="the records are consecutive ones of the stream, oldest first",
    )
    group.add_argument(
        "--quantile",
        type=float,
        metavar="Q",
        help="level of the anomaly threshold (default 0.999, or the highest that the data support)",
    )
    group.add_argument(
        "--calibration-fraction",
        type=float,
        default=0.5,
        metavar="F",
        help="share of the records that calibrate (default: 0.5)",
    )


def run(options: argparse.Namespace) -> int:
    """Wrap the scorer, and say what its bundle is like."""
    from models import bundle as bundles
    from models import wrapping

    bundles.check_target(options.out)
    bundle = wrapping.wrap(
        Path(options.scorer),
        options.out,
        normal_records(options),
        input=options.input,
        output=options.output,
        anomalous=options.anomalous,
        scale=options.scale,
    )
    settings = bundle.model.settings
    error = "the score" if settings["scale"] == "score" else "the surprisal of the score"
    print(outcome(bundle, options.out, f"{error}; {settings['anomalous']} scores are anomalous"))
    return 0


def normal_records(options: argparse.Namespace) -> Normal:
    """The records that the options name."""
    from models.given import Normal
    from monitor.datasets import learning
    from monitor.errors import UserError
    from monitor.process.progress import Bars
    from monitor.process.text import for_terminal

    if not 0 < options.calibration_fraction < 1:
        raise UserError(
            f"--calibration-fraction must be between 0 and 1, got {options.calibration_fraction:g}"
        )
    with Bars() as bars:
        asked = reading(options, newest=options.ordered, watch=bars.count)
        learned = learning.read(options.data, asked)
    for line in learned.account.text().splitlines():
        print(for_terminal(line))
    return Normal(
        learned.data.records,
        learned.data.schema,
        options.layout or "",
        source_of(options),
        learned.account.kept(roles(asked)),
        options.ordered,
        options.quantile,
        options.calibration_fraction,
    )


def outcome(bundle: Bundle, out: str, error: str) -> str:
    """What became of it, for people."""
    from models.reference import DEFAULT_TOLERANCE

    reference = bundle.reference
    warning = f"\nwarning      {reference.note}" if reference.note else ""
    return f"""\
bundle       {bundle.path}
version      {bundle.version}
error        {error}
threshold    {reference.threshold:.6g} at quantile {reference.quantile:.6g}, from \
{reference.count:,} calibration records{warning}
drift        with a tolerance of {DEFAULT_TOLERANCE:.0%}, \
{reference.detection_limits(DEFAULT_TOLERANCE)}
next         aead-monitor score {out} --data PATH --out scores.csv"""
