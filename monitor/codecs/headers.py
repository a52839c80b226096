"""Headers of a record that say how its payload is written.

They are looked at only where a record has any, and only for a codec that heeds one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Protocol, runtime_checkable

from monitor.codecs import Codec

DTYPE: Final = "aead-dtype"
"""Type and byte order of the numbers, as numpy writes it: <f4, >i2, |u1."""

Pairs = Sequence[tuple[str, bytes | None]]
"""Headers of one record."""


@runtime_checkable
class HeedsHeader(Protocol):
    """A codec for which a header may say something else than the configuration.

    header: its name; empty if there is none after all.
    """

    header: str

    def as_told(self, text: bytes) -> Codec:
        """The codec for payloads with this header. Raises DecodeError, undecodable."""

    def told(self) -> bytes:
        """What the header of its own payloads says."""


def headers_of(codec: Codec) -> list[tuple[str, bytes]]:
    """The headers that a producer sends with the payloads of a codec."""
    if isinstance(codec, HeedsHeader) and codec.header:
        return [(codec.header, codec.told())]
    return []


def header_of(codec: Codec) -> str:
    """The header that a codec heeds, or nothing."""
    return codec.header if isinstance(codec, HeedsHeader) else ""


def found(name: str, headers: Any) -> bytes | None:
    """What the last header of a name holds; None if there is none. headers: as they came."""
    told = None
    for key, value in headers or ():
        if key == name:
            told = value
    return told
