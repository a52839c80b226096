"""A pipeline whose evidence is kept, fed with errors, as the run loop does it."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.explanation import Explained, Explanation, FeatureShare
from models.input_spec import InputSpec
from models.reconstruction import Reconstructions
from monitor.evidence.keeper import Keeper, Mode
from monitor.evidence.looking import Budget, Looker
from monitor.evidence.sampling import Sampler
from monitor.pipeline.outcome import Outcome
from monitor.pipeline.step import Pipeline
from monitor.stream.columns import Columns
from monitor.stream.records import Record
from tests.monitor.builders import VERSION, ValueScorer, decode, judge, records, reference

SPEC = InputSpec((1,), "vector", "float64", (0.0,), (1.0,))
MILLISECONDS = 1_800_000_000_000


class SaysValue:
    """Explains a row by its only value; fails for a negative `fail_above`."""

    def __init__(self, fail: bool = False) -> None:
        self.looked = 0
        self._fail = fail

    def explain(self, rows: NDArray[Any]) -> list[Explained]:
        self.looked += len(rows)
        if self._fail:
            raise RuntimeError(f"torch has had enough of {rows.tolist()}")
        return [Explanation(0.0, (FeatureShare("x", 1.0, float(row[0]), 1.0),)) for row in rows]


def no_picture(rows: NDArray[Any]) -> Reconstructions:
    raise AssertionError("a vector has no picture")


class Watched:
    """seconds: of the clock that limits how often rows are looked at, and written."""

    def __init__(
        self,
        folder: Path,
        mode: Mode = "scores",
        seed: int = 0,
        version: str = VERSION,
        explainer: SaysValue | None = None,
    ) -> None:
        self.seconds = 1000.0
        self.keeper = Keeper(mode, folder, lambda: self.seconds)
        self.keeper.open()
        self.explainer = explainer or SaysValue()
        self.came = MILLISECONDS
        self.pipeline: Any = None
        self.use(version, seed)

    def use(self, version: str, seed: int = 0) -> None:
        """Another model."""
        looker = None
        if self.keeper.mode == "records":
            budget = Budget(2.0, lambda: self.seconds)
            looker = Looker(SPEC, self.explainer, no_picture, budget, nullcontext)
        sampler = Sampler(
            self.keeper, version, reference().threshold, looker=looker, seed=seed,
            clock=lambda: self.came / 1000,
        )  # fmt: skip
        scorer = ValueScorer(reference(), version)
        judging = judge()
        judging.model_version = version
        if self.pipeline is None:
            self.pipeline = Pipeline(decode, scorer, judging, picker=sampler)
        else:
            self.pipeline.replace(decode, scorer, judging, picker=sampler)

    def feed(
        self, errors: Iterable[float], start: int = 0, batch: int = 100, partition: int = 0
    ) -> list[Outcome]:
        """One row for each error, from an offset on."""
        return self.send(records(errors, start, partition), batch)

    def send(self, found: list[Record], batch: int = 100) -> list[Outcome]:
        outcomes = []
        for at in range(0, len(found), batch):
            came = Columns.of(found[at : at + batch]).came(self.came)
            outcomes.append(self.pipeline.step(came))
            self.keeper.take(outcomes[-1])
        return outcomes

    def look(self, times: int = 200) -> None:
        """Let time pass in which rows are looked at."""
        for _ in range(times):
            self.seconds += 1.0
            self.keeper.rest()

    def close(self) -> None:
        self.keeper.close(10.0)

    def entries(self, kind: str = "") -> list[dict[str, Any]]:
        found = self.keeper.listed()["entries"]
        return [entry for entry in found if kind in ("", entry["kind"])]

    def offsets(self, kind: str) -> list[int]:
        return [entry["offset"] for entry in self.entries(kind)]


def calm(n: int, seed: int = 0) -> NDArray[np.float64]:
    """Errors of which none is anomalous."""
    errors = np.random.default_rng(seed).lognormal(size=n)
    return np.minimum(errors, 0.9 * reference().threshold)


def drifted(n: int, seed: int = 7) -> NDArray[np.float64]:
    """Errors of a drift: three times as large."""
    return 3 * calm(n, seed)
