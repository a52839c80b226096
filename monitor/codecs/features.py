"""From what a payload holds for a feature to the number in its row, as the model's schema says.

number      a number; text of one, if `numbers_as_text`
boolean     true or false, 1 or 0; text of one, if `numbers_as_text`
category    text, or a number or boolean by its text; any that training did not see is "other"
missing     null, NaN or no such key, where the schema allows it
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Final

from models.schema import Feature
from monitor.codecs.rows import kind
from monitor.errors import DecodeError

Read = Callable[[Any], float]
"""The number for a value; raises DecodeError that names the feature."""

_NUMBER: Final = re.compile(r"\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?\s*", re.A)
_LONGEST_TEXT: Final = 400
"""Characters of a number as text; float64 has at most 1 + 308 + 17."""
_TRUTH: Final[Mapping[str, float]] = MappingProxyType(
    {"true": 1.0, "false": 0.0, "1": 1.0, "0": 0.0}
)
_NAN: Final = math.nan


def reader(feature: Feature, numbers_as_text: bool = False) -> Read:
    """What reads the values of a feature."""
    if feature.kind == "category":
        return _category_reader(feature)
    read = _number if feature.kind == "number" else _boolean

    def of(value: Any) -> float:
        if _is_missing(value) or (numbers_as_text and isinstance(value, str) and not value.strip()):
            return missing(feature)
        return read(feature, value, numbers_as_text)

    return of


def missing(feature: Feature, there: str = "") -> float:
    """NaN; raises DecodeError if the feature may not be missing. there: what is there instead."""
    if not feature.missing:
        raise DecodeError("missing_value", f"no value for {feature.name!r:.80}{there}"[:300])
    return _NAN


def _is_missing(value: Any) -> bool:
    return value is None or (type(value) is float and math.isnan(value))


def _number(feature: Feature, value: Any, as_text: bool) -> float:
    if type(value) is float:
        return _checked(feature, value)
    if isinstance(value, Decimal):
        return _checked(feature, float(value))
    if type(value) is int:
        try:
            return float(value)
        except OverflowError:
            raise _non_finite(feature) from None
    if as_text and isinstance(value, str):
        if len(value) <= _LONGEST_TEXT and _NUMBER.fullmatch(value):
            return _checked(feature, float(value))
        raise DecodeError("wrong_dtype", f"{feature.name!r:.80}: no number, but {value!r:.40}")
    raise DecodeError("wrong_dtype", f"{feature.name!r:.80}: a number expected, got {_what(value)}")


def _what(value: Any) -> str:
    if not isinstance(value, str):
        return kind(value)
    looks = len(value) <= _LONGEST_TEXT and _NUMBER.fullmatch(value)
    return f"the text {value!r:.40}" + (": set codec.numbers_as_text: true" if looks else "")


def _checked(feature: Feature, number: float) -> float:
    if math.isinf(number):
        raise _non_finite(feature)
    return number


def _non_finite(feature: Feature) -> DecodeError:
    return DecodeError("non_finite", f"{feature.name!r:.80}: beyond the range of float64")


def _boolean(feature: Feature, value: Any, as_text: bool) -> float:
    if type(value) is bool or (type(value) in (int, float) and value in (0, 1)):
        return float(value)
    if as_text and isinstance(value, str):
        found = _TRUTH.get(value.strip().lower())
        if found is not None:
            return found
    raise DecodeError(
        "wrong_dtype", f"{feature.name!r:.80}: true or false expected, got {_what(value)}"
    )


def _category_reader(feature: Feature) -> Read:
    codes = {text: float(code) for code, text in enumerate(feature.categories)}
    other = float(len(feature.categories))

    def of(value: Any) -> float:
        if isinstance(value, str):
            return codes.get(value, other)
        if _is_missing(value):
            return missing(feature)
        if type(value) in (int, float, bool):
            return next((codes[text] for text in _texts(value) if text in codes), other)
        raise DecodeError(
            "wrong_dtype", f"{feature.name!r:.80}: a text expected, got {kind(value)}"
        )

    return of


def _texts(value: float | bool) -> tuple[str, ...]:
    """How a file may have written it: 3 and 3.0, true and True."""
    if isinstance(value, bool):
        return str(value).lower(), str(value), str(int(value))
    if isinstance(value, int):
        return (str(value), f"{value}.0") if abs(value) < 2**63 else ()
    if math.isinf(value):
        return ()
    return (repr(value), f"{value:.0f}") if value.is_integer() else (repr(value),)
