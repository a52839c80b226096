"""Codecs of others: packages that name them in the entry point group `aead_monitor.codecs`.

    [project.entry-points."aead_monitor.codecs"]
    NAME = "their.module:Class"

Installed packages are looked through only for a name that is not one of our own.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import EntryPoint, entry_points
from typing import Final

from monitor.codecs import CODECS, Codec, CodecSettings

GROUP: Final = "aead_monitor.codecs"


def names() -> tuple[str, ...]:
    """Of all codecs that are installed, our own first."""
    others = {point.name for point in entry_points(group=GROUP)} - set(CODECS)
    return (*CODECS, *sorted(others))


def is_known(name: str) -> bool:
    """Whether a codec has this name; whether it can be imported is another matter."""
    return name in CODECS or bool(entry_points(group=GROUP, name=name))


def builder(name: str) -> Callable[[CodecSettings], Codec]:
    """What builds a codec. Raises ValueError, one line, if it is not there or does not work."""
    if name in CODECS:
        return CODECS[name]
    found = sorted(entry_points(group=GROUP, name=name), key=lambda point: point.value)
    if not found:
        raise ValueError(f"no codec is called {name!r:.80}; there are {', '.join(names())}")
    if len(found) > 1:
        raise ValueError(f"{name} is named by {' and '.join(map(_place, found))}: remove one")
    try:
        built = found[0].load()
    except Exception as error:  # noqa: BLE001  # it runs the code of others
        text = f"{type(error).__name__}: {error}".splitlines()[0][:200]
        raise ValueError(f"{_place(found[0])} cannot be imported: {text}") from None
    return _checked(built, found[0])


def _checked(
    build: Callable[[CodecSettings], Codec], point: EntryPoint
) -> Callable[[CodecSettings], Codec]:
    def checked(settings: CodecSettings) -> Codec:
        codec = build(settings)
        for name in ("decode", "encode"):
            if not callable(getattr(codec, name, None)):
                raise ValueError(f"{_place(point)} makes no codec: it has no method {name}")
        return codec

    return checked


def _place(point: EntryPoint) -> str:
    package = "" if point.dist is None else f" of {point.dist.name}"
    return f"the plug-in {point.value}{package}"
