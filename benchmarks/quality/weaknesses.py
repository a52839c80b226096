"""Where reconstruction errors are known to be weak: the plain network beside the default.

    python -m benchmarks.quality.weaknesses [--short]

- Many values: records of 10 to 4,096 values that follow five hidden ones, with noise. Odd ones
  follow another law in a tenth of their values. How many normal records are above the threshold
  that 1% should exceed, and ROC AUC.
- Noise that is reproduced: each value as usual by itself, but none follows the others. ROC AUC
  against normal ones: a network that copies its input makes a small error of it.
- Contamination: 0.1 to 30% of the training records are anomalies of the set, nobody saying which;
  ROC AUC on others of them. Three of ADBench's sets, if AEAD_DATA has them.

`dense` and `linear` with their own settings, and what `train` takes by itself. Means of three
seeds, of the widest records one. Prints two tables, Markdown; twenty minutes on a core.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from benchmarks.quality.adbench import parts
from models import recipe
from models.bundle import Bundle
from models.conduct import Conduct
from models.presets import Preset
from models.search import choose
from models.settings import TrainingSettings
from monitor.pipeline.scorer import Scorer
from tests.data import DATA

SEEDS = (0, 1, 2)
WIDTHS = (10, 50, 200, 1000, 4096)
WIDEST = 1000
"""Values from which on one seed must do."""
HIDDEN, NOISE = 5, 0.5
COUNT, TESTED = 2000, 2000
LEVEL = 0.99
SETS = ("satellite", "cardio", "thyroid")
SHARES = (0.0, 0.001, 0.01, 0.05, 0.1, 0.3)
DEFAULT = ""
MODELS = ("dense", "linear", DEFAULT)

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Law:
    """What records of d values follow: x = z A + noise, of standard deviation 1 each."""

    loads: Floats

    @classmethod
    def of(cls, d: int, seed: int) -> Law:
        """A law of its own for each seed."""
        loads = np.random.default_rng([d, seed]).normal(size=(HIDDEN, d))
        return cls(loads / np.linalg.norm(loads, axis=0) * np.sqrt(1 - NOISE**2))

    def records(self, count: int, rng: np.random.Generator) -> Floats:
        """Records (count, d)."""
        hidden = rng.normal(size=(count, HIDDEN))
        noise = rng.normal(size=(count, self.loads.shape[1]))
        return np.asarray(hidden @ self.loads + NOISE * noise)

    def odd(self, count: int, rng: np.random.Generator) -> Floats:
        """Records of which a tenth of the values are those of another record."""
        made, others = self.records(count, rng), self.records(count, rng)
        d = made.shape[1]
        for row, other in zip(made, others, strict=True):
            columns = rng.permutation(d)[: max(1, d // 10)]
            row[columns] = other[columns]
        return made


def trained(records: Floats, name: str, seed: int) -> tuple[Scorer, str]:
    """What `train` makes of them, and the architecture."""
    settings = TrainingSettings(name or None, device="cpu", seed=seed)
    if not name:
        settings = choose(records, settings, Preset()).settings
    with tempfile.TemporaryDirectory() as folder:
        made: Bundle = recipe.train(records, Path(folder) / "m", settings, Conduct(card=False))
        return Scorer(made, "cpu"), made.architecture


def errors(scorer: Scorer, records: Floats) -> Floats:
    """Of each record, (n,)."""
    return scorer.score(records).reconstruction_error


def area(normal: Floats, odd: Floats) -> float:
    """ROC AUC of errors."""
    truth = np.repeat([0, 1], [len(normal), len(odd)])
    return float(roc_auc_score(truth, np.concatenate([normal, odd])))


def of_width(d: int, name: str, seed: int, count: int = COUNT) -> tuple[list[float], str]:
    """Share of normal records above the threshold; ROC AUC of a broken law, and of noise."""
    law, rng = Law.of(d, seed), np.random.default_rng([seed, d])
    training, normal = law.records(count, rng), law.records(TESTED, rng)
    scorer, architecture = trained(training, name, seed)
    usual = errors(scorer, normal)
    threshold = float(scorer.bundle.reference.quantiles([LEVEL])[0])
    noise = np.stack([rng.permutation(column) for column in normal.T], 1)
    odd = [errors(scorer, each) for each in (law.odd(TESTED, rng), noise)]
    found = [float((usual > threshold).mean()), *(area(usual, each) for each in odd)]
    return found, architecture


def wide_lines(widths: Sequence[int], count: int = COUNT) -> Iterable[str]:
    """The table of many values, and of noise."""
    yield "| values | model | normal above 1% | law broken | noise |"
    yield "| --- | --- | --- | --- | --- |"
    for d in widths:
        for name in MODELS:
            seeds = SEEDS if d < WIDEST else SEEDS[:1]
            found = [of_width(d, name, seed, count) for seed in seeds]
            above, *areas = np.mean([each for each, _ in found], 0)
            cells = " | ".join(f"{each:.3f}" for each in areas)
            title = name or f"default ({_names(found)})"
            yield f"| {d:,} | {title} | {above:.1%} | {cells} |"


def contaminated(
    normal: Floats, odd: Floats, share: float, rng: np.random.Generator
) -> tuple[Floats, Floats, Floats]:
    """Training records, so many of them odd; and others to test with, normal and odd."""
    normal, odd = rng.permutation(normal), rng.permutation(odd)
    learned, rest = np.split(normal, [len(normal) // 2])
    some = min(round(share / (1 - share) * len(learned)), len(odd) // 2)
    # Of few anomalies all shares can be had with fewer normal records.
    learned = learned[: round(some * (1 - share) / share)] if some else learned
    return np.concatenate([learned, odd[:some]]), rest, odd[len(odd) // 2 :]


def contamination_lines(sets: Iterable[str], shares: Sequence[float]) -> Iterable[str]:
    """The table of contamination."""
    yield f"| set | model | {' | '.join(f'{share:.1%}' for share in shares)} |"
    yield f"| --- | --- |{' --- |' * len(shares)}"
    for name in sets:
        split = parts(name, 1)
        records = np.concatenate([split.training, split.test])
        labels = np.concatenate([split.training_odd, split.test_odd])
        for model in MODELS:
            cells = []
            for share in shares:
                areas = []
                for seed in SEEDS:
                    rng = np.random.default_rng(seed)
                    training, normal, odd = contaminated(
                        records[~labels], records[labels], share, rng
                    )
                    scorer, _ = trained(training, model, seed)
                    areas.append(area(errors(scorer, normal), errors(scorer, odd)))
                cells.append(f"{np.mean(areas):.3f}")
            yield f"| {name} | {model or 'default'} | {' | '.join(cells)} |"


def _names(found: Iterable[tuple[list[float], str]]) -> str:
    return ", ".join(sorted({architecture for _, architecture in found}))


def lines(short: bool) -> Iterable[str]:
    """All tables, as they are measured."""
    yield from wide_lines(WIDTHS[:2] if short else WIDTHS)
    yield ""
    if (DATA / "adbench_dev.npz").exists():
        yield from contamination_lines(SETS[:1] if short else SETS, SHARES)
    else:
        yield f"adbench_dev.npz is not in {DATA}: set AEAD_DATA to its folder."


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--short", action="store_true", help="few values, one set")
    for line in lines(parser.parse_args().short):
        print(line, flush=True)


if __name__ == "__main__":
    main()
