"""The default for vectors on ADBench's development sets, beside Isolation Forest and the paper.

    python -m benchmarks.quality.vectors [--clean] [--arch NAME | --preset NAME] [--sets NAME ...]
                                         [--per-value N]

Trains and scores as the product's commands do, three splits of each set. Needs ADBench in
AEAD_DATA (see `tests/data.py`). Prints one table, Markdown, in per cent; a few minutes on a core,
with a preset half an hour.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Iterable
from dataclasses import replace

import numpy as np
from sklearn.ensemble import IsolationForest
from sklearn.metrics import average_precision_score, roc_auc_score

from benchmarks.quality.adbench import SEEDS, Parts, names, parts, published
from benchmarks.quality.scoring import Floats, errors
from models.presets import COST, PRESETS, Preset
from models.settings import TrainingSettings

LONE = "smtp"
"""About one anomaly in its test part: it alone moves the mean AUC-PR by points."""
LEARNED = 0.64
"""Share of the training records that weights are learned from; the others are held out."""
LEAST = 50
METRICS = {"AUCROC": roc_auc_score, "AUCPR": average_precision_score}


def forest(split: Parts, seed: int) -> Floats:
    """Errors of scikit-learn's Isolation Forest with its own settings."""
    fitted = IsolationForest(random_state=seed).fit(split.training)
    return np.asarray(-fitted.score_samples(split.test))


def figures(
    name: str,
    clean: bool,
    settings: TrainingSettings,
    preset: Preset | None = None,
    per_value: float = math.inf,
) -> Floats:
    """ROC AUC and AUC-PR of ours and of the forest, per cent: (seeds, methods, metrics).

    per_value: records for each value of a record, at most, that weights are learned from.
    """
    found = []
    for seed in SEEDS:
        split = _fewer(parts(name, seed), per_value, seed)
        if clean:
            normal = ~split.training_odd
            split = Parts(split.training[normal], split.training_odd[normal], split.test,
                          split.test_odd)  # fmt: skip
        ours = errors(split.training, split.test, settings, preset)
        found.append(
            [
                [100 * metric(split.test_odd, each) for metric in METRICS.values()]
                for each in (ours, forest(split, seed))
            ]
        )
    return np.array(found)


def _fewer(split: Parts, per_value: float, seed: int) -> Parts:
    """The split with fewer training records, at random."""
    wanted = max(LEAST, per_value * split.training.shape[1] / LEARNED)
    if wanted >= len(split.training):
        return split
    chosen = np.random.default_rng(seed).permutation(len(split.training))[: round(wanted)]
    return replace(split, training=split.training[chosen], training_odd=split.training_odd[chosen])


def table(found: dict[str, Floats]) -> Iterable[str]:
    """The lines of the table. found: `figures` of each set."""
    methods = list(published("AUCROC")["thyroid"])
    yield "| set | ROC AUC | forest | AUC-PR | forest | best published ROC AUC | ahead of |"
    yield "| --- | --- | --- | --- | --- | --- | --- |"
    for name, each in sorted(found.items(), key=lambda item: item[0].lower()):
        (ours, precision), (other, other_precision) = each.mean(0)
        paper = published("AUCROC")[name]
        best = max(paper, key=lambda method: paper[method])
        behind = sum(ours > value for value in paper.values())
        yield (
            f"| {name} | {ours:.1f} | {other:.1f} | {precision:.1f} | {other_precision:.1f} |"
            f" {best} {paper[best]:.1f} | {behind} of {len(paper)} |"
        )
    whole = np.stack(list(found.values()))  # (sets, seeds, methods, metrics)
    yield _mean("**mean**", whole)
    others = [each for name, each in found.items() if name != LONE]
    if LONE in found and others:
        yield _mean(f"mean without {LONE}", np.stack(others))
    yield ""
    yield "By seed: " + ", ".join(
        f"{ours[0]:.2f} and {ours[1]:.2f}" for ours in whole.mean(0)[:, 0]
    )
    yield "Published means: " + ", ".join(
        f"{method} {means[0]:.1f} and {means[1]:.1f}"
        for method in methods
        if (means := _published_means(method, found))
    )


def _mean(title: str, whole: Floats) -> str:
    (ours, precision), (other, other_precision) = whole.mean((0, 1))
    return f"| {title} | {ours:.2f} | {other:.2f} | {precision:.2f} | {other_precision:.2f} | | |"


def _published_means(method: str, sets: Iterable[str]) -> tuple[float, ...]:
    """Mean ROC AUC and AUC-PR over the sets for which the paper gives them."""
    values = [
        [table[name][method] for name in sets if method in table[name]]
        for table in map(published, METRICS)
    ]
    return tuple(float(np.mean(each)) for each in values if each)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--clean", action="store_true", help="train without the anomalies")
    parser.add_argument("--sets", nargs="+", choices=names(), default=names())
    parser.add_argument("--arch", help="of train; the default's, if not given")
    parser.add_argument("--preset", choices=PRESETS, help="of train, in place of --arch")
    parser.add_argument("--cost", type=float, default=COST, help="of train, with --preset")
    parser.add_argument("--per-value", type=float, default=math.inf, metavar="N",
                        help="learn from at most N records for each value")  # fmt: skip
    asked = parser.parse_args()
    preset = Preset(asked.preset, cost=asked.cost) if asked.preset else None
    settings = TrainingSettings(
        architecture=asked.arch, contamination=0.0 if asked.clean else None, device="cpu"
    )
    found = {}
    for name in asked.sets:
        found[name] = figures(name, asked.clean, settings, preset, asked.per_value)
        print(name, found[name].mean(0).round(1).tolist(), file=sys.stderr, flush=True)
    print("\n".join(table(found)))


if __name__ == "__main__":
    main()
