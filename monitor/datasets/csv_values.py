"""What single cells of a CSV file can be, judged by their text alone."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from monitor.datasets.cells import INFINITE, MISSING, NUMBER, TRUTH

_POINT: Final = re.compile(NUMBER)
_COMMA: Final = re.compile(r"^[+-]?([0-9]+,[0-9]*|,[0-9]+)([eE][+-]?[0-9]+)?$")
_THOUSANDS: Final = re.compile(r"^[+-]?[0-9]{1,3}(,[0-9]{3})+$")
_MARKS: Final = re.compile(
    r"^[+-]?[0-9]{1,3}(?P<mark>[.,' ])[0-9]{3}((?P=mark)[0-9]{3})*([.,][0-9]+)?$"
)
_UNIT: Final = re.compile(r"^[+-]?[0-9][0-9.,]*\s?(?P<unit>[%$€£°µ/A-Za-z²³]{1,8})$")
_WHOLE: Final = re.compile(r"^[+-]?[0-9]+$")
_INFINITE: Final = re.compile(INFINITE)


def is_missing(cell: str) -> bool:
    """Whether it says that there is no value."""
    return cell.lower() in MISSING


def is_number(cell: str, decimal: str | None = None) -> bool:
    """Whether it is a number. decimal: a point or a comma; None for either."""
    if decimal != "," and (_POINT.match(cell) or _INFINITE.match(cell)):
        return True
    return decimal != "." and bool(_COMMA.match(cell) or _WHOLE.match(cell))


def is_whole(cell: str) -> bool:
    """Whether it is a whole number."""
    return bool(_WHOLE.match(cell))


def is_unsigned(cell: str) -> bool:
    """Whether it is digits alone."""
    return cell.isascii() and cell.isdigit()


def is_word(cell: str, decimal: str | None = None) -> bool:
    """Whether it is text that is neither a number, nor missing, nor true or false."""
    return not (is_missing(cell) or is_number(cell, decimal) or cell.lower() in TRUTH)


def are_marked(cells: Iterable[str]) -> bool:
    """Whether all texts are numbers with one unit, such as 5 kg, or with marks of thousands."""
    known = list(cells)
    if all(_MARKS.match(cell) for cell in known):
        return True
    units = {match and match["unit"] for match in map(_UNIT.match, known)}
    return len(units) == 1 and None not in units


def commas(cells: Iterable[str]) -> tuple[int, int]:
    """How many cells are numbers with a decimal comma, and in how many of these the comma may as
    well part thousands."""
    with_comma = [cell for cell in cells if _COMMA.match(cell) or _THOUSANDS.match(cell)]
    return len(with_comma), sum(bool(_THOUSANDS.match(cell)) for cell in with_comma)
