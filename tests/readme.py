"""The README's commands and configurations, for tests to run word for word."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")


def commands(name: str) -> list[list[str]]:
    """The arguments of every indented line that starts with this command, in order."""
    lines = re.findall(rf"^    {name} (.+)$", TEXT, flags=re.MULTILINE)
    return [shlex.split(line, comments=True) for line in lines]


def configurations() -> list[str]:
    """The YAML blocks, in order."""
    return re.findall(r"```yaml\n(.*?)```", TEXT, flags=re.DOTALL)
