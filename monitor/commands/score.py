"""`aead-monitor score`: the anomalies in a file."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from monitor.commands.options import FORMATS, add_device, scorer_for, writing

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from models.bundle import Bundle
    from monitor.datasets import Dataset
    from monitor.pipeline.scorer import Scorer
    from monitor.stream.records import Scores

COLUMNS = ("index", "reconstruction_error", "p_value", "anomalous")
_EXAMPLE = """\
example:
  aead-monitor score model --data today.npy --out scores.csv
  aead-monitor score model --data photos/ --out scores.csv --montage top.png
  aead-monitor score ones --data mnist.npz:x_test --where y_test=1,3 --out scores.parquet

The output has one row a record, in the order of the data: index (its position in the file),
reconstruction_error, p_value (the share of normal records with an error as large), and
anomalous (1 above the model's threshold, else 0).
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
    parser.add_argument("--data", required=True, metavar="PATH", help=FORMATS)
    parser.add_argument(
        "--where", metavar="KEY=VALUE", help="score these records only, e.g. y_test=1"
    )
    parser.add_argument("--out", required=True, metavar="PATH", help="scores as .csv or .parquet")
    parser.add_argument(
        "--montage",
        metavar="PATH",
        help="also draw the top records and their reconstructions (PNG)",
    )
    parser.add_argument(
        "--top", type=int, default=12, metavar="N", help="how many to list and draw (default: 12)"
    )
    add_device(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Score, write the file and the montage, and say what was found."""
    _check_outputs(options)

    from monitor.datasets import fitting
    from monitor.pipeline import offline

    scorer = scorer_for(options)
    data = fitting.load(options.data, options.where, scorer.bundle.input_spec)
    scores = offline.score(scorer, data.records, options.data)
    top = _top(scores, options.top)
    with writing(options.out):
        _write(Path(options.out), data, scores)
    if options.montage:
        _draw(options, scorer, data, scores, top)
    print(_summary(options, scorer.bundle, data, scores, top))
    return 0


def _check_outputs(options: argparse.Namespace) -> None:
    """Refuse what could not be written before any work is done."""
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


def _top(scores: Scores, count: int) -> NDArray[np.intp]:
    """Positions of the largest errors, the largest first."""
    import numpy as np

    return np.argsort(-scores.reconstruction_error, kind="stable")[:count]


def _write(path: Path, data: Dataset, scores: Scores) -> None:
    import csv

    import numpy as np

    flags = scores.anomalous.astype(np.int8)
    columns = (data.index, scores.reconstruction_error, scores.p_value, flags)
    if path.suffix.lower() == ".parquet":
        import pyarrow as pa
        import pyarrow.parquet

        pyarrow.parquet.write_table(pa.table(dict(zip(COLUMNS, columns, strict=True))), path)
        return
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(zip(*(column.tolist() for column in columns), strict=True))


def _draw(
    options: argparse.Namespace,
    scorer: Scorer,
    data: Dataset,
    scores: Scores,
    top: NDArray[np.intp],
) -> None:
    from models import montage

    p_values = scores.p_value
    titles = [
        f"{rank}. {data.name(i)}\nerror {scores.reconstruction_error[i]:.4g}, p {p_values[i]:.2g}"
        for rank, i in enumerate(top.tolist(), start=1)
    ]
    spec, heading = scorer.bundle.input_spec, f"The {len(titles)} highest errors in {options.data}"
    with writing(options.montage):
        picture = montage.draw(spec, {"": scorer.reconstruct(data.records[top])}, titles, heading)
        Path(options.montage).write_bytes(picture)


def _summary(
    options: argparse.Namespace,
    bundle: Bundle,
    data: Dataset,
    scores: Scores,
    top: NDArray[np.intp],
) -> str:
    import numpy as np

    count, flagged = len(data.records), int(scores.anomalous.sum())
    errors, p_values = scores.reconstruction_error, scores.p_value
    reference = bundle.reference
    median, high, higher = np.quantile(errors, [0.5, 0.9, 0.99])
    width = max(len(data.name(i)) for i in top.tolist())
    listed = "\n".join(
        f"{'':13}{data.name(i):{width}}  error {errors[i]:<11.6g} p {p_values[i]:<9.3g}"
        f" {'anomalous' if scores.anomalous[i] else ''}".rstrip()
        for i in top.tolist()
    )
    written = f"{options.out}, {options.montage}" if options.montage else options.out
    return f"""\
scored       {count:,} records, model {bundle.version}
anomalous    {flagged:,}, {flagged / count:.3%}; about {1 - reference.quantile:.3%} expected of \
normal records
threshold    {reference.threshold:.6g} at quantile {reference.quantile:.6g}
errors       median {median:.6g}, 90% {high:.6g}, 99% {higher:.6g}, largest {errors.max():.6g}
top records
{listed}
written      {written}"""
