"""Faults at the product's failpoints, by orders in a file.

    python -m tests.failpoints run --config aead-monitor.yaml

is `aead-monitor run` that obeys the file which the environment variable AEAD_FAILPOINTS names.
Each line of it is the name of a place and what shall happen there: `kill`, `fail` or `hang`. It is
read anew at every place, so that a test can change it while the process runs.
"""

import os
import signal
import sys
import time
from pathlib import Path

from monitor import cli
from monitor.process import failpoints

VARIABLE = "AEAD_FAILPOINTS"
LONGEST_HANG_SECONDS = 60.0


def install(orders: Path) -> None:
    """Obey the file from now on."""
    failpoints.obey = lambda place: obey(place, orders)


def obey(place: str, orders: Path) -> None:
    """Die here, raise OSError or hang, if the file says so."""
    action = _ordered(place, orders)
    if action == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if action == "fail":
        raise OSError(28, "failpoint: no space left on device", place)
    deadline = time.monotonic() + LONGEST_HANG_SECONDS
    while action == "hang" and time.monotonic() < deadline:
        time.sleep(0.05)
        action = _ordered(place, orders)


def _ordered(place: str, orders: Path) -> str:
    if not orders.exists():
        return ""
    lines = [line.split() for line in orders.read_text(encoding="utf-8").splitlines()]
    return next((line[1] for line in lines if len(line) == 2 and line[0] == place), "")


def main() -> int:
    """The command line of the product, with the orders obeyed."""
    install(Path(os.environ[VARIABLE]))
    return cli.main()


if __name__ == "__main__":
    sys.exit(main())
