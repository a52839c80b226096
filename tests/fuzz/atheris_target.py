"""One codec under atheris, which looks for bytes that lead the code where it has not been.

python -m tests.fuzz.atheris_target CODEC [libFuzzer's options]. The first byte of an input picks
the variant. Half of the changes are atheris's own, half those that know the format.
"""

from __future__ import annotations

import sys
from random import Random

import atheris  # type: ignore[import-untyped]

with atheris.instrument_imports(
    include=["monitor.codecs", "PIL", "json"],
):
    from tests.fuzz.check import check
    from tests.fuzz.payloads import mutated
    from tests.fuzz.seeds import VARIANTS, seeds


def main() -> None:
    """Never returns: atheris ends the process."""
    codec = sys.argv.pop(1)
    variants = VARIANTS[codec]
    seeds(variants[0])  # what the codec imports is no payload's

    def one_input(data: bytes) -> None:
        if data:
            check(variants[data[0] % len(variants)], data[1:])

    def change(data: bytes, max_size: int, seed: int) -> bytes:
        rng = Random(seed)
        if len(data) < 2 or rng.random() < 0.5:
            return bytes(atheris.Mutate(data, max_size))
        return (data[:1] + mutated(rng, codec, data[1:]))[:max_size]

    atheris.Setup(sys.argv, one_input, custom_mutator=change)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
