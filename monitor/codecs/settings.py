"""What a codec is told when it is built."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from models.schema import Schema

from monitor.codecs.schemas import Schemas


def _say_nothing(text: str) -> None:
    """Nobody listens."""


def _no_names() -> Schema:
    """The command line reads this file: the schema's library is loaded when it is needed."""
    from models.schema import Schema

    return Schema()


@dataclass(frozen=True, slots=True)
class CodecSettings:
    """Plain values; a codec reads those that concern it.

    record_shape: shape of one row. dtype: numpy name of one number's type. byte_order: little
    or big. field: path to the list or object inside an object, such as payload.values; None for
    the whole document. max_pixels: larger pictures are refused before decoding. resized: pictures
    of other sizes are brought to that of the record, as those that the model learned. max_rows:
    payloads that claim more rows may be refused before decoding. rows: one or many, of payloads
    that do not say how many they hold. features: the model's, by name; none if they have no
    names. numbers_as_text: "21.5" is a number. by_position: lists are taken though the features
    have names. refuse_extra: keys that are no feature are refused. beside: keys that are no feature
    and neither refused nor worth a word. say: told what people should
    know and a record cannot tell. schemas: where those are that payloads name by id, or None.
    schema_text: the schema of payloads that name none. descriptor: a compiled descriptor set, and
    message: which of its messages a payload is.
    """

    record_shape: tuple[int, ...]
    dtype: str = "float32"
    byte_order: str = "little"
    field: str | None = None
    max_pixels: int = 2**24
    resized: bool = False
    max_rows: int = 4096
    rows: str = "one"
    features: Schema = dataclasses.field(default_factory=_no_names)
    numbers_as_text: bool = False
    by_position: bool = False
    refuse_extra: bool = False
    beside: tuple[str, ...] = ()
    schemas: Schemas | None = None
    schema_text: str | None = None
    descriptor: bytes | None = None
    message: str | None = None
    say: Callable[[str], None] = _say_nothing
