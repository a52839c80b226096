"""A figure of many small drawings, whose places are given in inches.

Solving for a layout takes longer than drawing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure

GAP: Final = 0.07
HEADING: Final = 0.3
_TITLE_LINE: Final = 0.13
_LONGEST_LINE: Final = 34


class Sheet:
    """A figure on which places are given in inches from the left and from the top."""

    def __init__(self, width: float, height: float, heading: str) -> None:
        self._width, self._height = width, height
        self.figure = Figure((width, height))
        y = 1 - HEADING / 2 / height
        self.figure.text(0.5, y, heading, fontsize=10, ha="center", va="center", parse_math=False)

    def axes(self, left: float, top: float, width: float, height: float) -> Axes:
        """New axes at a place."""
        bottom = self._height - top - height
        return self.figure.add_axes(
            (left / self._width, bottom / self._height, width / self._width, height / self._height)
        )


def room_above(titles: Sequence[str]) -> float:
    """Room for the longest title over a record."""
    return _TITLE_LINE * (1 + max(title.count("\n") for title in titles)) + 0.07


def shortened(name: str) -> str:
    """Long lines lose their middle: both ends of a file's name tell records apart."""
    lines = []
    for line in name.split("\n"):
        excess = len(line) - _LONGEST_LINE
        half = _LONGEST_LINE // 2
        lines.append(line if excess <= 0 else f"{line[:half]}…{line[-half + 1 :]}")
    return "\n".join(lines)
