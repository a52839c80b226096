"""Every command with its arguments and options; how the help groups them does not matter."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from monitor.cli import parser


def lines() -> Iterator[str]:
    yield from _command(parser(), "aead-monitor")


def _command(subject: argparse.ArgumentParser, name: str) -> Iterator[str]:
    """A command's own lines, then those of its subcommands in alphabetical order."""
    own = [action for action in subject._actions if not _nested(action)]
    yield name
    yield from (f"  {_argument(a)}" for a in own if not a.option_strings)
    yield from sorted(f"  {_option(a)}" for a in own if a.option_strings)
    for nested in filter(_nested, subject._actions):
        for word, inner in sorted((nested.choices or {}).items()):
            yield from _command(inner, f"{name} {word}")


def _nested(action: argparse.Action) -> bool:
    return isinstance(action, argparse._SubParsersAction)


def _argument(action: argparse.Action) -> str:
    return f"{action.metavar or action.dest}{_rules(action)}"


def _option(action: argparse.Action) -> str:
    names = ", ".join(action.option_strings)
    takes = "" if action.nargs == 0 else f" {action.metavar or (action.dest or '').upper()}"
    return f"{names}{takes}{_rules(action)}"


def _rules(action: argparse.Action) -> str:
    rules = [f"one of {', '.join(map(str, action.choices))}"] if action.choices else []
    rules += [f"nargs {action.nargs}"] if action.nargs not in (None, 0) else []
    rules += ["required"] if action.required and action.option_strings else []
    given = action.default not in (None, False, argparse.SUPPRESS)
    rules += [f"default {action.default}"] if given else []
    return f" ({'; '.join(rules)})" if rules else ""
