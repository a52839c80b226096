"""What the page says first: how it stands in one sentence, and what to do now."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from monitor.web.pages.gallery import NO_EVIDENCE, repeats


@dataclass(frozen=True, slots=True)
class Advice:
    """level: ok, learning, pending, firing or blind, which is its colour. headline: a few words.

    sentence: how it stands. steps: what to do, in order. runbook: name of its page, or "".
    """

    level: str
    headline: str
    sentence: str
    steps: tuple[str, ...]
    runbook: str = ""


_RUNBOOKS: Final = {
    "connection": "AeadMonitorKafkaDisconnected",
    "partitions": "AeadMonitorNoPartitions",
    "dead_letters": "AeadMonitorQuarantined",
    "fenced": "AeadMonitorNotReading",
    "output": "AeadMonitorPublishFailing",
    "state": "AeadMonitorSnapshotsFailing",
    "unreadable": "AeadMonitorNotReading",
    "schemas": "AeadMonitorNotReading",
    "stalled": "AeadMonitorScoringStalled",
    "starved": "AeadMonitorNotReading",
    "hangs": "AeadMonitorScoringStalled",
}
_STEPS: Final[Mapping[str, tuple[str, ...]]] = {
    "connection": (
        "Ask whether the brokers are up, and whether kafka.bootstrap_servers still names them.",
        "It goes on by itself when they answer; nothing is lost as long as the topic keeps it.",
    ),
    "partitions": (
        "Right after a start or a rebalance this takes seconds: wait a minute.",
        "If it stays, look whether the group has more members than the topic has partitions.",
    ),
    "dead_letters": (
        "See what is wrong with them: aead-monitor dead-letters list --config aead-monitor.yaml",
        "Put the producer or the codec right, then restart this daemon: it reads on from here.",
    ),
    "fenced": (
        "Give each daemon a kafka.instance of its own, then restart this one.",
        "Nothing is lost: the other one has its partitions.",
    ),
    "output": (
        "Look at the topic that is named above: does it exist, and may we write to it?",
        "Records wait and are judged when it takes events again.",
    ),
    "state": (
        "Make room in state.directory, or give it back: its disk is full, read-only or gone.",
        "Offsets are not committed until it can be written.",
    ),
    "unreadable": (
        "Bring back the broker that leads these partitions; the others are judged meanwhile.",
    ),
    "schemas": ("Bring the Schema Registry back, or put codec.registry right.",),
    "stalled": (
        "Look at the log's last lines, and at the brokers.",
        "If nothing there explains it, keep the log and restart this daemon.",
    ),
    "starved": (
        "Look at how fast the others go on: is an output slow, or is there much to catch up with?",
        "These records are judged when their turn comes; another member of the group helps.",
    ),
    "hangs": (
        "The log line 'the run loop hangs' says where every thread stands: keep it.",
        "Look at the disk of state.directory and at the brokers, then restart this daemon.",
    ),
}
_MEND: Final = (
    "If it is a fault, have it mended; the alert resolves by itself when records are as before."
)
_RETRAIN: Final = (
    "If the change is to stay, train a new model on records since then: aead-monitor retrain."
)
_ERROR_DRIFT: Final[tuple[str, ...]] = (
    "Ask what changed at the time that is given above: camera, sensor, preprocessing, product.",
    "Look at what moved, and at records from before and since.",
    _MEND,
    _RETRAIN,
)
_SMALLER: Final = (
    "Smaller errors usually mean that records hold less: blurred, dark, empty or frozen."
)
_AS_USUAL: Final = (
    "Errors are as usual again: if they stay so, the alert ends by itself. Find out what it was."
)
_REPEATED: Final = (
    "The records since then are one and the same: has something frozen, or is one sent again"
    " and again?"
)
_INPUT_DRIFT: Final[tuple[str, ...]] = (
    "Look at what moved: a stuck or exchanged sensor, another mix of products, a new supplier.",
    _MEND,
    _RETRAIN,
)
_CAN_WAIT: Final = (
    "The model still fits these inputs: if none looks broken, it can wait till morning."
)


_OF_SEGMENT: Final[tuple[str, ...]] = (
    "Look at what these segments are of: camera, line or machine; the table below has how far.",
    "If many have drifted at once, ask what they share.",
    _MEND,
)
_OF_SILENCE: Final[tuple[str, ...]] = (
    "Ask whether their senders run, and reach the broker.",
    "If it was taken out of service, silence the alert of this segment.",
)
_NAMED: Final = 5
MEDIAN: Final = "; the median error "
"""What an explanation ends with."""


def advice(status: Mapping[str, Any]) -> Advice:
    """Of a status as `/api/status` has it; empty while the daemon starts."""
    drift = status.get("drift")
    if not drift:
        return Advice("learning", "starting", "The daemon is starting.", ("Wait a few seconds.",))
    if not status["ready"]:
        return _blind(status)
    return _of_drift(status, drift)


def _blind(status: Mapping[str, Any]) -> Advice:
    reasons = status.get("hindrances") or {}
    known = [reason for reason in _RUNBOOKS if reason in reasons]
    steps = tuple(step for reason in known for step in _STEPS[reason])
    return Advice(
        "blind",
        "not watching",
        f"Not every record is judged: {status['hindrance']}.",
        steps or ("Look at the daemon's log.",),
        _RUNBOOKS[known[0]] if known else "",
    )


def _of_drift(status: Mapping[str, Any], drift: Mapping[str, Any]) -> Advice:
    state, why = drift["state"], short(str(drift["explanation"]))
    if state == "firing":
        of_input = drift.get("drift_kind") == "input"
        runbook = "AeadMonitorInputDrift" if of_input else "AeadMonitorDriftFiring"
        return Advice(
            "firing",
            "inputs have drifted" if of_input else "drift",
            sentence(why),
            _of_input(status) if of_input else _back(why) + _begin(status) + _of_error(drift),
            runbook,
        )
    of_segments = _of_segments(status)
    if of_segments is not None:
        return of_segments
    if status.get("first_rows"):
        return Advice(
            "pending",
            "unlike the model",
            sentence(str(status["first_rows"])),
            ("Compare the codec, the units and the order of features with the training data.",),
        )
    if state == "pending":
        steps = ("Nothing yet: one suspicion in several passes by itself.",)
        return Advice("pending", "suspicion", sentence(why), steps)
    if state == "learning":
        steps = ("Nothing to do. Single anomalies are found already, drift is not yet.",)
        return Advice("learning", "learning", sentence(why), steps)
    return Advice("ok", "all well", sentence(why), ("Nothing to do.",))


def drifting(status: Mapping[str, Any]) -> list[str]:
    """Names of the segments that have drifted."""
    segments = (status.get("segments") or {}).get("segments", ())
    return _names([each for each in segments if each["state"] == "firing"])


def short(explanation: str) -> str:
    """An explanation without its channels, which have a table of their own."""
    head, named, rest = explanation.partition(": `")
    if not named:
        return explanation
    _, found, median = rest.rpartition(MEDIAN)
    return head + found + (median if found else "")


def features(channels: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Of channels that have moved the first one of each feature."""
    first: dict[str, Mapping[str, Any]] = {}
    for each in channels:
        first.setdefault(each["feature"] or each["channel"], each)
    return list(first.values())


def _of_input(status: Mapping[str, Any]) -> tuple[str, ...]:
    return (_begin(status) or (_CAN_WAIT,)) + _INPUT_DRIFT


def _begin(status: Mapping[str, Any]) -> tuple[str, ...]:
    """What says most, where anything does."""
    return _where(status) + _repeated(status)


def _back(why: str) -> tuple[str, ...]:
    """What is to be known first where a verdict says that errors are as usual now."""
    return (_AS_USUAL,) if why.rpartition(MEDIAN)[2].startswith("is now ") else ()


def _of_error(drift: Mapping[str, Any]) -> tuple[str, ...]:
    return ((_SMALLER,) if drift.get("direction") == "smaller" else ()) + _ERROR_DRIFT


def _repeated(status: Mapping[str, Any]) -> tuple[str, ...]:
    lasting = [each["id"] for each in status.get("episodes", ()) if not each["ended_at"]]
    listed = status.get("evidence", NO_EVIDENCE)
    return (_REPEATED,) if any(repeats(listed, each) for each in lasting) else ()


def _where(status: Mapping[str, Any]) -> tuple[str, ...]:
    """Which segments have drifted, where not all have."""
    segments = (status.get("segments") or {}).get("segments", ())
    firing = [each for each in segments if each["state"] == "firing"]
    if not firing or len(firing) == len(segments):
        return ()
    largest = max((each["ratio"]["value"] for each in firing if each["ratio"]), default=None)
    how = "" if largest is None else f", with errors up to {largest:.2g} times the usual"
    some = f"{_listed(_names(firing))}: only there, of {len(segments)}, drift is seen{how}"
    return (f"Begin with {some}.",)


def _of_segments(status: Mapping[str, Any]) -> Advice | None:
    """What there is to say of segments while the whole stream is well; None if nothing."""
    segments = (status.get("segments") or {}).get("segments", ())
    firing = [each for each in segments if each["state"] == "firing"]
    silent = [each for each in segments if each["silent_since"]]
    if firing:
        since = _since(each["since"] for each in firing)
        sentence = f"Drift in {_listed(_names(firing))}{since}; the whole stream has not drifted."
        return Advice(
            "firing", "drift of segments", sentence, _OF_SEGMENT, "AeadMonitorSegmentDrift"
        )
    if silent:
        since = _since(each["silent_since"] for each in silent)
        sentence = f"Nothing comes from {_listed(_names(silent))} any more{since}; others go on."
        return Advice("pending", "silence", sentence, _OF_SILENCE, "AeadMonitorSegmentSilent")
    return None


def _names(segments: Sequence[Mapping[str, Any]]) -> list[str]:
    return [str(each["name"]) for each in segments]


def _since(moments: Iterable[str | None]) -> str:
    """The first of some, in ISO 8601, as a part of a sentence; nothing if none is known."""
    known = sorted(each for each in moments if each)
    return f" since {known[0][:19].replace('T', ' ')} UTC" if known else ""


def _listed(names: Sequence[str]) -> str:
    some = ", ".join(names[:_NAMED])
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f"{'segment' if len(names) == 1 else 'segments'} {some}{more}"


def sentence(text: str) -> str:
    """With a capital and a full stop."""
    text = text.strip() or "the stream is like the model's training data"
    return text[0].upper() + text[1:] + ("" if text.endswith((".", "!", "?")) else ".")
