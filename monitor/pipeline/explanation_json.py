"""An explanation as JSON values: in events, and in the file of `aead-monitor score`."""

from __future__ import annotations

from typing import Any

from models.explanation import Explained, Explanation, FeatureShare, LeftOut, Place


def explanation_json(explained: Explained, *, values: bool) -> dict[str, Any]:
    """docs/events.md tells the fields. values: also those that came and were expected."""
    if isinstance(explained, LeftOut):
        return {"left_out": explained.reason}
    if explained.place is not None:
        return {**_place(explained.place), **_unplaced(explained), "rest": explained.rest}
    features = [_feature(each, values=values) for each in explained.features]
    return {"features": features, "rest": explained.rest}


def _feature(each: FeatureShare, *, values: bool) -> dict[str, Any]:
    body: dict[str, Any] = {"feature": each.feature, "share": each.share}
    if each.steps is not None:
        body |= {"steps": list(each.steps), "worst_step": each.worst_step}
    return body | ({"value": each.value, "expected": each.expected} if values else {})


def _place(place: Place) -> dict[str, Any]:
    box = {"left": place.left, "top": place.top, "width": place.width, "height": place.height}
    return {"box": box, "share": place.share, "area": place.area}


def _unplaced(explained: Explanation) -> dict[str, Any]:
    return {"unplaced": dict(explained.unplaced)} if explained.unplaced else {}
