"""How long the tests take: slow files begin first, and `make quick` leaves slow tests out.

`make durations` runs all tests and writes `durations.json` anew: seconds of each file, and the
tests that take longer than SLOW_SECONDS. A test that is not in it counts as quick.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any, Final
from xml.etree import ElementTree

FILE: Final = Path(__file__).with_suffix(".json")
SLOW_SECONDS: Final = 0.3
WORTH_KEEPING_SECONDS: Final = 1.0


@cache
def recorded() -> dict[str, Any]:
    """files: seconds by path. slow: ids of tests."""
    return dict(json.loads(FILE.read_text("utf-8")))


def slowest_first(paths: Iterable[str]) -> list[str]:
    """Files in the order in which they are best begun, so that no long one comes last."""
    seconds = recorded()["files"]
    return sorted(paths, key=lambda path: (-seconds.get(path, 0.0), path))


def is_slow(test: str) -> bool:
    """Whether a test, by its id without parameters, takes long."""
    return test in recorded()["slow"]


def write(report: Path) -> None:
    """From pytest's JUnit report of a run of all tests."""
    files: dict[str, float] = defaultdict(float)
    tests: dict[str, float] = defaultdict(float)
    for case in ElementTree.parse(report).iter("testcase"):
        path, inner = _file(str(case.get("classname")).split("."))
        seconds = float(case.get("time") or 0)
        files[path] += seconds
        name = "::".join([path, *inner, str(case.get("name")).partition("[")[0]])
        tests[name] = max(tests[name], seconds)
    found = {
        "files": {p: round(s, 1) for p, s in sorted(files.items()) if s >= WORTH_KEEPING_SECONDS},
        "slow": sorted(name for name, seconds in tests.items() if seconds >= SLOW_SECONDS),
    }
    FILE.write_text(json.dumps(found, indent=1) + "\n", "utf-8")


def _file(pieces: list[str]) -> tuple[str, list[str]]:
    """The path of a test's file, and the classes in it."""
    root = FILE.parents[1]
    for end in range(len(pieces), 0, -1):
        path = Path(*pieces[:end]).with_suffix(".py")
        if (root / path).is_file():
            return path.as_posix(), pieces[end:]
    raise ValueError(f"no file for {'.'.join(pieces)}")


if __name__ == "__main__":
    import sys

    write(Path(sys.argv[1]))
