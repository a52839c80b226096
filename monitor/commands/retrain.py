"""`aead-monitor retrain`: from a retraining request to a candidate model that may or may not do."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from monitor.retrain_job.order import Order
    from monitor.retrain_job.report import Story
    from monitor.retraining.request import RetrainRequest

REFUSED = 3
"""Exit code: the candidate is there, and a gate refused it."""
MAX_REQUEST_BYTES = 2**20

_EXAMPLE = """\
example:
  aead-monitor retrain --request request.json --config aead-monitor.yaml --out result
  aead-monitor retrain --request - --config aead-monitor.yaml --out result --json < request.json
  aead-monitor retrain --request request.json --config aead-monitor.yaml --out result \\
      --reference normal.npy --reference-share 0.2 --labelled defects.npz:x --labels y
  aead-monitor retrain --bundle model --config aead-monitor.yaml --out result \\
      --from-kafka images/0:120000-180000 images/1:118000-178000

Writes bundle/, report.md, report.json and plots/. Exit codes: 0 the candidate may replace the
current model, 3 a gate refused it (the report says why), 2 a mistake of yours, 1 a fault.
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "retrain",
        help="train a candidate, and say whether it may take over",
        description="Read the records that a retraining request names, train a candidate on them,"
        " and decide by gates whether it may replace the current model.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--request", metavar="FILE", help="the request (JSON); - reads it from stdin")
    what.add_argument(
        "--from-kafka", nargs="+", metavar="RANGE", help="TOPIC/PARTITION:FIRST-NEXT, without one"
    )
    parser.add_argument("--config", required=True, metavar="FILE", help="the daemon's (YAML)")
    parser.add_argument("--out", required=True, metavar="FOLDER", help="new, or an earlier result")
    parser.add_argument(
        "--bundle", metavar="BUNDLE", help="the current model (default: the configuration's)"
    )
    parser.add_argument("--json", action="store_true", help="print report.json")
    _add_training(parser)
    _add_comparison(parser)
    parser.set_defaults(run=run)


def _add_training(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("training")
    group.add_argument(
        "--settings", metavar="FILE", help="training settings (YAML) that differ from before"
    )
    group.add_argument(
        "--max-records", type=int, default=100_000, metavar="N",
        help="most records to learn from, chosen evenly (default 100,000)",
    )  # fmt: skip
    group.add_argument(
        "--holdout", type=float, default=0.3, metavar="S",
        help="share of the newest records to judge by, never trained on (default 0.3)",
    )  # fmt: skip
    group.add_argument(
        "--trim", type=float, default=0.01, metavar="S",
        help="share of the strangest records to leave out of training (default 0.01)",
    )  # fmt: skip
    group.add_argument("--seed", type=int, default=0, metavar="N", help="of the choice of records")


def _add_comparison(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("what to compare on")
    group.add_argument(
        "--reference", metavar="DATA", help="normal records of before (default: the request's)"
    )
    group.add_argument("--reference-where", metavar="KEY=VALUE", help="take these of them only")
    group.add_argument(
        "--reference-share", type=float, default=0.0, metavar="S",
        help="share of records of before to mix into the training (default 0)",
    )  # fmt: skip
    group.add_argument("--labelled", metavar="DATA", help="stored anomalies")
    group.add_argument(
        "--labels", nargs="+", metavar="COLUMN",
        help="columns or arrays that are not 0 for a kind of anomaly; or KEY=VALUE, KEY!=VALUE",
    )  # fmt: skip


def run(options: argparse.Namespace) -> int:
    """Read, train, judge, write, and say what came of it."""
    _check(options)
    from monitor.config import file as config_file
    from monitor.retrain_job.order import carry_out

    config = config_file.load(options.config)
    story = carry_out(_order(options), config, Path(options.out))
    _say(options, story)
    return 0 if story.result.passed else REFUSED


def _order(options: argparse.Namespace) -> Order:
    from monitor.retrain_job import ranges
    from monitor.retrain_job.candidate import Mixture
    from monitor.retrain_job.order import Data, Order

    request = None if options.request is None else _request(options.request)
    labels = tuple(options.labels or ())
    return Order(
        request=request,
        drifted=request.drifted.offsets if request else ranges.parse(options.from_kafka),
        bundle=None if options.bundle is None else Path(options.bundle),
        mixture=Mixture(options.holdout, options.reference_share, options.trim),
        data=Data(options.reference, options.reference_where, options.labelled, labels),
        most=options.max_records,
        seed=options.seed,
        settings=None if options.settings is None else Path(options.settings),
    )


def _check(options: argparse.Namespace) -> None:
    from monitor.errors import UserError

    ranges = {
        "--holdout": (options.holdout, 0.05, 0.8),
        "--trim": (options.trim, 0.0, 0.2),
        "--reference-share": (options.reference_share, 0.0, 0.8),
        "--max-records": (options.max_records, 72, 10**8),
        "--seed": (options.seed, 0, 2**32),
    }
    for name, (value, least, most) in ranges.items():
        if not least <= value <= most:
            raise UserError(f"{name} must lie between {least:g} and {most:g}, got {value:g}")
    if (options.labelled is None) != (options.labels is None):
        raise UserError("--labelled and --labels go together: give both or neither")
    if options.reference_share and options.reference is None and options.request is None:
        raise UserError("--reference-share needs records of before: give --reference DATA")


def _request(path: str) -> RetrainRequest:
    from models.files import bounded, read_bounded
    from monitor.errors import DataError
    from monitor.process.text import one_line
    from monitor.retraining.request import from_json

    name = "standard input" if path == "-" else path
    try:
        if path == "-":
            data = bounded(sys.stdin.buffer, MAX_REQUEST_BYTES)
        else:
            data = read_bounded(Path(path), MAX_REQUEST_BYTES)
        if data is None:
            raise DataError(f"{name}: larger than {MAX_REQUEST_BYTES:,} bytes")
        return from_json(json.loads(data))
    except OSError as error:
        raise DataError(f"{name}: {error.strerror}. Name a request, or - for stdin") from None
    except (ValueError, RecursionError) as error:
        raise DataError(f"{name}: not JSON: {one_line(error)}") from None
    except DataError as error:
        raise DataError(f"{name}: {error}") from None


def _say(options: argparse.Namespace, story: Story) -> None:
    from monitor.process.text import for_terminal
    from monitor.retrain_job import report

    if options.json:
        print((Path(options.out) / "report.json").read_text(encoding="utf-8"), end="")
        return
    result = story.result
    # Names of columns and of an older model are in it.
    print(for_terminal(f"{report.told(story.read)}\n\n{report.summary(result.gates)}\n"))
    for note in report.notes(result):
        print(for_terminal(f"{note}\n"))
    print("passed: it may replace the current model" if result.passed else "refused")
    print(f"candidate {result.evaluation.bundle.version} in {options.out}; read report.md there")
