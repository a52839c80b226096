"""`aead-monitor score`: the anomalies in a file."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from monitor.commands.data_options import add_data, reading, remembered, source_of
from monitor.commands.options import add_device, scorer_for, writing

if TYPE_CHECKING:
    from models.bundle import Bundle
    from monitor.commands.score_explanations import AnomaliesExplained
    from monitor.pipeline.findings import Findings
    from monitor.pipeline.scorer import Scorer

_EXAMPLE = """\
example:
  aead-monitor score model --data today.npy --out scores.csv
  aead-monitor score model --data photos/ --out scores.csv --montage top.png
  aead-monitor score model --data today.csv --out scores.csv --explain 3
  aead-monitor score ones --data mnist.npz:x_test --where y_test=1,3 --out scores.parquet

The output has one row a record, in the order of the data: index (its position in the file),
reconstruction_error, p_value (the share of normal records with an error as large), and
anomalous (1 above the model's threshold, else 0); with --explain, explanation (of each anomaly
what carries its error, as JSON: docs/events.md); then the columns of --id and --time.
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "score",
        help="find the anomalies in a file",
        description="Score the records of a file with a model, and find its anomalies.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("bundle", metavar="BUNDLE", help="folder written by train")
    add_data(parser, "score")
    parser.add_argument("--out", required=True, metavar="PATH", help="scores as .csv or .parquet")
    parser.add_argument(
        "--montage",
        metavar="PATH",
        help="also draw the top records and their reconstructions (PNG)",
    )
    parser.add_argument(
        "--explain",
        type=int,
        default=0,
        metavar="N",
        help="name the N features, or the place of a picture, that carry each anomaly's error"
        " (default: 0, none)",
    )
    parser.add_argument(
        "--top", type=int, default=12, metavar="N", help="how many to list and draw (default: 12)"
    )
    add_device(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Score, write the file and the montage, and say what was found."""
    _check_outputs(options)

    from monitor.commands.score_explanations import AnomaliesExplained
    from monitor.commands.score_file import written
    from monitor.datasets import fitting
    from monitor.errors import UserError
    from monitor.pipeline import offline
    from monitor.pipeline.findings import Findings
    from monitor.process.progress import Bars

    scorer = scorer_for(options)
    if options.montage and not scorer.bundle.model.reconstructs:
        raise UserError("--montage draws reconstructions, and a wrapped scorer makes none")
    explained = None
    if options.explain:
        if not scorer.bundle.model.reconstructs:
            raise UserError("--explain: a wrapped scorer says no more of a record than its error")
        explained = AnomaliesExplained(scorer.explainer(options.explain))
    findings = Findings(options.top)
    with Bars() as bars, written(Path(options.out), explained) as write:
        asked = remembered(reading(options, watch=bars.count), scorer.bundle)
        parts = fitting.blocks(options.data, None, scorer.bundle.input_spec, asked)
        for data, scores in offline.scored(scorer, parts, source_of(options), bars.count):
            write(data, scores)
            findings.add(data, scores)
    if options.montage:
        _draw(options, scorer, findings)
    print(_summary(options, scorer.bundle, findings, explained))
    return 0


def _check_outputs(options: argparse.Namespace) -> None:
    """Refuse what could not be written before any work is done."""
    from models.explanation import MOST
    from monitor.errors import UserError

    if Path(options.out).suffix.lower() not in (".csv", ".parquet"):
        raise UserError(f"--out {options.out}: the name must end in .csv or .parquet")
    if options.montage and Path(options.montage).suffix.lower() != ".png":
        raise UserError(f"--montage {options.montage}: the name must end in .png")
    for path in filter(None, (options.out, options.montage)):
        if not Path(path).parent.is_dir():
            raise UserError(f"{path}: there is no folder {Path(path).parent}. Create it first")
    if not 1 <= options.top <= 100:
        raise UserError(f"--top must be from 1 to 100, got {options.top}")
    if not 0 <= options.explain <= MOST:
        raise UserError(f"--explain must be from 0 to {MOST}, got {options.explain}")


def _draw(options: argparse.Namespace, scorer: Scorer, findings: Findings) -> None:
    from models import montage

    titles = [
        f"{rank}. {row.name}\nerror {row.error:.4g}, p {row.p_value:.2g}"
        for rank, row in enumerate(findings.top, start=1)
    ]
    spec = scorer.bundle.input_spec
    heading = f"The {len(titles)} highest errors in {source_of(options)}"
    with writing(options.montage):
        records = scorer.reconstruct(findings.top_records)
        picture = montage.draw(spec, {"": records}, titles, heading)
        Path(options.montage).write_bytes(picture)


def _summary(
    options: argparse.Namespace,
    bundle: Bundle,
    findings: Findings,
    explained: AnomaliesExplained | None,
) -> str:
    count, flagged, reference = findings.count, findings.anomalous, bundle.reference
    median, high, higher = findings.quantiles((0.5, 0.9, 0.99))
    width = max(len(row.name) for row in findings.top)
    lines = [
        f"{'':13}{row.name:{width}}  error {row.error:<11.6g} p {row.p_value:<9.3g}"
        f" {'anomalous' if row.anomalous else ''}".rstrip()
        for row in findings.top
    ]
    if explained is not None:
        words = explained.lines([row.record for row in findings.top])
        lines = [f"{line}\n{'':17}{why}" for line, why in zip(lines, words, strict=True)]
    listed = "\n".join(lines)
    written = f"{options.out}, {options.montage}" if options.montage else options.out
    return f"""\
scored       {count:,} records, model {bundle.version}
anomalous    {flagged:,}, {flagged / count:.3%}; about {1 - reference.quantile:.3%} expected of \
normal records
threshold    {reference.threshold:.6g} at quantile {reference.quantile:.6g}
errors       median {median:.3g}, 90% {high:.3g}, 99% {higher:.3g}, largest {findings.largest:.6g}
top records
{listed}
written      {written}"""
