"""Do the promtool tests have teeth? `python -m tests.deploy.mutants` changes the rules and looks.

Each mutant is one small change of one rule. It is caught if the promtool tests that look at the
rule, or at what rests on it, fail. Takes some minutes, and fails if one survives that is not in
survivors.txt, or if one is there that is caught.

Those that are there change nothing that could be seen: the largest in place of the sum, or the
smallest in place of the largest, of a single series or of what is only compared with 0 (16);
matching by job and instance without the model, where an instance has one model (7); 100 minutes in
place of 5 where the test looks every six hours (1).
"""

from __future__ import annotations

import copy
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

from tests.deploy.rules import CASES, FOLDER, SOURCE, Rule, rules

SWAPS = (
    (r"\bsum by", "max by"), (r"\bmax by", "min by"), (r"\bmin by", "max by"),
    (r"\(job, model\b", "(job"), (r", instance\b", ""), (r", reason\b|, where\b|, receiver\b", ""),
    (r"\bunless\b", "and"), (r"\band\b", "or"),
    (r"\brate\(", "deriv("), (r"\bincrease\(", "delta("),
    (r" >= ", " < "), (r" > ", " < "), (r" == ", " != "),
)  # fmt: skip
"""What to look for, and what to put there."""
SURVIVORS = Path(__file__).with_name("survivors.txt")
THRESHOLD = re.compile(r"(?:[<>]=? )(\d+(?:\.\d+)?)(?=$|\s| \*|\))")


@dataclass(frozen=True)
class Mutant:
    """One changed rule. change: in words."""

    rule: str
    key: str
    value: str | None
    change: str

    def __str__(self) -> str:
        return f"{self.rule}: {self.change}"


def mutants() -> Iterator[Mutant]:
    """All of them."""
    for rule in rules():
        name = rule.get("alert") or rule["record"]
        yield from _expressions(name, rule["expr"])
        for key in ("for", "keep_firing_for"):
            if key in rule:
                yield Mutant(name, key, None, f"no {key}")
                yield Mutant(name, key, _longer(rule[key]), f"{key} {_longer(rule[key])}")


def _longer(duration: str) -> str:
    return f"{int(duration[:-1]) * 20}{duration[-1]}"


def _expressions(name: str, expression: str) -> Iterator[Mutant]:
    for pattern, put in SWAPS:
        for found in re.finditer(pattern, expression):
            changed = expression[: found.start()] + put + expression[found.end() :]
            yield Mutant(
                name, "expr", changed, f"{found[0].strip()} at {found.start()}: {put.strip()}"
            )
    for found in THRESHOLD.finditer(expression):
        if float(found[1]):
            for factor in (0.25, 4):
                put = f"{float(found[1]) * factor:g}"
                changed = expression[: found.start(1)] + put + expression[found.end(1) :]
                yield Mutant(name, "expr", changed, f"{found[1]} at {found.start(1)}: {put}")


def _changed(mutant: Mutant) -> Rule:
    content: Rule = copy.deepcopy(yaml.safe_load(SOURCE.read_text(encoding="utf-8")))
    for group in content["groups"]:
        for rule in group["rules"]:
            if mutant.rule in (rule.get("alert"), rule.get("record")):
                if mutant.value is None:
                    del rule[mutant.key]
                else:
                    rule[mutant.key] = mutant.value
    return content


def _looked_at(name: str) -> list[Path]:
    """The test files in which the rule, or an alert that rests on it, is looked at."""
    names = {name, *(r["alert"] for r in rules() if "alert" in r and name in r["expr"])}
    texts = {path: path.read_text(encoding="utf-8") for path in CASES}
    quick_first = sorted(texts, key=lambda path: path.stem in ("days", "drift"))
    return [path for path in quick_first if any(n in texts[path] for n in names)]


def survives(mutant: Mutant, folder: Path) -> bool:
    """True if no promtool test notices. folder: to work in, empty."""
    (folder / "rules").mkdir(exist_ok=True)
    (folder / "tests").mkdir(exist_ok=True)
    (folder / "rules" / SOURCE.name).write_text(yaml.safe_dump(_changed(mutant)))
    for path in _looked_at(mutant.rule):
        shutil.copy(path, folder / "tests")
        done = subprocess.run(
            ["promtool", "test", "rules", path.name], cwd=folder / "tests", capture_output=True
        )
        if done.returncode != 0:
            return False
    return True


def main() -> int:
    """Try all, or those whose rule contains the first argument."""
    wanted = sys.argv[1] if len(sys.argv) > 1 else ""
    tried = [mutant for mutant in mutants() if wanted in mutant.rule]
    with tempfile.TemporaryDirectory() as folder:
        survivors = [mutant for mutant in tried if survives(mutant, Path(folder))]
    known = {line for line in SURVIVORS.read_text("utf-8").splitlines() if wanted in line}
    found = {str(mutant) for mutant in survivors}
    for words in sorted(found - known):
        print(f"SURVIVES {words}")
    for words in sorted(known - found):
        print(f"IS CAUGHT, take it out of {SURVIVORS.name}: {words}")
    print(f"{len(tried)} mutants of {FOLDER.name} rules, {len(survivors)} survive")
    return int(found != known)


if __name__ == "__main__":
    sys.exit(main())
