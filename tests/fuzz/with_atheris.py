"""python -m tests.fuzz.with_atheris --runs 200000 --seed 1: guided by coverage, codec by codec.

Prints a table, or what broke the guarantee, with exit code 1. Inputs that were found, and one
that failed, lie in a temporary folder, which is gone afterwards; what failed is printed.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from tests.fuzz.payloads import CODEC_NAMES
from tests.fuzz.run import ROOT, BrokenGuaranteeError
from tests.fuzz.seeds import VARIANTS, seeds

MAX_BYTES = 2**15
HANG_SECONDS = 60
"""On the wall, for an input that does not end. How long one may take is measured by
tests.fuzz.check, in processor time: on a busy machine any input may take a second."""
MAX_MEMORY_MIB = 512
LONGEST_SECONDS = 1800
_REACHED = re.compile(r"DONE +cov: (\d+) ft: \d+ corp: (\d+)/")
_DONE = re.compile(r"^Done (\d+) runs in ", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Found:
    """What atheris reached. coverage: edges of the code, corpus: inputs that reached new ones."""

    runs: int
    coverage: int
    corpus: int
    seconds: float


def fuzz(codec: str, runs: int, seed: int) -> Found:
    """That many inputs through one codec. Raises BrokenGuaranteeError."""
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        corpus = Path(folder) / "corpus"
        _write_seeds(codec, corpus)
        done = subprocess.run(
            # By way of `timeout`, which forks: the most memory that a process has used is handed on
            # over exec, and libFuzzer would take pytest's for its own.
            ["timeout", str(LONGEST_SECONDS),
             sys.executable, "-m", "tests.fuzz.atheris_target", codec, str(corpus),
             f"-runs={runs}", f"-seed={seed}", f"-max_len={MAX_BYTES}",
             f"-timeout={HANG_SECONDS}", f"-rss_limit_mb={MAX_MEMORY_MIB}",
             # Once a second it would read the corpus again and run what has changed there, also
             # beyond the last of its runs.
             "-reload=0", f"-artifact_prefix={folder}/"],
            cwd=ROOT, capture_output=True, check=False,
        )  # fmt: skip
    log = done.stderr.decode(errors="replace")
    reached = ended(log, runs)
    if done.returncode or not reached:
        text = done.stdout.decode(errors="replace")
        raise BrokenGuaranteeError(
            f"{codec}: exit code {done.returncode}, {'' if reached else 'not '}all {runs:,} runs"
            f" were done\n{text[-2000:]}\n{log[-3000:]}"
        )
    return Found(runs, *reached, time.monotonic() - started)


def ended(log: str, runs: int) -> tuple[int, int] | None:
    """Coverage and corpus, if libFuzzer says at its end that so many runs were done, or more."""
    reached, done = _REACHED.search(log), _DONE.search(log)
    if not reached or not done or int(done[1]) < runs:
        return None
    return int(reached[1]), int(reached[2])


def _write_seeds(codec: str, folder: Path) -> None:
    folder.mkdir()
    for number, variant in enumerate(VARIANTS[codec]):
        for place, value in enumerate(seeds(variant)):
            (folder / f"{number}-{place}").write_bytes(bytes([number]) + value)


def main() -> int:
    """Exit code: 0, or 1 if an input broke the guarantee."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=200_000, help="for each codec")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    print(f"{'codec':>6}{'runs':>10}{'edges':>8}{'corpus':>8}{'seconds':>9}")
    for codec in CODEC_NAMES:
        try:
            found = fuzz(codec, options.runs, options.seed)
        except BrokenGuaranteeError as error:
            print(error, file=sys.stderr)
            return 1
        print(
            f"{codec:>6}{found.runs:>10,}{found.coverage:>8}{found.corpus:>8}{found.seconds:>9.1f}",
            flush=True,
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
