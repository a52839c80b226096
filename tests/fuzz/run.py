"""python -m tests.fuzz.run --payloads 200000 --seed 0: that many payloads through every codec.

The first are bombs of full size, the others random or valid and then edited. Prints a table, or
which payload broke the guarantee of tests.fuzz.check, with exit code 1.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from monitor.errors import REASONS
from tests.fuzz.check import DEFAULT_LIMITS
from tests.fuzz.payloads import CODEC_NAMES
from tests.fuzz.worker import Report

ROOT = Path(__file__).parents[2]
ENVIRONMENT = {
    # Freed memory goes back at once, or the next payload would be measured on what is kept.
    "MALLOC_MMAP_THRESHOLD_": "131072",
    "MALLOC_TRIM_THRESHOLD_": "131072",
    "OPENBLAS_NUM_THREADS": "1",
    "ARROW_DEFAULT_MEMORY_POOL": "system",
}


class BrokenGuaranteeError(Exception):
    """A payload broke the guarantee; says which, and what happened."""


def fuzz(
    codec: str,
    payloads: int,
    seed: int,
    bomb_bytes: int = DEFAULT_LIMITS.max_record_bytes,
    seconds: float = math.inf,
) -> Report:
    """Check payloads of one codec in a process of their own. Raises BrokenGuaranteeError.

    seconds: after which no more are begun.
    """
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        progress = Path(folder) / "index"
        arguments = [codec, payloads, seed, bomb_bytes, progress, seconds]
        done = subprocess.run(
            [sys.executable, "-m", "tests.fuzz.worker", *map(str, arguments)],
            cwd=ROOT, env=os.environ | ENVIRONMENT, capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            raise BrokenGuaranteeError(_complaint(codec, seed, bomb_bytes, progress, done))
    endings, slowest, hungriest, kept = json.loads(done.stdout)
    took = time.monotonic() - started
    return Report(Counter(endings), tuple(slowest), tuple(hungriest), kept, took)


def _complaint(
    codec: str, seed: int, bomb_bytes: int, progress: Path, done: subprocess.CompletedProcess[str]
) -> str:
    index = int(progress.read_text()) if progress.exists() else -1
    return (
        f"{codec}: exit code {done.returncode} at payload {index}, which is"
        f" payload_at({codec!r}, {seed}, {index}, {bomb_bytes}) of tests.fuzz.payloads\n"
        + done.stderr[-3000:]
    )


def table(reports: dict[str, Report]) -> str:
    """A row for each codec: payloads, endings, seconds, slowest payload, most memory of one."""
    reasons = [reason for reason in REASONS if any(r.endings[reason] for r in reports.values())]
    rows = [
        ["codec", "payloads", "rows", *reasons, "seconds", "slowest ms", "most MiB", "kept MiB"]
    ]
    for codec, report in reports.items():
        counts = [report.endings.total(), *(report.endings[e] for e in ("rows", *reasons))]
        costs = [
            report.seconds,
            report.slowest[0] * 1e3,
            report.hungriest[0] / 2**20,
            report.kept / 2**20,
        ]
        rows.append([codec, *(f"{n:,}" for n in counts), *(f"{cost:.1f}" for cost in costs)])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True))
        for row in rows
    )


def main() -> int:
    """Exit code: 0, or 1 if a payload broke the guarantee."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--payloads", type=int, default=200_000, help="for each codec")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--codec", choices=CODEC_NAMES, help="this one only")
    parser.add_argument(
        "--seconds", type=float, default=math.inf, help="for each codec, then no more are begun"
    )
    options = parser.parse_args()
    codecs = (options.codec,) if options.codec else CODEC_NAMES
    try:
        reports = {
            codec: fuzz(codec, options.payloads, options.seed, seconds=options.seconds)
            for codec in codecs
        }
    except BrokenGuaranteeError as error:
        print(error, file=sys.stderr)
        return 1
    print(table(reports))
    return 0


if __name__ == "__main__":
    sys.exit(main())
