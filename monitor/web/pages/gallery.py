"""Records to look at, in groups, as the pages show them."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

FEATURES: Final = 4
FEWEST_REPEATS: Final = 3
REPEATED_SHARE: Final = 0.75
"""From which records with one error are taken for one record that comes again and again."""
LEFT_OUT: Final = {
    "waiting": "not looked at yet",
    "size": "too large to be kept",
    "model": "this model says no more than an error",
    "shares": "its error has no parts that are finite",
    "failed": "looking at it failed; the log says why",
    "restart": "the daemon ended before it was looked at",
    "model_replaced": "another model took its place before it was looked at",
}

NO_EVIDENCE: Final[Mapping[str, Any]] = {"mode": "off", "entries": []}


class ShowsEvidence(Protocol):
    """Records that people may look at. Asked from any thread."""

    def listed(self) -> Mapping[str, Any]:
        """All of them, as JSON values."""

    def picture(self, id: str) -> bytes | None:
        """PNG of one; None if there is none."""


@dataclass(frozen=True, slots=True)
class Card:
    """A record. alike: how many others have the same error. command: reads it from the topic."""

    entry: Mapping[str, Any]
    alike: int
    command: str

    @property
    def features(self) -> Sequence[Mapping[str, Any]]:
        """Those that carry most of its error."""
        return (self.entry["features"] or ())[:FEATURES]

    @property
    def valued(self) -> bool:
        """Whether it is told what they were, and what was expected."""
        return any("value" in each for each in self.features)

    @property
    def ratio(self) -> float | None:
        """Its error, of the threshold."""
        threshold = self.entry["threshold"]
        return self.entry["error"] / threshold if threshold else None

    @property
    def left_out(self) -> str:
        """Why there is less to see; empty if there is all."""
        reason = self.entry["left_out"]
        return LEFT_OUT.get(reason, str(reason)) if reason else ""


@dataclass(frozen=True, slots=True)
class Group:
    """Records of one kind. channel: whose drift they are from before or since; "" for the error."""

    title: str
    cards: Sequence[Card]
    channel: str = ""


def of_stream(listed: Mapping[str, Any], servers: str, episodes: Mapping[str, str]) -> list[Group]:
    """Those of the newest episode, the most anomalous, and others.

    servers: of Kafka. episodes: their ids, the newest first, and when each began.
    """
    entries = listed["entries"]
    seen = {each["episode"] for each in entries}
    newest = next((id for id in episodes if id in seen), None)
    groups = []
    if newest is not None:
        groups = of_episode(listed, newest, servers, f" of {episodes[newest]}")
    for kind, title in (
        ("anomaly", "Most anomalous, of the last day"),
        ("normal", "Not anomalous, drawn by lot"),
    ):
        groups.append(Group(title, _cards((e for e in entries if e["kind"] == kind), servers)))
    return [group for group in groups if group.cards]


def of_episode(
    listed: Mapping[str, Any], episode: str, servers: str, when: str = ""
) -> list[Group]:
    """Those from before and after its onset, of the error and of each channel that moved.

    when: what the titles say of its time.
    """
    own = [each for each in listed["entries"] if each["episode"] == episode]
    groups = []
    for channel in dict.fromkeys(each["channel"] for each in own):
        for kind, title in (("before", "Before the drift"), ("after", "Since the drift")):
            found = (e for e in own if (e["channel"], e["kind"]) == (channel, kind))
            groups.append(Group(title + when, _cards(found, servers), channel or ""))
    return [group for group in groups if group.cards]


def at_a_glance(
    listed: Mapping[str, Any], episode: Mapping[str, Any], segments: Collection[str]
) -> list[tuple[str, Mapping[str, Any]]]:
    """A picture from before an episode and one since, each with its title; none if either lacks.

    segments: those that drift; one of theirs is taken if there is any, an anomalous one at need.
    """
    entries = [each for each in listed["entries"] if each["picture"]]
    own = [each for each in entries if each["episode"] == episode["id"] and not each["channel"]]
    onset = episode["onset"] or episode["fired_at"]
    odd = [each for each in entries if each["kind"] == "anomaly" and each["timestamp"] >= onset]
    odd = [each for each in odd if each["segment"] in segments]
    before = [each for each in own if each["kind"] == "before"]
    since = [each for each in own if each["kind"] == "after"] + odd
    since.sort(key=lambda each: each["segment"] not in segments)
    return [("Before", before[0]), ("Since", since[0])] if before and since else []


def repeats(listed: Mapping[str, Any], episode: str) -> bool:
    """Whether the records since its onset are the same one again and again, or nearly all are."""
    since = [
        f"{each['error']:.6g}"
        for each in listed["entries"]
        if (each["episode"], each["kind"]) == (episode, "after") and not each["channel"]
    ]
    most = max((since.count(error) for error in set(since)), default=0)
    return most >= FEWEST_REPEATS and most >= REPEATED_SHARE * len(since)


def _cards(entries: Iterable[Mapping[str, Any]], servers: str) -> list[Card]:
    """One for all records with the same error: the same record comes again and again at times."""
    alike: dict[str, list[Mapping[str, Any]]] = {}
    for entry in entries:
        alike.setdefault(f"{entry['error']:.6g}", []).append(entry)
    return [Card(same[0], len(same) - 1, _command(same[0], servers)) for same in alike.values()]


def _command(entry: Mapping[str, Any], servers: str) -> str:
    place = f"-p {entry['partition']} -o {entry['offset']} -c 1"
    return f"kcat -C -b {shlex.quote(servers)} -t {shlex.quote(entry['topic'])} {place}"
