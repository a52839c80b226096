"""Reads a Dockerfile: its stages, and the instructions of each, in order."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
DOCKERFILE: Final = ROOT / "deploy" / "Dockerfile"


@dataclass(frozen=True)
class Instruction:
    """One instruction. options: its `--name=value` words; value: the rest, as it stands."""

    keyword: str
    options: dict[str, str]
    value: str

    @property
    def words(self) -> list[str]:
        """The value as a list: a JSON array's items, or what blanks separate."""
        if self.value.startswith("["):
            return [str(word) for word in json.loads(self.value)]
        return self.value.split()


@dataclass(frozen=True)
class Stage:
    """What one FROM begins. base: an image, or the name of an earlier stage."""

    name: str
    base: str
    steps: list[Instruction] = field(default_factory=list)

    def last(self, keyword: str) -> Instruction | None:
        """The instruction that counts where the last of a kind does."""
        found = [step for step in self.steps if step.keyword == keyword]
        return found[-1] if found else None


def read(path: Path = DOCKERFILE) -> dict[str, Stage]:
    """The stages by name, in order. Raises ValueError for what this reader does not know."""
    stages: dict[str, Stage] = {}
    current: Stage | None = None
    for instruction in _instructions(path.read_text(encoding="utf-8")):
        if instruction.keyword == "FROM":
            base, word, name = instruction.value.split()
            if word != "AS":
                raise ValueError(f"a stage without a name: {instruction.value}")
            current = stages[name] = Stage(name, base)
        elif current is None:
            raise ValueError(f"{instruction.keyword} before the first FROM")
        else:
            current.steps.append(instruction)
    return stages


def ancestry(stages: Mapping[str, Stage], name: str) -> list[Stage]:
    """A stage and those that it is built on, the lowest first."""
    stage = stages[name]
    return [*(ancestry(stages, stage.base) if stage.base in stages else []), stage]


def _instructions(text: str) -> list[Instruction]:
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    whole = re.sub(r"\\\n\s*", "", "\n".join(lines))
    return [_instruction(line) for line in whole.splitlines() if line.strip()]


def _instruction(line: str) -> Instruction:
    keyword, _, rest = line.partition(" ")
    options: dict[str, str] = {}
    # RUN's value is shell, where a word that begins with dashes is no option of ours.
    while keyword != "RUN" and (match := re.match(r"--([a-z-]+)=(\S+)\s+", rest.lstrip())):
        options[match[1]] = match[2]
        rest = rest.lstrip()[match.end() :]
    return Instruction(keyword, options, rest.strip())
