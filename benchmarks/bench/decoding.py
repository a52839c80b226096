"""Each codec, as the daemon uses it, against a parser alone: 512 payloads at a time."""

from __future__ import annotations

from pathlib import Path

from benchmarks.bench import bare
from benchmarks.bench.kinds import DIGIT, JSON, PNG, Kind, vector
from benchmarks.bench.lines import Line, Result
from benchmarks.bench.measuring import Work, in_turns
from benchmarks.bench.product import decoded, model_of
from benchmarks.bench.running import Run

TITLE = "the codecs with their checks, against parsers alone"
PAYLOADS = 512
NPY = Kind("16 float32, npy", (16,), "float32", "npy", "dense")
MSGPACK = Kind("32 numbers, msgpack", (32,), "float32", "msgpack", "dense")
KINDS = (vector(16), vector(64), vector(784), DIGIT, NPY, JSON, MSGPACK, PNG)


def run(run: Run) -> Result:
    """A line for each kind."""
    kinds = run.each(KINDS, lambda kind: kind.name)
    return Result([measure(kind, run.folder / str(i), run) for i, kind in enumerate(kinds)])


def measure(kind: Kind, folder: Path, run: Run) -> Line:
    """Turns of the codec and the parsers."""
    payloads = kind.payloads(PAYLOADS)
    parsers = bare.parsers(kind)
    works = {name: bare.parsing(parse, payloads) for name, parse in parsers.items()}
    found = in_turns({"ours": decoding(kind, folder, payloads), **works}, run.turns, run.seconds)
    ours, usual = found.pop("ours"), next(iter(works))
    return Line(kind.name, ours, {usual: found.pop(usual)}, found)


def decoding(kind: Kind, folder: Path, payloads: list[bytes]) -> Work:
    """All payloads to one array of rows."""
    model = model_of(kind, folder)

    def call() -> int:
        return len(decoded(model, payloads))

    return call
