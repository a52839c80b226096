"""Text that comes from elsewhere, as one line."""

from __future__ import annotations

from collections.abc import Callable


def one_line(text: object) -> str:
    """What `str` makes of it, with all white space folded into single spaces."""
    return " ".join(str(text).split())


def question_mark(character: str) -> str:
    """What stands for a character that cannot be printed."""
    return "?"


def escaped(character: str) -> str:
    """A character that cannot be printed, as an escape such as \\x1b."""
    return f"\\x{ord(character):02x}"


def printable_line(text: str, longest: int, shown: Callable[[str], str] = question_mark) -> str:
    """One line without control characters, which could play tricks on a terminal.

    longest: characters; a longer line is cut, and ends in three dots. shown: what stands for a
    character that cannot be printed.
    """
    line = "".join(c if c.isprintable() else shown(c) for c in one_line(text))
    return line if len(line) <= longest else f"{line[: longest - 3]}..."


def for_terminal(text: str) -> str:
    """The text with its lines and tabs; other control characters as escapes such as \\x1b."""
    return "".join(
        c if c.isprintable() or c in "\n\t" else c.encode("unicode_escape").decode() for c in text
    )
