"""Measures what we cost beside what nobody can do without.

    python -m benchmarks.bench [--only NAME ...] [--short] [--out FOLDER]

Writes results.json and results.md into the folder: docs/benchmarks, or out/bench for the short
form, whose figures are rough. Groups that are not measured keep what the folder has of them.
`endurance` and `files` take long and are measured only when they are named.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import torch

from benchmarks.bench import report
from benchmarks.bench.groups import GROUPS, ON_DEMAND
from benchmarks.bench.machine import ROOT, about
from benchmarks.bench.running import Run
from monitor.process import logs


def measured(name: str, short: bool) -> dict[str, Any]:
    """A group's result, with the time and the machine that it was measured on."""
    print(f"{name}: {GROUPS[name].TITLE}", file=sys.stderr, flush=True)
    started = time.monotonic()
    with (
        tempfile.TemporaryDirectory(prefix="aead-bench-") as folder,
        Run(Path(folder), short) as run,
    ):
        result = GROUPS[name].run(run)
    return {
        "title": GROUPS[name].TITLE,
        "short": short,
        "seconds": round(time.monotonic() - started, 1),
        "about": about(),
        "loads": run.loads,
        **result.to_json(),
    }


def main() -> None:
    """Read the command line, measure, and write after each group."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="+", choices=GROUPS, metavar="NAME", help=", ".join(GROUPS))
    parser.add_argument("--short", action="store_true", help="a few minutes, rough figures")
    parser.add_argument("--out", type=Path, metavar="FOLDER")
    options = parser.parse_args()
    folder = options.out or ROOT / ("out/bench" if options.short else "docs/benchmarks")
    torch.set_num_threads(1)
    logs.configure("warning", "console")
    for name in options.only or [name for name in GROUPS if name not in ON_DEMAND]:
        page = report.write(folder, {name: measured(name, options.short)}, GROUPS)
        print(f"{name}: written to {page}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
