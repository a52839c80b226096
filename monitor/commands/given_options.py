"""What commands that make a bundle of a model from elsewhere share: its records, calibration."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from monitor.commands.data_options import reading, roles, source_of

if TYPE_CHECKING:
    from models.bundle import Bundle
    from models.given import Normal


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
