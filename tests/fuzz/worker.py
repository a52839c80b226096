"""Checks many payloads of one codec, in a process of its own and with a limit on its memory.

Writes what its Report says, as a line of JSON, when all kept the guarantee. Before each payload
it notes the index in a file, so that one that ends the process is known too.
"""

from __future__ import annotations

import argparse
import faulthandler
import json
import math
import os
import resource
import signal
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from tests.fuzz.check import check, peak_bytes, reset_peak
from tests.fuzz.payloads import payload_at
from tests.fuzz.seeds import VARIANTS, seeds

SPARE_ADDRESS_SPACE = 2**30
HANG_SECONDS = 20.0
"""Of one core. A payload that takes longer ends the process; one that ends is measured."""
KEPT_BYTES = 64 * 2**20
"""Memory that may stay with the process after all payloads: caches, and what malloc keeps."""


@dataclass(slots=True)
class Report:
    """What became of the payloads. slowest, hungriest: seconds or bytes, and the index.

    seconds: that all of them took, on the wall, checks and the making of payloads included.
    """

    endings: Counter[str] = field(default_factory=Counter)
    slowest: tuple[float, int] = (0.0, -1)
    hungriest: tuple[int, int] = (0, -1)
    kept: int = 0
    seconds: float = 0.0


def work(
    codec: str, payloads: int, seed: int, bomb_bytes: int, progress: int, seconds: float = math.inf
) -> Report:
    """Check payloads 0, 1, ... of a codec. progress: descriptor of the file for the index.

    seconds: on the wall, after which no more are begun.
    """
    until = time.monotonic() + seconds
    if codec in VARIANTS:
        seeds(VARIANTS[codec][0])  # what the codec imports stays
    report, before = Report(), reset_peak()
    for index in range(payloads):
        if time.monotonic() > until:
            break
        os.pwrite(progress, b"%012d" % index, 0)
        signal.setitimer(signal.ITIMER_PROF, 0)  # to make a payload is not what is limited
        made = payload_at(codec, seed, index, bomb_bytes)
        signal.setitimer(signal.ITIMER_PROF, HANG_SECONDS)
        verdict = check(*made)
        report.endings[verdict.ending] += 1
        report.slowest = max(report.slowest, (verdict.seconds, index))
        report.hungriest = max(report.hungriest, (verdict.grown, index))
    report.kept = reset_peak() - before
    assert report.kept < KEPT_BYTES, f"{report.kept} bytes were not given back"
    return report


def _limit_memory() -> None:
    """Past the limit an allocation fails, rather than that the machine runs out."""
    size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    limit = max(size, peak_bytes()) + SPARE_ADDRESS_SPACE
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def main() -> None:
    """Run from tests.fuzz.run."""
    parser = argparse.ArgumentParser()
    parser.add_argument("codec")
    parser.add_argument("payloads", type=int)
    parser.add_argument("seed", type=int)
    parser.add_argument("bomb_bytes", type=int)
    parser.add_argument("progress", type=Path)
    parser.add_argument("seconds", type=float)
    options = parser.parse_args()
    faulthandler.enable()
    faulthandler.register(signal.SIGPROF, chain=True)
    _limit_memory()
    with options.progress.open("wb") as progress:
        report = work(
            options.codec,
            options.payloads,
            options.seed,
            options.bomb_bytes,
            progress.fileno(),
            options.seconds,
        )
    print(json.dumps([report.endings, report.slowest, report.hungriest, report.kept]))


if __name__ == "__main__":
    main()
