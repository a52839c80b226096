"""Choice: which settings a preset chose, and what it compared."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from models.ranking import Ranking
    from models.settings import TrainingSettings

DIGITS: Final = 4
CLEARLY: Final = 0.15
"""By how much ROC AUC another candidate must rank better than the first one to be chosen: among
synthetic anomalies, which are not those that will come."""
CLEARLY_PICTURES: Final = 0.08
"""The same of pictures, where wholes and parts are compared: on digits the parts rank better by
0.04 at most, and find less; on textures by 0.11 to 0.19, and find more."""
TIMES: Final = frozenset({"seconds", "microseconds"})
"""What of a trial is measured by a clock, and differs from run to run."""


@dataclass(frozen=True, slots=True, eq=False)
class Trial:
    """One candidate.

    cost: of a record, in times what the plain model costs a daemon. ranking: of synthetic
    anomalies; None if there is none, and `note` says why. seconds: of training it for the
    comparison. microseconds: of scoring a record here.
    """

    name: str
    settings: TrainingSettings
    cost: float
    ranking: Ranking | None = None
    seconds: float = math.nan
    microseconds: float = math.nan
    note: str = ""

    def to_json(self) -> dict[str, Any]:
        """Plain values for JSON."""
        told: dict[str, Any] = {"name": self.name, "cost": self.cost, "note": self.note}
        if self.ranking is None:
            return told
        areas = {kind: round(area, DIGITS) for kind, area in self.ranking.areas.items()}
        return {
            **told,
            "area": round(self.ranking.area, DIGITS),
            "standard_error": round(self.ranking.standard_error, DIGITS),
            "areas": areas,
            "seconds": round(self.seconds, 1),
            "microseconds": round(self.microseconds, 2),
        }


@dataclass(frozen=True, eq=False)
class Choice:
    """What a preset chose: its name, the settings, the trials in their order, and why, in words.

    chosen: the name of a trial; of the plain model, if there are none. limit: the cost that was
    allowed, as `Trial.cost` counts; inf for any.
    """

    preset: str
    settings: TrainingSettings
    trials: Sequence[Trial] = field(default_factory=list)
    why: str = ""
    limit: float = math.inf
    chosen: str = ""

    def to_json(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "name": self.preset,
            "why": self.why,
            "chosen": self.chosen,
            "cost": None if math.isinf(self.limit) else self.limit,
            "candidates": [trial.to_json() for trial in self.trials],
        }


def pick(trials: Sequence[Trial], limit: float, clearly: float = CLEARLY) -> tuple[Trial, str]:
    """The trial to choose, and why.

    trials: in the order of what finds most on data sets with labels. Of those that were ranked and
    cost no more than the limit, the first; another one if it ranks clearly better, and by more than
    twice the standard error of the difference: of several the best. Raises ValueError if there is
    none.
    """
    ranked = [(trial, trial.ranking) for trial in trials if trial.ranking and trial.cost <= limit]
    if not ranked:
        raise ValueError("no candidate was ranked within the cost that is allowed")
    first, usual = ranked[0]
    best, highest = max(ranked, key=lambda pair: pair[1].area)
    apart = highest.area - usual.area
    clear = max(clearly, 2 * highest.error_of_difference(usual))
    if apart > clear:
        return best, (
            f"{best.name} ranks synthetic anomalies clearly better than {first.name}:"
            f" {highest.area:.3f}, {apart:.3f} more"
        )
    if best is first:
        return first, f"{first.name} ranks synthetic anomalies best, {usual.area:.3f}"
    return first, (
        f"{first.name} finds most on known data sets, and {best.name} does not rank synthetic"
        f" anomalies clearly better: {apart:.3f}, of {clear:.3f} at least"
    )


def without_times(document: Any) -> Any:
    """What `Choice.to_json` gave, whatever it is now, without what a clock measured."""
    if not isinstance(document, Mapping) or not isinstance(document.get("candidates"), list):
        return document
    kept = [
        {key: value for key, value in trial.items() if key not in TIMES}
        if isinstance(trial, Mapping)
        else trial
        for trial in document["candidates"]
    ]
    return {**document, "candidates": kept}


def table(document: Mapping[str, Any]) -> list[list[str]]:
    """Rows for people, the heading first. document: as `Choice.to_json` gives it."""
    rows = [["candidate", "ROC AUC", "+-", "cost", "us a record", "seconds", ""]]
    for trial in document["candidates"]:
        mark = "chosen" if trial["name"] == document["chosen"] else trial["note"]
        if "area" not in trial:
            rows.append([trial["name"], "", "", f"{trial['cost']:g}", "", "", trial["note"]])
            continue
        rows.append(
            [
                trial["name"],
                f"{trial['area']:.3f}",
                f"{trial['standard_error']:.3f}",
                f"{trial['cost']:g}",
                f"{trial['microseconds']:.3g}",
                f"{trial['seconds']:.1f}",
                mark,
            ]
        )
    return rows
