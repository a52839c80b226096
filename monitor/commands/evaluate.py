"""`aead-monitor evaluate`: how well a model tells anomalous records from normal ones."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from monitor.commands import baselines_shown
from monitor.commands.baselines import add_baselines, chosen, compare
from monitor.commands.data_options import FORMATS, add_data, reading, remembered
from monitor.commands.options import add_device, scorer_for, writing

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from numpy.typing import NDArray

    from models.bundle import Bundle
    from models.reference import Reference
    from monitor.datasets.request import Reading
    from monitor.datasets.watching import Watch
    from monitor.stream.records import Scores

_EXAMPLE = """\
example:
  aead-monitor evaluate model --normal good.npy --anomalous bad.npy --out evaluation
  aead-monitor evaluate ones --normal mnist.npz:x_test --normal-where y_test=1 \\
      --anomalous mnist.npz:x_test --anomalous-where y_test=3
  aead-monitor evaluate model --data labelled.csv --label fault --out evaluation
  aead-monitor evaluate model --normal good.npy --anomalous bad.npy \\
      --baselines iforest,lof,ecod --train-data normal.npy --out evaluation

Use normal records that the model was not trained on. Writes evaluation.json and errors.png; with
--baselines, what other detectors make of the same records, and baselines.png.
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "evaluate",
        help="measure a model on labelled records",
        description="Measure how well a model tells anomalous records from normal ones.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("bundle", metavar="BUNDLE", help="folder written by train")
    for kind in ("normal", "anomalous"):
        parser.add_argument(f"--{kind}", metavar="PATH", help=f"{kind} records: {FORMATS}")
        parser.add_argument(
            f"--{kind}-where", metavar="KEY=VALUE", help="take these records only, e.g. y_test=1"
        )
    add_data(parser, "of --data, take", required=False)
    parser.add_argument(
        "--normal-label",
        nargs="+",
        default=["0"],
        metavar="VALUE",
        help="of --label: these are normal, all others anomalous (default: 0)",
    )
    parser.add_argument(
        "--out", default=".", metavar="FOLDER", help="where to write (default: this folder)"
    )
    add_baselines(parser)
    add_device(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Score both, measure, draw, print and write."""
    from monitor.datasets import fitting
    from monitor.pipeline import offline
    from monitor.process.progress import Bars

    _check(options)
    names = chosen(options)
    scorer = scorer_for(options)
    reference, spec = scorer.bundle.reference, scorer.bundle.input_spec
    with Bars() as bars:
        normal, anomalous = (
            offline.score(scorer, fitting.blocks(paths, None, spec, asked), paths[0], bars.count)
            for paths, asked in _both(options, scorer.bundle, bars.count)
        )
    result = measure(normal, anomalous, reference)
    pictures = {"errors.png": draw(normal, anomalous, reference, result["roc_auc"])}
    if names:
        result["baselines"] = compare(options, names, scorer, *_records(options, scorer.bundle))
        pictures["baselines.png"] = baselines_shown.draw(result["baselines"])
    _write(Path(options.out), result, pictures)
    print(_summary(result, options.out, pictures))
    if names:
        print(baselines_shown.table(result["baselines"]))
    return 0


def _records(options: argparse.Namespace, bundle: Bundle) -> Iterator[NDArray[Any]]:
    """Normal records and anomalous ones, each all in memory."""
    from monitor.datasets import fitting
    from monitor.datasets.watching import unwatched

    for paths, asked in _both(options, bundle, unwatched):
        quiet = replace(asked, say=lambda _: None)  # it was said when they were scored
        yield fitting.load(paths, None, bundle.input_spec, quiet).records


def _check(options: argparse.Namespace) -> None:
    from monitor.errors import UserError

    two = options.normal is not None and options.anomalous is not None
    none = options.normal is None and options.anomalous is None
    if not (two if options.data is None else none):
        raise UserError(
            "give --normal and --anomalous, or --data with --label: the column that says which is"
            " which"
        )


def _both(
    options: argparse.Namespace, bundle: Bundle, watch: Watch
) -> Iterator[tuple[list[str], Reading]]:
    """Files and how to read them: of normal records, then of anomalous ones."""
    asked = remembered(reading(options, watch=watch), bundle)
    if options.data is None:
        for kind in ("normal", "anomalous"):
            where = getattr(options, f"{kind}_where")
            yield [getattr(options, kind)], replace(asked, where=where)
        return
    from monitor.errors import UserError

    if not asked.label or asked.where is not None:
        raise UserError("--data needs --label, the column that says which is which, and no --where")
    values = ",".join(options.normal_label)
    for sign in ("=", "!="):
        yield options.data, replace(asked, where=f"{asked.label[0]}{sign}{values}")


def measure(normal: Scores, anomalous: Scores, reference: Reference) -> dict[str, Any]:
    """Ranking (roc_auc, average_precision) and decision at the threshold, as JSON values."""
    import numpy as np
    from sklearn import metrics

    from models.reconstruction import finite

    parts = (normal, anomalous)
    labels = np.repeat([0, 1], [len(part.anomalous) for part in parts])
    errors = finite(np.concatenate([part.reconstruction_error for part in parts]))
    flags = np.concatenate([part.anomalous for part in parts])
    return {
        "roc_auc": float(metrics.roc_auc_score(labels, errors)),
        "average_precision": float(metrics.average_precision_score(labels, errors)),
        "precision": float(metrics.precision_score(labels, flags, zero_division=0.0)),
        "recall": float(metrics.recall_score(labels, flags, zero_division=0.0)),
        "false_positive_rate": float(normal.anomalous.mean()),
        "threshold": reference.threshold,
        "quantile": reference.quantile,
        "normal": {"records": len(normal.anomalous), "flagged": int(normal.anomalous.sum())},
        "anomalous": {
            "records": len(anomalous.anomalous),
            "flagged": int(anomalous.anomalous.sum()),
        },
        "model_version": normal.model_version,
    }


def draw(normal: Scores, anomalous: Scores, reference: Reference, roc_auc: float) -> bytes:
    """PNG with the errors of both kinds on one logarithmic axis, and the threshold."""
    import numpy as np
    from matplotlib.figure import Figure

    from models import plots

    figure = Figure(figsize=(9, 4.5), layout="constrained")
    axes = figure.add_subplot()
    both = np.concatenate([normal.reconstruction_error, anomalous.reconstruction_error])
    edges = plots.log_bins(both[np.isfinite(both)]).tolist()
    for name, colour, part in (
        ("normal", plots.NORMAL, normal),
        ("anomalous", plots.SECOND, anomalous),
    ):
        # Shares, so that a few anomalous records show beside many normal ones. An error of
        # exactly 0 has no place on a logarithmic axis, and is counted in the first bin.
        errors = np.clip(part.reconstruction_error, edges[0], edges[-1])
        label = f"{name} ({len(errors):,} records, {part.anomalous.mean():.1%} flagged)"
        shares = np.full(len(errors), 100 / len(errors))
        axes.hist(errors, edges, weights=shares, color=colour, alpha=0.75, label=label)
    plots.threshold_line(axes, reference)
    axes.set(ylabel="share of its kind, %", title=f"Reconstruction errors, ROC AUC {roc_auc:.4f}")
    figure.legend(loc="outside lower center", ncols=3, frameon=False, fontsize=8)
    return plots.png(figure)


def _write(folder: Path, result: dict[str, Any], pictures: Mapping[str, bytes]) -> None:
    import json

    with writing(str(folder)):
        folder.mkdir(parents=True, exist_ok=True)
        text = json.dumps(result, indent=2, allow_nan=False) + "\n"
        (folder / "evaluation.json").write_text(text, encoding="utf-8")
        for name, picture in pictures.items():
            (folder / name).write_bytes(picture)


def _summary(result: dict[str, Any], out: str, pictures: Iterable[str]) -> str:
    written = ", ".join(str(Path(out, name)) for name in ("evaluation.json", *pictures))
    normal, anomalous = result["normal"], result["anomalous"]
    return f"""\
roc_auc            {result["roc_auc"]:.6f}
average_precision  {result["average_precision"]:.6f}
precision          {result["precision"]:.6f}
recall             {result["recall"]:.6f}, {anomalous["flagged"]:,} of {anomalous["records"]:,} \
anomalous records flagged
false positives    {result["false_positive_rate"]:.6f}, {normal["flagged"]:,} of \
{normal["records"]:,} normal records flagged
threshold          {result["threshold"]:.6g} at quantile {result["quantile"]:.6g}
written            {written}"""
