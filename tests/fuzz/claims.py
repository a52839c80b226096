"""python -m tests.fuzz.claims: small payloads that claim gigabytes, and what room is made for them.

At each place of each valid payload the bytes that there are give way to a length of gigabytes, as
the format writes one. What is only asked for counts as well: the peak of the address space is
measured, which grows with memory that is never touched, and nothing limits it.
"""

from __future__ import annotations

import itertools
import json
import re
import struct
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.fuzz.avro_edits import long
from tests.fuzz.check import check
from tests.fuzz.protobuf_edits import varint
from tests.fuzz.seeds import VARIANTS, seeds

ROOT: Final = Path(__file__).parents[2]
SIZES: Final = (2**31 - 1, 2**32 - 8, 2**33, 2**36, 2**40)
"""From 2 GiB on; larger than what a format can write is left out."""
PLACES: Final = 600
"""Of a payload, at most; in Arrow, so many places where a number may begin."""


def _words(form: str) -> Callable[[int], bytes]:
    largest = 2 ** (8 * struct.calcsize(form)) - 1
    return lambda size: struct.pack(form, size) if size <= largest else b""


CLAIMS: Final[dict[str, tuple[tuple[int, Callable[[int], bytes]], ...]]] = {
    "avro": ((1, long), (1, lambda size: long(-size) + long(size))),
    "protobuf": ((1, varint),),
    "arrow": ((4, _words("<I")), (8, _words("<Q"))),
    "msgpack": tuple(
        (1, lambda size, mark=mark: mark + _words(">I")(size) if size < 2**32 else b"")
        for mark in (b"\xc6", b"\xc9", b"\xdb", b"\xdd", b"\xdf")
    ),
}
"""How far places lie apart, and a length as the format writes it, "" if it cannot."""


@dataclass(frozen=True, slots=True)
class Measured:
    """endings: of the payloads. asked: most bytes of address space beyond the start. held: most
    bytes in memory that one payload took."""

    endings: Counter[str]
    asked: int
    held: int


def claims(codec: str, value: bytes) -> Iterator[bytes]:
    """The payload with a length of gigabytes at each place, instead of a number and before it."""
    for step, written in CLAIMS[codec]:
        for place in range(0, min(len(value), PLACES * step), step):
            for length in filter(None, map(written, SIZES)):
                yield value[:place] + length + value[place + (len(length) if step > 1 else 1) :]


def measure(codec: str, every: int = 1) -> Measured:
    """Claims through a codec, in this process. every: one of so many is taken."""
    valid = [(variant, value) for variant in VARIANTS[codec] for value in seeds(variant)]
    for variant, value in valid:
        check(variant, value)  # what decoding takes once stays
    before, endings, held = address_space("VmSize"), Counter[str](), 0
    for variant, value in valid:
        for claim in itertools.islice(claims(codec, value), 0, None, every):
            verdict = check(variant, claim)
            endings[verdict.ending] += 1
            held = max(held, verdict.grown)
    return Measured(endings, address_space("VmPeak") - before, held)


def address_space(name: str) -> int:
    """Bytes that this process has mapped, or had at most: VmSize, VmPeak."""
    status = Path("/proc/self/status").read_text()
    return int(re.search(rf"{name}:\s+(\d+) kB", status)[1]) * 1024  # type: ignore[index]


def in_a_process(codec: str, every: int = 1) -> Measured:
    """`measure` in a process of its own; raises RuntimeError with what went wrong."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.fuzz.claims", codec, str(every)],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"{codec}: exit code {done.returncode}\n{done.stderr[-3000:]}")
    endings, asked, held = json.loads(done.stdout)
    return Measured(Counter(endings), asked, held)


def main() -> None:
    """A table, a process for each codec; or what one codec gives, as a line of JSON."""
    if sys.argv[1:]:
        found = measure(sys.argv[1], int(sys.argv[2]))
        print(json.dumps([found.endings, found.asked, found.held]))
        return
    for codec in CLAIMS:
        found = in_a_process(codec)
        count, asked, held = found.endings.total(), found.asked / 2**20, found.held / 2**20
        refused = count - found.endings["rows"]
        print(
            f"{codec:>8}: {count:,} payloads, {refused:,} refused; address space +{asked:.1f} MiB,"
            f" memory +{held:.1f} MiB",
            flush=True,
        )


if __name__ == "__main__":
    main()
