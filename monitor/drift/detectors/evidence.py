"""What a detector says: how strong the evidence is, and what kind of drift it points to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from monitor.drift.blocks import Position, position_state, restored_position
from monitor.stream.records import ChannelDrift, Estimate, Partition, Shares


class Evidence(NamedTuple):
    """Strength of the evidence after a block, as log10.

    statistic: higher is stronger; drift is suspected, or confirmed, at or above `threshold`.
    """

    statistic: float
    threshold: float

    @property
    def drifting(self) -> bool:
        """True when drift is suspected, or confirmed."""
        return self.statistic >= self.threshold


class Calm(NamedTuple):
    """So many blocks brought no suspicion. evidence: after the last of them."""

    blocks: int
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class Finding:
    """The kind of drift that explains the evidence best.

    direction: larger, smaller, narrower, wider or none. words: the same for people. onset: where
    the drift seems to have begun, or None if the detector does not tell. partition: the one that
    it shows in, or None if it shows in all taken together. kind: error or input, "" if only the
    error is watched. channels: those that have moved, the likeliest cause first. change: the kind
    of the alternative that explains it, "" if there is none.
    """

    direction: str
    words: str
    onset: Position | None = None
    partition: Partition | None = None
    kind: str = ""
    channels: tuple[ChannelDrift, ...] = ()
    change: str = ""


NOTHING = Finding("none", "no drift")


def finding_state(finding: Finding) -> dict[str, Any]:
    """A finding as plain values."""
    partition = finding.partition
    channels = [asdict(each) for each in finding.channels]
    beside = {"kind": finding.kind, "channels": channels} if finding.kind else {}
    return {
        **beside,
        **({"change": finding.change} if finding.change else {}),
        "direction": finding.direction,
        "words": finding.words,
        "onset": None if finding.onset is None else position_state(finding.onset),
        "partition": None if partition is None else [partition.topic, partition.number],
    }


def restored_finding(state: Mapping[str, Any]) -> Finding:
    """The finding that `finding_state` was called on."""
    return Finding(
        direction=str(state["direction"]),
        words=str(state["words"]),
        onset=None if state["onset"] is None else restored_position(state["onset"]),
        partition=None if state["partition"] is None else Partition(*state["partition"]),
        kind=str(state.get("kind", "")),
        channels=tuple(restored_channel(each) for each in state.get("channels", ())),
        change=str(state.get("change", "")),
    )


def restored_channel(state: Mapping[str, Any]) -> ChannelDrift:
    """The drift of a channel that `asdict` was called on."""
    shares = state.get("shares")  # earlier versions had none
    known = None if shares is None else Shares(**{k: tuple(v) for k, v in shares.items()})
    return ChannelDrift(**{**state, "effect": Estimate(**state["effect"]), "shares": known})
