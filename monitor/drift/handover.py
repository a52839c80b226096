"""The end of a drift episode with the model that it was about.

What is said follows from what was remembered of the old model, and from the new model, alone: a
process that dies in between and one that starts with the new model say the same again, byte for
byte, under the same key.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from monitor.drift.detectors.evidence import restored_finding
from monitor.drift.episodes import State, Transition
from monitor.drift.judge import Change, Judge
from monitor.drift.next_offsets import restored_offsets
from monitor.drift.verdicts import onset_of
from monitor.stream.records import Alert, Verdict


def handover(state: Mapping[str, Any], successor: Judge) -> Change | None:
    """The resolution of the episode that fires in a judge's state; None if none does.

    state: of the old model's judge. successor: the new model's, which has judged nothing yet.
    """
    if state["episodes"]["state"] != State.FIRING:
        return None
    verdict = _verdict(state, successor)
    timestamp = round(1000 * (state["clock"]["newest"] or 0.0))
    alert = Alert(
        event="resolved",
        episode=str(state["episode"]),
        model_version=str(state["model_version"]),
        timestamp=timestamp,
        verdict=verdict,
        next_offsets=restored_offsets(state["next_offsets"]),
    )
    transition = Transition(State.FIRING, State(verdict.state), "resolved")
    return Change(transition, timestamp, verdict, alert)


def _verdict(state: Mapping[str, Any], successor: Judge) -> Verdict:
    """The successor's first verdict, with what was known of the episode that ends."""
    finding = restored_finding(state["finding"])
    statistic, threshold = state["evidence"]
    return replace(
        successor.verdict,
        statistic=float(statistic),
        threshold=float(threshold),
        direction=str(state["told"]),
        explanation=f"model replaced: {successor.model_version} takes the place of"
        f" {state['model_version']}, whose drift episode ends with it; drift detection begins anew",
        partition=finding.partition,
        onset=onset_of(finding.onset, int(state["rows"])),
        kind=finding.kind,
        channels=finding.channels,
    )
