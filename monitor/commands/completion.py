"""`aead-monitor --print-completion`: a script that lets the shell complete commands and options.

Names of files and folders are completed where an argument is one. What an argument is, its
placeholder in the help says.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from typing import Any, Final

SHELLS: Final = ("bash", "zsh", "tcsh")
FILES: Final = {"FILE", "FILE.npy", "PATH", "DATA"}
"""Placeholders of arguments that name a file, or a folder as well."""
FOLDERS: Final = {"BUNDLE", "FOLDER"}
"""Placeholders of arguments that name a folder."""


class PrintCompletion(argparse.Action):
    """Prints the script for the parser that it belongs to, and ends."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> None:
        """values: the shell, one of SHELLS."""
        print(script(parser, str(values)))
        parser.exit()


def script(parser: argparse.ArgumentParser, shell: str) -> str:
    """The script that completes this parser's commands and options in a shell of SHELLS."""
    import shtab

    for action in actions(parser):
        if action.metavar in FILES:
            action.complete = shtab.FILE  # type: ignore[attr-defined]
        elif action.metavar in FOLDERS:
            action.complete = shtab.DIRECTORY  # type: ignore[attr-defined]
    return str(shtab.complete(parser, shell))


def actions(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    """Every argument and option of a parser, and of the parsers of its subcommands."""
    for action in parser._actions:
        yield action
        if isinstance(action, argparse._SubParsersAction):
            for below in action.choices.values():
                yield from actions(below)
