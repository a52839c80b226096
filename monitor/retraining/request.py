"""A request for a new model: what it says, and its JSON form (docs/schemas/retrain-request.json).

It names the records by their places in the topic and never repeats their contents. Its id comes
from the model, its version and the number of the request alone, so that every replica of the
daemon makes the same one, and a receiver that has seen it knows it again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from monitor.errors import DataError
from monitor.stream.json_values import estimate_json, isoformat, number_json
from monitor.stream.records import Estimate, Partition

KIND: Final = "retrain_request"
SCHEMA_VERSION: Final = 1
POLICIES: Final = ("suggest", "auto")


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of the stream.

    offsets: [first, next) of each partition. rows: rows judged in it. first_timestamp,
    last_timestamp: in milliseconds since the epoch.
    """

    offsets: Mapping[Partition, tuple[int, int]]
    rows: int
    first_timestamp: int
    last_timestamp: int


@dataclass(frozen=True, slots=True)
class Statistics:
    """The numbers behind it.

    statistic, threshold: evidence for drift and its limit, log10. direction: larger, smaller,
    narrower, wider or none. ratio: median error of the drifted stretch over the reference's.
    reference_median, current_median: reconstruction errors; the latter nan if not known. kind: of
    the drift, error or input, "" where the error alone is watched.
    """

    statistic: float
    threshold: float
    direction: str
    ratio: Estimate
    reference_median: float
    current_median: float
    kind: str = ""


@dataclass(frozen=True, slots=True)
class RetrainRequest:
    """A request for a new model.

    number: counts the requests for this version of the model, from 1. policy: suggest (a person
    decides) or auto. episode: id of the drift episode. timestamp: of the newest record counted.
    drifted: the stretch since the onset. good: the last stretch before it without drift, if any
    is known. links: name -> URL, from the configuration. segments: those that fire, too.
    """

    model: str
    model_version: str
    number: int
    policy: str
    episode: str
    reason: str
    timestamp: int
    statistics: Statistics
    drifted: Stretch
    good: Stretch | None
    links: Mapping[str, str] = field(default_factory=dict)
    segments: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """16 hex digits."""
        return request_id(self.model, self.model_version, self.number)


def request_id(model: str, version: str, number: int) -> str:
    """The id of the number-th request for a version of a model."""
    return hashlib.sha256(f"{model} {version} {number}".encode()).hexdigest()[:16]


def to_json(request: RetrainRequest) -> dict[str, Any]:
    """The request as JSON values; what is not known (nan) is null."""
    numbers = request.statistics
    return {
        "schema_version": SCHEMA_VERSION,
        "kind": KIND,
        "id": request.id,
        "model": request.model,
        "model_version": request.model_version,
        "number": request.number,
        "policy": request.policy,
        "episode": request.episode,
        "reason": request.reason,
        "timestamp": isoformat(request.timestamp),
        "statistics": {
            "statistic": numbers.statistic,
            "threshold": numbers.threshold,
            "direction": numbers.direction,
            "ratio": estimate_json(numbers.ratio),
            "reference_median": numbers.reference_median,
            "current_median": number_json(numbers.current_median),
            **({"drift_kind": numbers.kind} if numbers.kind else {}),
        },
        "drifted": _stretch_json(request.drifted),
        "good": None if request.good is None else _stretch_json(request.good),
        "links": dict(request.links),
        **({"segments": list(request.segments)} if request.segments else {}),
    }


def _stretch_json(stretch: Stretch) -> dict[str, Any]:
    return {
        "offsets": [
            {"topic": p.topic, "partition": p.number, "first": first, "next": after}
            for p, (first, after) in sorted(stretch.offsets.items())
        ],
        "rows": stretch.rows,
        "first_timestamp": isoformat(stretch.first_timestamp),
        "last_timestamp": isoformat(stretch.last_timestamp),
    }


def from_json(document: Any) -> RetrainRequest:
    """The request that `to_json` wrote. Raises DataError, which says what is wrong."""
    try:
        if document["kind"] != KIND or document["schema_version"] != SCHEMA_VERSION:
            raise ValueError(f"kind must be {KIND} and schema_version {SCHEMA_VERSION}")
        return _parsed(document)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        reason = f"{error.args[0]} is missing" if isinstance(error, KeyError) else str(error)
        raise DataError(f"this is not a retraining request: {reason}.") from error


def _parsed(document: Mapping[str, Any]) -> RetrainRequest:
    numbers, policy = document["statistics"], document["policy"]
    if policy not in POLICIES:
        raise ValueError(f"policy must be one of {', '.join(POLICIES)}")
    request = RetrainRequest(
        model=str(document["model"]),
        model_version=str(document["model_version"]),
        number=int(document["number"]),
        policy=policy,
        episode=str(document["episode"]),
        reason=str(document["reason"]),
        timestamp=_milliseconds(document["timestamp"]),
        statistics=Statistics(
            statistic=float(numbers["statistic"]),
            threshold=float(numbers["threshold"]),
            direction=str(numbers["direction"]),
            ratio=Estimate(*(_float(numbers["ratio"][k]) for k in ("value", "low", "high"))),
            reference_median=float(numbers["reference_median"]),
            current_median=_float(numbers["current_median"]),
            kind=str(numbers.get("drift_kind", "")),
        ),
        drifted=_stretch(document["drifted"]),
        good=None if document["good"] is None else _stretch(document["good"]),
        links={str(name): str(url) for name, url in document["links"].items()},
        segments=tuple(str(name) for name in document.get("segments", ())),
    )
    if document["id"] != request.id:
        raise ValueError("its id is not that of its model, version and number")
    return request


def _stretch(document: Mapping[str, Any]) -> Stretch:
    offsets = {
        Partition(str(item["topic"]), int(item["partition"])): (
            int(item["first"]),
            int(item["next"]),
        )
        for item in document["offsets"]
    }
    if any(first < 0 or after < first for first, after in offsets.values()):
        raise ValueError("an offset range must not end before it begins")
    return Stretch(
        offsets=offsets,
        rows=int(document["rows"]),
        first_timestamp=_milliseconds(document["first_timestamp"]),
        last_timestamp=_milliseconds(document["last_timestamp"]),
    )


def _milliseconds(text: str) -> int:
    if text.endswith("ms"):  # a wild timestamp: see events.isoformat
        return int(text.removesuffix("ms"))
    return round(datetime.fromisoformat(text).timestamp() * 1000)


def _float(value: float | None) -> float:
    return float("nan") if value is None else float(value)
