"""What carries the error of one record: the types; `explaining` makes them.

A share is a part of the record's error, 0 to 1, rounded down to a ten-thousandth, so that shares
never add up to more than 1. Names and texts are one line, and at most LONGEST characters.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

LONGEST: Final = 200
"""Characters of a name or of a category's label."""
MOST: Final = 20
"""Features that are named of a record, at most."""
MODEL: Final = "model"
RATE: Final = "rate"
SHARES: Final = "shares"
LEFT_OUT: Final = (RATE, MODEL, SHARES)
"""Why there is no explanation.

rate: more anomalies came in a second than are explained. model: a wrapped scorer of others, which
says no more of a record than its error. shares: the errors of its parts are not finite.
"""

Value = float | bool | str | None
"""A number, true or false, or the label of a category; None where it is missing or not known."""


@dataclass(frozen=True, slots=True)
class FeatureShare:
    """What one feature, or one channel of a series, carries.

    value, expected: as it came, and as the model reconstructs it, in the unit of the data. Of a
    series: at worst_step, where the error is largest; steps: first and last of the shortest run of
    steps around it with half of the feature's error. Steps count from 0, the oldest.
    """

    feature: str
    share: float
    value: Value
    expected: Value
    steps: tuple[int, int] | None = None
    worst_step: int | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """Where in a picture the error is: the rectangle with most of the error for its size.

    left, top, width, height: in pixels of the picture that the model sees. share: of the error in
    it. area: its share of the picture's pixels; 1 for an error that is all over.
    """

    left: int
    top: int
    width: int
    height: int
    share: float
    area: float


@dataclass(frozen=True, slots=True)
class Explanation:
    """What carries a record's error.

    features: of vectors and series, the largest share first. place: of pictures. unplaced: shares
    that lie nowhere in the picture, by what they are of. rest: the share that is not told.
    """

    rest: float
    features: tuple[FeatureShare, ...] = ()
    place: Place | None = None
    unplaced: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LeftOut:
    """There is no explanation. reason: one of LEFT_OUT."""

    reason: str


Explained = Explanation | LeftOut
