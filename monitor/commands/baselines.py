"""`aead-monitor evaluate --baselines`: other detectors on the same records, with intervals."""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from monitor.commands.data_options import FORMATS, reading, remembered

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from models.resampling import Ranked
    from models.splits import Split
    from monitor.pipeline.scorer import Scorer

MOST_TEST: Final = 20_000
"""Records of each kind that are compared on."""


def add_baselines(parser: argparse.ArgumentParser) -> None:
    """Add --baselines, --train-data and --train-where."""
    group = parser.add_argument_group("other detectors, to compare with")
    group.add_argument(
        "--baselines",
        metavar="NAME",
        help="any of iforest,lof,ocsvm,elliptic,knn,ecod,copod,pca (commas between them)",
    )
    group.add_argument(
        "--train-data",
        nargs="+",
        metavar="PATH",
        help=f"what the model was trained on, to fit them on: {FORMATS}",
    )
    group.add_argument("--train-where", metavar="KEY=VALUE", help="fit on these records only")


def chosen(options: argparse.Namespace) -> list[str]:
    """The detectors that are asked for. Raises UserError for unknown ones, or without data."""
    from models.baselines import BASELINES, library
    from monitor.errors import UserError

    if options.baselines is None:
        if options.train_data or options.train_where:
            raise UserError(
                "--train-data is for --baselines: say which, such as --baselines iforest"
            )
        return []
    names = list(dict.fromkeys(name.strip() for name in options.baselines.split(",")))
    unknown = [name for name in names if name not in BASELINES]
    if unknown:
        raise UserError(
            f"--baselines: unknown {', '.join(unknown)[:80]!r}; known are {', '.join(BASELINES)}"
        )
    if not options.train_data:
        raise UserError(
            "--baselines needs --train-data: a bundle holds no records of its training, and the"
            " others must be fitted on the same ones"
        )
    for name in names:
        library(name)
    return names


@dataclass(frozen=True, eq=False)
class Material:
    """What is compared: records (n, d) as the network sees them.

    fit: that the model learned from. held_out: that calibrate. normal, anomalous: to test with.
    """

    fit: NDArray[np.float32]
    held_out: NDArray[np.float32]
    normal: NDArray[np.float32]
    anomalous: NDArray[np.float32]


def compare(
    options: argparse.Namespace,
    names: Sequence[str],
    scorer: Scorer,
    normal: NDArray[Any],
    anomalous: NDArray[Any],
) -> dict[str, Any]:
    """The model and the others on the same records, as JSON values.

    normal, anomalous: records (n, *record_shape) to test with; of more than MOST_TEST some are
    taken, evenly.
    """
    from models.baselines import evenly
    from models.resampling import Ranked, draws

    tested = [part[evenly(len(part), MOST_TEST)] for part in (normal, anomalous)]
    notes = []
    if len(normal) > MOST_TEST or len(anomalous) > MOST_TEST:
        notes.append(
            f"compared on {len(tested[0]):,} of {len(normal):,} normal and {len(tested[1]):,} of"
            f" {len(anomalous):,} anomalous records, evenly chosen"
        )
    training, parts, same = _training(options, scorer)
    if not same:
        notes.append(
            "--train-data are not the very records that the model was trained on: the others may"
            " have learned from more, fewer or other ones"
        )
    spec, bundle = scorer.bundle.input_spec, scorer.bundle
    rows = [training[kept] for kept in (_learned(parts), parts.calibration)]
    material = Material(*(spec.prepare(part).reshape(len(part), -1) for part in (*rows, *tested)))
    resampled = draws(len(tested[0]), len(tested[1]))
    begin = time.perf_counter()
    errors = [scorer.score(part).reconstruction_error for part in tested]
    seconds = time.perf_counter() - begin
    threshold = bundle.reference.threshold * (1 + bundle.reference.tie_tolerance)
    own = Ranked(errors[0], errors[1], threshold)
    found = own.measures(resampled)
    methods = {
        "model": {
            **_described(own, found),
            "fit_seconds": bundle.metadata.get("metrics", {}).get("seconds"),
            "fitted_on": bundle.metadata.get("split", {}).get("training"),
            "microseconds_a_record": 1e6 * seconds / sum(map(len, tested)),
            "notes": [bundle.architecture],
        }
    }
    for name in names:
        methods[name] = _measured(name, material, bundle.reference.quantile, resampled, found)
    return {"notes": notes, "methods": methods}


def _learned(parts: Split) -> NDArray[np.int64]:
    """Rows that a model learns from, and chooses its epoch by."""
    import numpy as np

    return np.sort(np.concatenate([parts.training, parts.validation]))


def _training(options: argparse.Namespace, scorer: Scorer) -> tuple[NDArray[Any], Split, bool]:
    """The records of --train-data, split as the model's, and whether they are the model's own."""
    from models.settings import TrainingSettings
    from models.splits import fingerprint, split
    from monitor.datasets import fitting
    from monitor.errors import UserError

    bundle, spec = scorer.bundle, scorer.bundle.input_spec
    asked = replace(remembered(reading(options), bundle), where=options.train_where)
    records = fitting.load(options.train_data, None, spec, asked).records
    records = fitting.in_type(fitting.as_recorded(records, spec, options.train_data[0]), spec)
    stored = bundle.metadata.get("settings")
    names = ("validation_fraction", "calibration_fraction", "ordered", "seed")
    kept = {n: stored[n] for n in names if n in stored} if isinstance(stored, Mapping) else {}
    try:
        parts = split(len(records), TrainingSettings(**kept))
    except TypeError as error:
        raise UserError(f"{bundle.path}: its settings cannot be read: {error}") from None
    same = fingerprint(records)["sha256"] == bundle.metadata.get("data", {}).get("sha256")
    return records, parts, same


def _measured(
    name: str,
    material: Material,
    quantile: float,
    resampled: list[Any],
    own: NDArray[np.float64],
) -> dict[str, Any]:
    """One detector, fitted and tested; what it failed at, if it does not take these records."""
    from models import baselines
    from models.resampling import MEASURES, Ranked, interval

    rows = baselines.evenly(len(material.fit), baselines.BASELINES[name].rows)
    notes = []
    if len(rows) < len(material.fit):
        notes.append(f"fitted on {len(rows):,} of {len(material.fit):,} records, evenly chosen")
    begin = time.perf_counter()
    try:
        score, told = baselines.fitted(name, material.fit[rows])
    except baselines.NotFittedError as error:
        return {"failed": str(error), "notes": notes}
    seconds = time.perf_counter() - begin
    held_out = material.held_out[baselines.evenly(len(material.held_out), MOST_TEST)]
    threshold = baselines.threshold(score(held_out), quantile)
    begin = time.perf_counter()
    scores = [score(part) for part in (material.normal, material.anomalous)]
    scoring = time.perf_counter() - begin
    ranked = Ranked(scores[0], scores[1], threshold)
    found = ranked.measures(resampled)
    ahead = own - found
    return {
        **_described(ranked, found),
        "model_ahead": {
            measure: {"value": float(each[0]), "interval": interval(each[1:])}
            for measure, each in zip(MEASURES, ahead.T, strict=True)
        },
        "fit_seconds": round(seconds, 3),
        "fitted_on": len(rows),
        "microseconds_a_record": 1e6 * scoring / (len(scores[0]) + len(scores[1])),
        "notes": [*notes, *told],
    }


def _described(ranked: Ranked, found: NDArray[np.float64]) -> dict[str, Any]:
    from models.resampling import MEASURES, interval

    described = {
        measure: {"value": float(each[0]), "interval": interval(each[1:])}
        for measure, each in zip(MEASURES, found.T, strict=True)
    }
    return {**described, "false_positive_rate": ranked.false_positive_rate}
