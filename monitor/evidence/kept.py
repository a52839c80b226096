"""What is kept of one row, and how it reads as JSON: on disk, and for whoever asks.

What comes from a disk is checked: a wrong type, a number that is not finite or a text that is too
long raises ValueError, KeyError or TypeError.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from models.bundle_metadata import without_controls
from models.explanation import LONGEST
from monitor.pipeline.picks import KEY_LENGTH, Seen
from monitor.stream.json_values import isoformat, number_json

CONTENTS_BYTES: Final = 12 << 10
"""Of the JSON of a row's contents: more is left out."""
PICTURE_BYTES: Final = 128 << 10
"""Of a small picture."""
BASE_BYTES: Final = 2 << 10
"""What an entry without contents may take, roughly."""
MODEL_REPLACED: Final = "model_replaced"
RATE: Final = "rate"
SIZE: Final = "size"
FAILED: Final = "failed"
RESTART: Final = "restart"
WAITING: Final = "waiting"
TOPIC_LENGTH: Final = 249
SEGMENT_LENGTH: Final = 249


@dataclass(frozen=True, slots=True, eq=False)
class Contents:
    """What can be seen of a row.

    features, place: JSON values, or None. picture: PNG, or None. left_out: why there is nothing to
    see, or part of it is left out; None if all is there.
    """

    features: list[dict[str, Any]] | None = None
    place: dict[str, Any] | None = None
    picture: bytes | None = None
    left_out: str | None = None

    @property
    def size(self) -> int:
        """Bytes, as JSON and PNG."""
        return len(json.dumps([self.features, self.place])) + len(self.picture or b"")


@dataclass(slots=True, eq=False)
class Kept:
    """A row that is kept. contents: None while nobody has looked. calm: no drift was firing.

    size: bytes that it takes, but for the sample.
    """

    seen: Seen
    contents: Contents | None = None
    calm: bool = True
    size: int = BASE_BYTES

    def show(self, contents: Contents) -> None:
        """Somebody has looked, or nobody will: keep what there is to see, and not the row."""
        self.seen = replace(self.seen, sample=None)
        self.contents = contents
        self.size = BASE_BYTES + contents.size

    @property
    def left_out(self) -> str | None:
        """Why contents are not there, or not all."""
        return WAITING if self.contents is None else self.contents.left_out


def record_json(kept: Kept) -> dict[str, Any]:
    """As it is kept on disk. A picture is a file of its own."""
    seen, contents = kept.seen, kept.contents
    return {
        "model_version": seen.model_version,
        "topic": seen.topic,
        "partition": seen.partition,
        "offset": seen.offset,
        "row": seen.row,
        "timestamp": seen.timestamp,
        "arrival": seen.arrival,
        "key": seen.key,
        "segment": seen.segment,
        "error": number_json(seen.error),
        "p_value": number_json(seen.p_value),
        "threshold": number_json(seen.threshold),
        "calm": kept.calm,
        "features": None if contents is None else contents.features,
        "place": None if contents is None else contents.place,
        "picture": contents is not None and contents.picture is not None,
        "left_out": kept.left_out,
    }


def record_of(body: Mapping[str, Any], picture: bytes | None, *, contents: bool) -> Kept:
    """What `record_json` made. contents: whether they and the key may be kept on."""
    seen = Seen(
        model_version=text_of(body["model_version"], 128),
        topic=text_of(body["topic"], TOPIC_LENGTH),
        partition=whole_of(body["partition"]),
        offset=whole_of(body["offset"]),
        row=whole_of(body["row"]),
        timestamp=whole_of(body["timestamp"]),
        arrival=whole_of(body["arrival"]),
        key=text_of(body["key"], KEY_LENGTH) if contents and body["key"] is not None else None,
        segment=text_of(body.get("segment", ""), SEGMENT_LENGTH),  # none before there were any
        error=number_of(body["error"]),
        p_value=number_of(body["p_value"]),
        threshold=number_of(body["threshold"]),
    )
    kept = Kept(seen, calm=bool(body["calm"]))
    if not contents:
        kept.show(Contents())
        return kept
    left_out = None if body["left_out"] is None else text_of(body["left_out"], 32)
    lost = left_out == WAITING or (body["picture"] and picture is None)
    found = Contents(
        features=_features(body["features"]),
        place=None if body["place"] is None else dict(body["place"]),
        picture=picture if body["picture"] else None,
        left_out=RESTART if lost else left_out,
    )
    kept.show(found)
    if kept.size > BASE_BYTES + CONTENTS_BYTES + PICTURE_BYTES:
        raise ValueError("contents are too large")
    return kept


def shown_json(kept: Kept, id: str, kind: str, episode: str, channel: str) -> dict[str, Any]:
    """As `/api/evidence` tells it; docs/evidence.md explains the fields."""
    body, contents = record_json(kept), kept.contents
    picture = contents is not None and contents.picture is not None
    return {
        "id": id,
        "kind": kind,
        "episode": episode or None,
        "channel": without_controls(channel)[:LONGEST] or None,
        "model_version": body["model_version"],
        **{name: body[name] for name in ("topic", "partition", "offset", "row")},
        "timestamp": isoformat(kept.seen.timestamp),
        "segment": body["segment"] or None,
        **{name: body[name] for name in ("key", "error", "threshold", "p_value")},
        **{name: body[name] for name in ("features", "place")},
        "picture": f"api/evidence/{id}.png" if picture else None,
        "left_out": body["left_out"],
    }


def _features(found: Any) -> list[dict[str, Any]] | None:
    if found is None:
        return None
    if not isinstance(found, list):
        raise TypeError("features must be a list")
    return [dict(each) for each in found]


def whole_of(value: Any) -> int:
    """A whole number of 64 bits."""
    if type(value) is not int or not -(2**63) <= value < 2**63:
        raise ValueError(f"must be a whole number, got {type(value).__name__}")
    return value


def number_of(value: Any) -> float:
    """A finite number."""
    if type(value) not in (int, float) or not math.isfinite(value):
        raise ValueError(f"must be a finite number, got {type(value).__name__}")
    return float(value)


def text_of(value: Any, longest: int) -> str:
    """A text of so many characters at most."""
    if not isinstance(value, str) or len(value) > longest:
        raise ValueError(f"must be a text of {longest} characters at most")
    return value
