"""The words of a change: what they may be, and what is done then.

    FEATURE + X sd    FEATURE - X sd    FEATURE + X    FEATURE - X    FEATURE * X
    FEATURE noise X sd    FEATURE stuck    FEATURE stuck at VALUE    FEATURE missing
    brightness + X%    contrast * X    blur X    shift X Y    dead patch WxH        of pictures
    N% of FILE    N% of FILE where KEY=VALUE

A name is what stands before the first words that fit; one that holds such words is quoted, with
' or ". sd is the standard deviation of the feature in the training records, as the bundle knows it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Final

from models.input_spec import InputSpec
from models.schema import OTHER, Feature
from monitor.datasets.table import listed, nearest
from monitor.pipeline.changes import features, pictures
from monitor.pipeline.changes.change import Begin, Change, Records, refused
from monitor.pipeline.changes.features import Place
from monitor.pipeline.changes.mixed import mixed

Read = Callable[[str, str | None], Records]
"""Reads records (n, *record_shape) of a file, those that KEY=VALUE chooses."""

LONGEST: Final = 1000
OF_FEATURES: Final = (
    "FEATURE + X sd, FEATURE - X sd, FEATURE + X, FEATURE - X, FEATURE * X, FEATURE noise X sd,"
    " FEATURE stuck, FEATURE stuck at VALUE, FEATURE missing, N% of FILE"
)
OF_PICTURES: Final = (
    "brightness + X%, brightness - X%, contrast * X, blur X, shift X Y (pixels right and down),"
    " dead patch WxH, N% of FILE"
)
_X: Final = r"(?P<x>(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)"
_QUOTED: Final = r"\"(?P<double>[^\"]+)\"|'(?P<single>[^']+)'"
_NAME: Final = rf"(?:{_QUOTED}|(?P<bare>[^\"'\s].*?))"
_FILE: Final = re.compile(rf"{_X}\s*%\s+of\s+{_NAME}(?:\s+where\s+(?P<where>\S+))?")
_FEATURE: Final = {
    "shift": re.compile(rf"{_NAME}\s+(?P<sign>[+-])\s*{_X}(?P<sd>\s*sd)?"),
    "factor": re.compile(rf"{_NAME}\s+\*\s*(?P<sign>-?){_X}"),
    "noise": re.compile(rf"{_NAME}\s+noise\s+{_X}\s*sd"),
    "stuck": re.compile(rf"{_NAME}\s+stuck(?:\s+at\s+(?P<value>.+))?"),
    "missing": re.compile(rf"{_NAME}\s+missing"),
}
_PICTURE: Final = {
    "brightness": re.compile(rf"brightness\s+(?P<sign>[+-])\s*{_X}\s*%"),
    "contrast": re.compile(rf"contrast\s+\*\s*{_X}"),
    "blur": re.compile(rf"blur\s+{_X}"),
    "shift": re.compile(r"shift\s+(?P<right>[+-]?[0-9]{1,5})\s+(?P<down>[+-]?[0-9]{1,5})"),
    "patch": re.compile(
        r"dead\s+patch\s+(?P<width>[1-9][0-9]{0,4})[xX×](?P<height>[1-9][0-9]{0,4})"
    ),
}


def parse(text: str, spec: InputSpec, read: Read) -> Change:
    """The change that words name, of records of this spec; raises UserError if they name none."""
    words = text.strip()
    if len(words) > LONGEST:
        raise refused(words, f"longer than {LONGEST} characters")
    match = _FILE.fullmatch(words)
    if match is not None:
        return Change(words, frozenset(), _of_file(words, match, read))
    if spec.is_image:
        return Change(words, frozenset(), _of_picture(words, spec))
    return _of_feature(words, spec)


def _of_file(words: str, match: re.Match[str], read: Read) -> Begin:
    share = _number(words, match) / 100
    if not 0 < share <= 1:
        raise refused(words, "the share must be above 0% and at most 100%")
    return mixed(share, read(_name(match), match["where"]))


def _of_feature(words: str, spec: InputSpec) -> Change:
    matches = {kind: pattern.fullmatch(words) for kind, pattern in _FEATURE.items()}
    found = [(_name(match), kind, match) for kind, match in matches.items() if match is not None]
    if not found:
        raise refused(words, f"not understood. Possible are: {OF_FEATURES}")
    known = features.places(spec)
    # "flow * -2" is also "flow *", less 2: what is a feature's name decides, else the shorter one.
    name, kind, match = min(found, key=lambda each: (each[0] not in known, len(each[0])))
    if name not in known:
        raise refused(words, _unknown(name, tuple(known)))
    place = known[name]
    return Change(words, frozenset(place.feature.columns), _MADE[kind](words, match, place))


def _unknown(name: str, known: tuple[str, ...]) -> str:
    near = nearest(name, known)
    meant = f"Did you mean {near[0]!r}? " if near else ""
    return f"the model has no feature {name!r:.80}. {meant}It has {listed(known)}"


def _shift(words: str, match: re.Match[str], place: Place) -> Begin:
    amount = _changing(words, _number(words, match), 0.0)
    if match["sd"]:
        amount *= _deviation(words, place)
    return features.shifted(_of_numbers(words, place), -amount if match["sign"] == "-" else amount)


def _factor(words: str, match: re.Match[str], place: Place) -> Begin:
    factor = _number(words, match) * (-1 if match["sign"] else 1)
    return features.multiplied(_of_numbers(words, place), _changing(words, factor, 1.0))


def _noise(words: str, match: re.Match[str], place: Place) -> Begin:
    size = _changing(words, _number(words, match), 0.0)
    return features.noisy(_of_numbers(words, place), size * _deviation(words, place))


def _stuck(words: str, match: re.Match[str], place: Place) -> Begin:
    text = match["value"]
    if text is None:
        return features.stuck(place)
    value = features.code(place.feature, text.strip("\"'"))
    if value is None or not math.isfinite(value):
        raise refused(
            words, f"{place.feature.name!r} is never {text:.80}: {_values(place.feature)}"
        )
    return features.stuck_at(place, value)


def _missing(words: str, match: re.Match[str], place: Place) -> Begin:
    if not place.feature.missing:
        raise refused(
            words,
            f"the model knows {place.feature.name!r} as never missing: such records are dead"
            " letters. Train with --missing indicate and records that lack it",
        )
    return features.missing(place)


_MADE: Final[dict[str, Callable[[str, re.Match[str], Place], Begin]]] = {
    "shift": _shift, "factor": _factor, "noise": _noise, "stuck": _stuck, "missing": _missing,
}  # fmt: skip


def _values(feature: Feature) -> str:
    if feature.kind == "category":
        return f"it has {listed((*feature.categories, OTHER))}, the last for values never seen"
    return "it is true or false" if feature.kind == "boolean" else "it is a number"


def _of_numbers(words: str, place: Place) -> Place:
    if place.feature.kind != "number":
        raise refused(
            words,
            f"{place.feature.name!r} is a {place.feature.kind}, not a number. Possible are: FEATURE"
            " stuck, FEATURE stuck at VALUE, FEATURE missing",
        )
    return place


def _deviation(words: str, place: Place) -> float:
    _of_numbers(words, place)
    if place.deviation is None:
        raise refused(
            words,
            f"{place.feature.name!r} did not vary in the training records: it has no standard"
            " deviation. Say it in its own unit, as FEATURE + X",
        )
    return place.deviation


def _of_picture(words: str, spec: InputSpec) -> Begin:
    for kind, pattern in _PICTURE.items():
        match = pattern.fullmatch(words)
        if match is not None:
            return _PICTURED[kind](words, match, spec)
    raise refused(words, f"not understood. Possible for pictures are: {OF_PICTURES}")


def _brightness(words: str, match: re.Match[str], spec: InputSpec) -> Begin:
    share = _changing(words, _number(words, match) / 100, 0.0)
    return pictures.brighter(spec, -share if match["sign"] == "-" else share)


def _contrast(words: str, match: re.Match[str], spec: InputSpec) -> Begin:
    return pictures.contrasted(spec, _changing(words, _number(words, match), 1.0))


def _blur(words: str, match: re.Match[str], spec: InputSpec) -> Begin:
    sigma, most = _changing(words, _number(words, match), 0.0), max(_size(spec))
    if sigma > most:
        raise refused(words, f"a blur of more than {most} pixels leaves nothing of such pictures")
    return pictures.blurred(spec, sigma)


def _moved(words: str, match: re.Match[str], spec: InputSpec) -> Begin:
    right, down = int(match["right"]), int(match["down"])
    _changing(words, abs(right) + abs(down), 0)
    height, width = _size(spec)
    if abs(right) >= width or abs(down) >= height:
        raise refused(words, f"the pictures are {width}x{height}: nothing would be left of them")
    return pictures.moved(spec, right, down)


def _patch(words: str, match: re.Match[str], spec: InputSpec) -> Begin:
    (height, width), wide, high = _size(spec), int(match["width"]), int(match["height"])
    if wide > width or high > height:
        raise refused(words, f"the pictures are {width}x{height}: it must fit into them")
    return pictures.patched(spec, wide, high)


_PICTURED: Final[dict[str, Callable[[str, re.Match[str], InputSpec], Begin]]] = {
    "brightness": _brightness, "contrast": _contrast, "blur": _blur, "shift": _moved,
    "patch": _patch,
}  # fmt: skip


def _size(spec: InputSpec) -> tuple[int, int]:
    return spec.shape[1], spec.shape[2]


def _name(match: re.Match[str]) -> str:
    return next(match[key] for key in ("double", "single", "bare") if match[key] is not None)


def _number(words: str, match: re.Match[str]) -> float:
    value = float(match["x"])
    if not math.isfinite(value):
        raise refused(words, f"{match['x']:.40} is too large for a number")
    return value


def _changing(words: str, value: float, without: float) -> float:
    if value == without:
        raise refused(words, "this changes nothing. The run without change is always done")
    return value
