"""`aead-monitor import-weights`: weights that were trained elsewhere, as a bundle."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from models.architectures import ARCHITECTURES
from monitor.commands.data_options import add_data
from monitor.commands.given_options import add_calibration, normal_records, outcome

_EXAMPLE = """\
example:
  aead-monitor import-weights weights.safetensors --arch dense --setting hidden=[64,8] \\
      --normalise data --data normal.npy --out model

The weights are those of one of our architectures, under its names: a state_dict as safetensors.
What does not fit is listed. Give normal records that they were not trained on: half of them
calibrate. A scorer of another form: aead-monitor wrap.
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "import-weights",
        help="make a bundle of weights trained elsewhere",
        description="Calibrate weights that were trained elsewhere, and write a bundle.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("weights", metavar="FILE", help="a state_dict as safetensors")
    add_data(parser, "calibrate on", learning=True)
    group = parser.add_argument_group("the network")
    group.add_argument("--arch", required=True, choices=list(ARCHITECTURES))
    group.add_argument(
        "--setting",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="of the architecture, such as hidden=[64,8] (its defaults); may be repeated",
    )
    group.add_argument(
        "--normalise",
        required=True,
        choices=["data", "none"],
        help="data: as train would, from these records; none: they are as the network takes them",
    )
    group.add_argument(
        "--error-metric",
        choices=["mse", "mae", "huber", "ssim", "mse+ssim"],
        default="mse",
        help="of networks; ssim and mse+ssim are for pictures (default: mse)",
    )
    add_calibration(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Import the weights, and say what their bundle is like."""
    from models import bundle as bundles
    from models.weights_import import import_weights

    bundles.check_target(options.out)
    settings = _settings(options.setting)
    bundle = import_weights(
        Path(options.weights),
        options.out,
        normal_records(options),
        options.arch,
        settings,
        options.normalise,
        options.error_metric,
    )
    share = bundle.metadata["given"]["explained"]
    error = f"{bundle.error_metric}; {share:.1%} of the records' spread is reconstructed"
    print(outcome(bundle, options.out, error))
    if share <= 0:
        print(
            "warning      their mean would be the better reconstruction: is --normalise what the"
            " weights were trained with?"
        )
    return 0


def _settings(given: list[str]) -> dict[str, Any]:
    """Names and values; a value that is not JSON is text."""
    import json

    from monitor.errors import UserError

    settings: dict[str, Any] = {}
    for text in given:
        name, sign, value = text.partition("=")
        if not sign or not name:
            raise UserError(f"--setting {text:.80}: write NAME=VALUE, such as hidden=[64,8]")
        try:
            settings[name] = json.loads(value)
        except (ValueError, RecursionError):
            settings[name] = value
    return settings
