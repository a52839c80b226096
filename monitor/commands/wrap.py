"""`aead-monitor wrap`: a scorer that others made, as a bundle."""

from __future__ import annotations

import argparse
from pathlib import Path

from monitor.commands.data_options import add_data
from monitor.commands.given_options import add_calibration, normal_records, outcome

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
