"""python -m tests.fuzz.wraps --payloads 200000 --seed 0: edited payloads through each `codec.wrap`.

What is inside is JSON. Prints the table of tests.fuzz.run, and fails at the first payload that
breaks the guarantee of tests.fuzz.check.
"""

from __future__ import annotations

import argparse
import time
from random import Random
from typing import Any

import numpy as np
from numpy.typing import NDArray

from monitor.codecs import CODECS, CodecSettings
from monitor.codecs.wrapped import UNWRAP, Wrapped
from tests.fuzz import edits
from tests.fuzz.check import DEFAULT_LIMITS, Variant, check_with
from tests.fuzz.run import table
from tests.fuzz.worker import Report

MAX_BYTES = 2**20
ROW = np.array([1.5, -2.0, 0.0])
VARIANT = Variant("json", CodecSettings(ROW.shape))
PLAIN = CODECS["json"](VARIANT.settings)
KINDS = (*((kind,) for kind in UNWRAP), ("base64", "gzip"), ("gzip", "zstd"))


def fuzz(kinds: tuple[str, ...], payloads: int, seed: int) -> Report:
    """Edited payloads, wrapped so; the outermost first. Fails if one breaks the guarantee."""
    codec = Wrapped(PLAIN, kinds, DEFAULT_LIMITS.max_record_bytes)
    report, started = Report(), time.monotonic()
    for index in range(payloads):
        rng = Random(f"{seed}/{kinds}/{index}")
        verdict = check_with(codec, VARIANT, _payload(rng, codec, kinds))
        report.endings[verdict.ending] += 1
        report.slowest = max(report.slowest, (verdict.seconds, index))
        report.hungriest = max(report.hungriest, (verdict.grown, index))
    report.seconds = time.monotonic() - started
    return report


class Given:
    """A codec that carries nothing but these bytes."""

    def __init__(self, value: bytes) -> None:
        self._value = value

    def encode(self, row: NDArray[Any]) -> bytes:
        return self._value

    def decode(self, value: bytes) -> NDArray[Any]:
        raise NotImplementedError


def _payload(rng: Random, codec: Wrapped, kinds: tuple[str, ...]) -> bytes:
    """Edited inside or outside, half the time each."""
    inside = rng.random() < 0.5
    value = PLAIN.encode(ROW) if inside else codec.encode(ROW)
    for _ in range(rng.randint(1, 3)):
        value = rng.choice(edits.EDITS)(rng, value)[:MAX_BYTES]
    return Wrapped(Given(value), kinds, MAX_BYTES).encode(ROW) if inside else value


def main() -> None:
    """All kinds, and two in each other."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--payloads", type=int, default=200_000, help="for each kind")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    named = {", ".join(kinds): kinds for kinds in KINDS}
    print(table({n: fuzz(kinds, options.payloads, options.seed) for n, kinds in named.items()}))


if __name__ == "__main__":
    main()
