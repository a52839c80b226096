"""The help of `aead-monitor` itself, which lists the commands by what they are for."""

from __future__ import annotations

import argparse

from monitor.commands import GROUPS, name_of


class GroupedHelp(argparse.RawDescriptionHelpFormatter):
    """argparse's own formatter, with a heading above each group of commands."""

    def _format_action(self, action: argparse.Action) -> str:
        """An option as usual; for the action that holds the commands, all groups."""
        if not isinstance(action, argparse._SubParsersAction):
            return super()._format_action(action)
        lines = {line.dest: line for line in action._get_subactions()}
        parts: list[str] = []
        for title, commands in GROUPS.items():
            parts.append(f"{' ' * self._current_indent}{title}\n")
            self._indent()
            parts += [self._format_action(lines[name_of(command)]) for command in commands]
            self._dedent()
        return "".join(parts)
