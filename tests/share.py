"""CI tries a share of what is exhaustive; `make check-long` tries all of it.

The share is drawn by a seed that is the commit's, so that each commit tries another one and the
same commit always the same. AEAD_TEST_SEED=N repeats one, AEAD_LONG=1 takes all. Examples of
Hypothesis are drawn by it in CI, too; `make test` draws others each time.

    python -m tests.share       prints the seed
"""

from __future__ import annotations

import os
import random
import subprocess
import zlib
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")
LONG = os.environ.get("AEAD_LONG") == "1"


@cache
def seed() -> int:
    """Of this run."""
    if "AEAD_TEST_SEED" in os.environ:
        return int(os.environ["AEAD_TEST_SEED"])
    done = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=Path(__file__).parent, capture_output=True, check=False
    )
    return zlib.crc32(done.stdout.strip()) if done.returncode == 0 else 0


def share(name: str, values: Sequence[T], count: int) -> list[T]:
    """So many of the values, in their order; all of them in a long run.

    name: of what is drawn, so that two tests do not always draw alike.
    """
    if LONG or count >= len(values):
        return list(values)
    chosen = random.Random(f"{seed()} {name}").sample(range(len(values)), count)
    return [values[i] for i in sorted(chosen)]


if __name__ == "__main__":
    print(seed())
