"""Where the daemon's time goes, by room and by library: samples of the running daemon.

py-spy looks at every thread a hundred times a second; a sample counts for the file of its innermost
Python frame, so that what is done in C counts for who called it.
"""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path

from benchmarks.bench.daemons import Subject, Topic, subject
from benchmarks.bench.end_to_end import VECTOR, Case, settings_of
from benchmarks.bench.kinds import JSON
from benchmarks.bench.lines import Result, Table
from benchmarks.bench.machine import ROOT
from benchmarks.bench.running import Run

TITLE = "what the daemon's time is spent on"
CASES = (Case(VECTOR, 409_600), Case(VECTOR, 204_800, 64), Case(JSON, 204_800))
RATE = 100
SHOWN = 12
HEADER = ("share", "where")
FRAME = re.compile(r"(?P<function>.+) \((?P<path>.+?)(?::\d+)?\)$")


def run(run: Run) -> Result:
    """Two tables for each case: rooms and libraries, and functions."""
    result = Result()
    if not spy().exists():
        result.skipped.append("anything, since py-spy is not installed")
        return result
    for number, case in enumerate(run.each(CASES[:1] if run.short else CASES, str)):
        stacks = sampled(case, run, run.fresh_folder(f"profile-{number}"))
        result.tables.append(Table(str(case), HEADER, shares(stacks, place)))
        result.tables.append(Table(f"{case}, by function", HEADER, shares(stacks, function)))
    return result


def spy() -> Path:
    """The program."""
    return Path(sys.executable).parent / "py-spy"


def sampled(case: Case, run: Run, folder: Path) -> dict[str, int]:
    """Samples by stack, outermost frame first, while the daemon works off a topic."""
    topic = Topic(run.broker.bootstrap_servers, case.kind, case.partitions)
    topic.fill(run.records(20_480))
    out = folder / "stacks.txt"
    with subject(topic, case.kind, folder, settings_of(case)) as daemon:
        topic.fill(run.records(case.records))
        daemon.go_on()
        watch(daemon, out)
        daemon.hold()
    lines = (line.rpartition(" ") for line in out.read_text().splitlines())
    return {stack: int(count) for stack, _, count in lines}


def watch(daemon: Subject, out: Path) -> None:
    """Sample until the daemon has decided on all."""
    command = [str(spy()), "record", "--pid", str(daemon.pid), "--rate", str(RATE)]
    options = ["--nonblocking", "--full-filenames", "--format", "raw", "--duration", "600"]
    log = out.with_suffix(".log")
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*command, *options, "--output", str(out)], stdout=output, stderr=output
        )
        daemon.wait_for_all()
        process.send_signal(signal.SIGINT)
        process.wait(60)
    if not out.exists():
        raise RuntimeError(f"py-spy took no samples:\n{log.read_text(errors='replace')}")


def shares(stacks: Mapping[str, int], name: Callable[[str], str]) -> list[tuple[str, str]]:
    """The largest shares of the samples, by what their innermost frame is called."""
    counts: Counter[str] = Counter()
    for stack, count in stacks.items():
        counts[name(stack.rpartition(";")[2])] += count
    whole = counts.total()
    return [(f"{count / whole:.1%}", where) for where, count in counts.most_common(SHOWN)]


def place(frame: str) -> str:
    """The room, or the library, of a frame."""
    match = FRAME.match(frame)
    path = match["path"] if match else ""
    if path.startswith(f"{ROOT}/"):
        pieces = Path(path).relative_to(ROOT).parts
        if "site-packages" not in pieces:
            return "/".join(pieces[:2] if pieces[0] == "monitor" else pieces[:1])
    if "site-packages/" in path:
        return path.partition("site-packages/")[2].partition("/")[0]
    return "Python's own" if path else frame


def function(frame: str) -> str:
    """The function of a frame, with its file."""
    match = FRAME.match(frame)
    if match is None:
        return frame
    return f"{'/'.join(Path(match['path']).parts[-3:])}: {match['function']}"
