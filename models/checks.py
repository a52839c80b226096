"""Checks of the JSON values that describe an architecture.

They come from the command line or from a bundle that somebody sent: each is bounded before
memory is allocated for what it describes.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final

MAX_LAYERS: Final = 32
MAX_WIDTH: Final = 1 << 16


def known(settings: Mapping[str, Any], names: Collection[str]) -> None:
    """Raise ValueError if there is a setting of another name."""
    for name in settings:
        if name not in names:
            raise ValueError(f"unknown setting {name!r}; known are {', '.join(sorted(names))}")


def without(settings: Mapping[str, Any], own: Collection[str]) -> dict[str, Any]:
    """The settings that are left for whom an architecture is based on."""
    return {name: value for name, value in settings.items() if name not in own}


def widths(name: str, value: object, most_layers: int = MAX_LAYERS) -> list[int]:
    """Return a list of 1 to `most_layers` layer widths, each from 1 to MAX_WIDTH."""
    if not isinstance(value, (list, tuple)) or not 1 <= len(value) <= most_layers:
        raise ValueError(f"{name} must be a list of 1 to {most_layers} widths, got {value!r:.80}")
    return [width(name, each) for each in value]


def width(name: str, value: object) -> int:
    """Return a layer width from 1 to MAX_WIDTH."""
    if type(value) is not int or not 1 <= value <= MAX_WIDTH:
        raise ValueError(f"{name} must be a whole number from 1 to {MAX_WIDTH}, got {value!r:.80}")
    return value


def share(name: str, value: object) -> float:
    """Return a number in [0, 1)."""
    if type(value) not in (int, float) or not 0 <= float(str(value)) < 1:
        raise ValueError(f"{name} must be a number from 0 to below 1, got {value!r:.80}")
    return float(str(value))


def choice(name: str, value: object, choices: Collection[str]) -> str:
    """Return a value that is one of the choices."""
    if not isinstance(value, str) or value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(choices)}, got {value!r:.80}")
    return value


def number(name: str, value: object, most: float) -> float:
    """Return a number from 0 to `most`."""
    if type(value) not in (int, float) or not 0 <= float(str(value)) <= most:
        raise ValueError(f"{name} must be a number from 0 to {most:g}, got {value!r:.80}")
    return float(str(value))
