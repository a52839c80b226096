"""The README's commands and configurations, for tests to run word for word."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
OPERATORS = set("();<>|&")


@dataclass(frozen=True)
class Block:
    """Lines that are set apart. language: what a fence says; empty where lines are indented."""

    language: str
    text: str


def blocks(text: str = TEXT) -> list[Block]:
    """Everything that is set apart from the sentences, in order."""
    found = re.finditer(
        r"^```(?P<language>\w*)\n(?P<fenced>.*?)^```$|(?P<indented>(?:^(?: {4}|\t)[^\n]*\n)+)",
        text,
        flags=re.MULTILINE | re.DOTALL,
    )
    return [
        Block(part["language"] or "", part["fenced"] or re.sub(r"(?m)^( {4}|\t)", "", part[0]))
        for part in found
    ]


def commands(name: str) -> list[list[str]]:
    """The arguments of every indented line that starts with this command, in order."""
    lines = re.findall(rf"^    {name} (.+)$", TEXT, flags=re.MULTILINE)
    return [_arguments(line) for line in lines]


def _arguments(line: str) -> list[str]:
    """The words of the first command of a line: no comment, no redirection, nothing piped to."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    words = list(lexer)
    ends = [i for i, word in enumerate(words) if set(word) <= OPERATORS]
    return words[: ends[0]] if ends else words


def configurations() -> list[str]:
    """The YAML blocks, in order."""
    return [block.text for block in blocks() if block.language == "yaml"]
