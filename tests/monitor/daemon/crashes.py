"""Crashes at chosen steps, and daemons that go on after them, in one process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from monitor.daemon.loop import Daemon
from monitor.stream.sinks.memory import MemorySink
from monitor.stream.sources.memory import MemorySource
from tests.monitor.daemon.daemons import assemble, committed


class Killed(BaseException):
    """The process ends here."""


class Crash:
    """Ends the daemon at the n-th time that a place is reached."""

    def __init__(self) -> None:
        self.place, self.left = "", 0

    def at(self, place: str, count: int = 1) -> None:
        self.place, self.left = place, count

    def __call__(self, place: str) -> None:
        if place == self.place:
            self.left -= 1
            if self.left == 0:
                raise Killed(place)


Run = Callable[..., Daemon]


class Starter:
    """Starts daemons over a state folder; the one before is dead by then."""

    def __init__(self) -> None:
        self._made: list[Daemon] = []

    def __call__(
        self, source: MemorySource, sink: MemorySink, folder: Path, **changes: object
    ) -> Daemon:
        self.bury()
        source.restart()
        self._made.append(assemble(source, sink, folder, **changes))
        return self._made[-1]

    def bury(self) -> None:
        """Free what the dead held, as the system would."""
        for dead in self._made:
            dead.parts.web.stop()
            if dead.parts.state is not None:
                dead.parts.state.close()


def finish(subject: Daemon, source: MemorySource) -> None:
    """Run until everything is committed."""
    for _ in range(500):
        subject.turn()
        ends = {p: position.end_offset for p, position in source.positions().items()}
        if ends and committed(source) == ends and not subject.parts.checkpoints.doubtful:
            return
    raise AssertionError(f"committed {committed(source)}")
