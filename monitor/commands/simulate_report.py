"""What `simulate --change` says: a table for people, and JSON."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from monitor.commands.options import writing
from monitor.drift.simulation import AFTER, FalseAlarms
from monitor.pipeline.replay import Found, Outcome, Replay, Replayed

SCHEMA_VERSION: Final = 1
KIND: Final = "simulated-changes"
LEVELS: Final = {"median": 0.5, "95%": 0.95}
_UNITS: Final = ((86400.0, "d"), (3600.0, "h"), (60.0, "min"), (1.0, "s"))
_WIDEST: Final = 40
"""Characters of a change in table and picture."""


@dataclass(frozen=True, slots=True)
class Result:
    """All that was simulated. source: of the records, for people. repeats: asked for."""

    replay: Replay
    source: str
    seed: int
    repeats: int
    quiet: FalseAlarms
    found: Replayed

    @property
    def budget(self) -> float:
        """Records in which one false alarm is allowed."""
        replay = self.replay
        return replay.settings.budget.records_per_false_alarm(replay.rate)


def table(result: Result) -> str:
    """What a person reads."""
    return "\n".join([*_head(result), "", *_rows(result), "", *_sentences(result)])


def _head(result: Result) -> Iterator[str]:
    replay, quiet, budget = result.replay, result.quiet, result.budget
    bundle, together = replay.scorer.bundle, replay.drawn_together
    drawn = f"in blocks of {together}" if together > 1 else "one by one: their order is not known"
    also = "" if replay.channels is None else f" and {len(replay.channels.kept)} channels"
    given = replay.settings.channel_weights.items()
    weights = ", ".join(f"{group} {weight:g}" for group, weight in given)
    weighing = f", weights: {weights}" if weights else ""
    yield f"model        {bundle.version}; watched: the error{also}{weighing}"
    yield f"records      {len(replay.records):,} of {result.source}, drawn {drawn}"
    yield f"budget       1 false alarm in {budget:,.0f} records at {replay.rate:g} a second"
    yield (
        f"no change    {quiet.alarms} false alarms in {quiet.records:,} records, where"
        f" {quiet.records / budget:.2g} are allowed; {quiet.suspicions} passing suspicions"
    )
    if result.found.restless:
        yield (
            f"left out     {result.found.restless} of {result.repeats} repeats: an alarm came"
            f" before the change, {result.found.restless_sentence}"
        )


def _rows(result: Result) -> Iterator[str]:
    outcomes = result.found.outcomes
    wide = max(len("change"), *(len(short(each.change)) for each in outcomes))
    yield (
        f"{'change':{wide}}{'found':>7}{'median':>11}{'95%':>11}{'median':>10}{'95%':>10}"
        "  drift  named first"
    )
    for each in outcomes:
        delays = [delay(each, level) for level in LEVELS.values()]
        counts = "".join(f"{_records(value):>11}" for value in delays)
        times = "".join(f"{duration(value / result.replay.rate):>10}" for value in delays)
        kind = max(kinds(each), key=kinds(each).__getitem__, default="-")
        line = f"{short(each.change):{wide}}{share_found(each):>7.0%}{counts}{times}  {kind:5}"
        yield f"{line}  {_named(each)}".rstrip()


def _named(outcome: Outcome) -> str:
    """The channel that was named first most often, and how often it is what was changed."""
    names = first_names(outcome)
    if not names:
        return "-" if outcome.found else ""
    name, count = names.most_common(1)[0]
    said = name if count == len(outcome.found) else f"{name} ({count} of {len(outcome.found)})"
    own = named_share(outcome)
    return said if own is None else f"{said}; what was changed: {own:.0%}"


def _sentences(result: Result) -> Iterator[str]:
    for each in result.found.outcomes:
        said = each.found[0].sentence if each.found else f"not found in {AFTER:,} records"
        yield f"{each.change}: {said}"
        if each.unscored:
            yield (
                f"{each.change}: {each.unscored:.1%} of the records have no finite error: the"
                " daemon makes them dead letters"
            )


def share_found(outcome: Outcome) -> float:
    """Share of the repeats in which a change was found."""
    return len(outcome.found) / len(outcome.repeats)


def delay(outcome: Outcome, level: float) -> float:
    """Quantile of the delays, in records; inf if fewer than that were found."""
    return float(np.quantile(outcome.delays, level, method="higher"))


def kinds(outcome: Outcome) -> Counter[str]:
    """How often it was found as drift of the error, and of the input."""
    return Counter(each.kind for each in outcome.found)


def first_names(outcome: Outcome) -> Counter[str]:
    """How often which channel was named first."""
    return Counter(each.channel for each in outcome.found if each.channel)


def named_share(outcome: Outcome) -> float | None:
    """How often the channel named first was of what was changed; None if that cannot be said."""
    said = [each.named for each in outcome.found if each.named is not None]
    return sum(said) / len(said) if said else None


def duration(seconds: float) -> str:
    """A time for people: 12 s, 3.4 min, 5.1 h, 2.3 d."""
    if not math.isfinite(seconds):
        return "-"
    size, unit = next((each for each in _UNITS if seconds >= each[0]), _UNITS[-1])
    return (
        f"{seconds / size:.3g} {unit}" if seconds < 1000 * size else f"{seconds / size:,.0f} {unit}"
    )


def _records(value: float) -> str:
    return f"{value:,.0f}" if math.isfinite(value) else "not found"


def short(text: str) -> str:
    """The words of a change, as long as there is room for."""
    return text if len(text) <= _WIDEST else f"{text[: _WIDEST - 3]}..."


def document(result: Result) -> dict[str, Any]:
    """The result as JSON values."""
    replay, found = result.replay, result.found
    return {
        "kind": KIND,
        "schema_version": SCHEMA_VERSION,
        "model_version": replay.scorer.bundle.version,
        "data": result.source,
        "records": len(replay.records),
        "drawn_together": replay.drawn_together,
        "channels": [] if replay.channels is None else [v.name for v in replay.channels.each],
        "channel_weights": dict(replay.settings.channel_weights),
        "records_per_false_alarm": result.budget,
        "tolerance": replay.settings.tolerance,
        "guard_seconds": replay.settings.guard_seconds,
        "records_per_second": replay.rate,
        "seed": result.seed,
        "repeats": result.repeats,
        "no_change": {**asdict(result.quiet), "repeats_left_out": found.restless},
        "changes": [_change(each, replay.rate) for each in found.outcomes],
    }


def _change(outcome: Outcome, rate: float) -> dict[str, Any]:
    delays = {name: delay(outcome, level) for name, level in LEVELS.items()}
    return {
        "change": outcome.change,
        "found": share_found(outcome),
        "records_to_alarm": {name: _finite(value) for name, value in delays.items()},
        "seconds_to_alarm": {name: _finite(value / rate) for name, value in delays.items()},
        "each_repeat": [_repeat(each) for each in outcome.repeats],
        "drift": dict(kinds(outcome)),
        "named_first": dict(first_names(outcome)),
        "named_what_was_changed": named_share(outcome),
        "unscored": outcome.unscored,
        "verdict": outcome.found[0].sentence if outcome.found else None,
    }


def _repeat(found: Found | None) -> dict[str, Any] | None:
    if found is None:
        return None
    return {name: value for name, value in asdict(found).items() if name != "sentence"}


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def write(folder: Path, result: Result, text: str, picture: bytes) -> None:
    """Write simulation.json, simulation.txt and simulation.png; UserError if that cannot be."""
    with writing(str(folder)):
        folder.mkdir(parents=True, exist_ok=True)
        found = json.dumps(document(result), indent=2, allow_nan=False) + "\n"
        (folder / "simulation.json").write_text(found, encoding="utf-8")
        (folder / "simulation.txt").write_text(text + "\n", encoding="utf-8")
        (folder / "simulation.png").write_bytes(picture)
