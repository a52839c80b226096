"""What codecs check of what they were sent: size, shape, nesting and types."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from monitor.errors import DecodeError


def check_size(claimed: int, there: int) -> None:
    """Raise DecodeError, undecodable, unless as many bytes of data are there as are claimed.

    To be called before anything is allocated: a header may claim any size.
    """
    if claimed != there:
        message = f"the header claims {claimed} bytes of data, there are {there}"
        raise DecodeError("undecodable", message[:300])


CHANNELS: Final = (3, 4)


def check_shape(shape: tuple[int, ...], record_shape: tuple[int, ...], many: bool = False) -> None:
    """Pass the shape of one row, or of one or more rows in a leading dimension.

    Three or four rows of two dimensions are refused unless `many`: they look like one picture.

    Raises DecodeError, empty or wrong_shape, for any other. After this, the array may be
    brought to (n, *record_shape), n >= 1.
    """
    if 0 in shape:
        raise DecodeError("empty", f"an array of shape {shape} holds no numbers"[:300])
    if record_shape not in (shape, shape[1:]):
        raise DecodeError("wrong_shape", f"shape {record_shape} expected, got {shape}"[:300])
    if not many and shape != record_shape and like_picture(shape[0], record_shape):
        raise DecodeError(
            "wrong_shape",
            f"shape {shape}: one picture of {shape[0]} channels, of which the model takes one, or"
            f" {shape[0]} rows: set codec.rows: many"[:300],
        )


def like_picture(rows: int, record_shape: tuple[int, ...]) -> bool:
    """Whether so many rows may be one picture, its channels first."""
    return len(record_shape) == 2 and rows in CHANNELS


def as_rows(numbers: Any, record_shape: tuple[int, ...], many: bool = False) -> NDArray[np.float64]:
    """Rows (n, *record_shape) of nested lists of numbers; raises DecodeError if they are none.

    All is checked before numpy sees it: it would take true for 1, null for NaN and "2" for 2,
    and if asked to keep strings it would make as much room for each as the longest needs.
    """
    if not isinstance(numbers, list):
        raise DecodeError("undecodable", f"a list expected, got {kind(numbers)}")
    shape = claimed_shape(numbers)
    check_shape(shape, record_shape, many)
    try:
        array = np.array(flat(numbers, shape), dtype=np.float64)
    except OverflowError:
        raise DecodeError("non_finite", "a number is beyond the range of float64") from None
    return array.reshape(-1, *record_shape)


def claimed_shape(numbers: list[Any]) -> tuple[int, ...]:
    """Length of the first list at each depth, which the others there should have too.

    It is looked at before anything else: most of what cannot be rows need not be gone through.
    """
    lengths = []
    item: Any = numbers
    while isinstance(item, list):
        lengths.append(len(item))
        item = item[0] if item else None
    return tuple(lengths)


def flat(numbers: list[Any], shape: tuple[int, ...]) -> list[Any]:
    """The numbers in one list; raises DecodeError unless they are numbers, nested as claimed."""
    level = numbers
    for size in shape[1:]:
        check_kinds(level, {list})
        if set(map(len, level)) != {size}:
            raise DecodeError("wrong_shape", "lists of unequal length")
        level = list(chain.from_iterable(level))
    check_kinds(level, {int, float})
    return level


def check_kinds(level: list[Any], wanted: set[type]) -> None:
    """Raise DecodeError unless all items at a depth are of the wanted types."""
    kinds = set(map(type, level))
    strange = kinds - {int, float, list}
    if strange:
        found = next(item for item in level if type(item) in strange)
        raise DecodeError("wrong_dtype", f"numbers expected, got {kind(found)}")
    if not kinds <= wanted:
        raise DecodeError("wrong_shape", "numbers and lists side by side")


def kind(value: object) -> str:
    """What messages call a value."""
    kinds: dict[type, str] = {
        dict: "an object",
        str: "a string",
        bool: "true or false",
        type(None): "null",
        int: "a number",
        float: "a number",
        list: "a list",
    }
    return kinds.get(type(value), type(value).__name__)


@contextmanager
def collector_paused() -> Iterator[None]:
    """For parsing: what is parsed has no cycles, but the garbage collector would look for them.

    It goes through a million lists again and again while they are made, and takes five times as
    long as making them.
    """
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()
