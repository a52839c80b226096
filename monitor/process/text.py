"""Text that comes from elsewhere, as one line."""

from __future__ import annotations

from collections.abc import Callable
from unicodedata import category


def one_line(text: object) -> str:
    """What `str` makes of it, with all white space folded into single spaces."""
    return " ".join(str(text).split())


def question_mark(character: str) -> str:
    """What stands for a character that cannot be printed."""
    return "?"


def escaped(character: str) -> str:
    """A character that cannot be printed, as an escape such as \\x1b or \\u202e."""
    return character.encode("unicode_escape").decode()


def printable_line(text: str, longest: int, shown: Callable[[str], str] = question_mark) -> str:
    """One line without control characters, which could play tricks on a terminal.

    longest: characters; a longer line is cut, and ends in three dots. shown: what stands for a
    character that cannot be printed.
    """
    line = "".join(c if c.isprintable() else shown(c) for c in one_line(text))
    return line if len(line) <= longest else f"{line[: longest - 3]}..."


def visible(text: str, kept: str = "") -> str:
    """The text without characters that hide, or turn what stands beside them: escapes instead.

    Control and format characters (right-to-left marks among them), unassigned ones and separators
    of lines. kept: what is left as it is.
    """
    if text.isprintable():
        return text
    return "".join(
        c if c.isprintable() or c in kept or category(c) == "Zs" else escaped(c) for c in text
    )


def for_terminal(text: str) -> str:
    """The text with its lines and tabs, and otherwise `visible`."""
    return visible(text, "\n\t")
