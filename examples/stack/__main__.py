"""The whole stack on one machine, until Ctrl-C:

    python -m examples.stack [--folder FOLDER]

Kafka, two daemons, Prometheus with the deployed rules, Alertmanager with the deployed routes, four
cameras that stream digits, and a log of all notifications.
"""

from __future__ import annotations

import argparse
import shutil
import signal
import sys
import time
from pathlib import Path

from examples.stack.stack import SHOWN, Ports, Stack

MARK = ".aead-monitor-stack"
FOLDER = Path("out/stack")


def main(arguments: list[str] | None = None) -> int:
    """Bring everything up, say where it is, and take it down when asked to."""
    parser = argparse.ArgumentParser(
        prog="stack", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--folder", type=Path, default=FOLDER, help=f"made anew each time (default: {FOLDER})"
    )
    folder = parser.parse_args(arguments).folder
    if not _emptied(folder):
        print(f"{folder} holds something else: name another folder", file=sys.stderr)
        return 2
    # Ending by SIGTERM must stop all that was started too; and a shell that runs us in the
    # background has us ignore Ctrl-C.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    begun = time.monotonic()

    def say(line: str) -> None:
        print(f"[{time.monotonic() - begun:5.1f} s] {line}", flush=True)

    stack = Stack(folder, Ports.usual(), say=say, settings=SHOWN)
    try:
        with stack:
            print(_where(stack), flush=True)
            _follow(stack.folder / "notifications.log")
    except KeyboardInterrupt:
        say("everything is stopped")
    return 0


def _emptied(folder: Path) -> bool:
    """Make the folder anew; False if it is not one of ours."""
    if folder.exists() and not (folder / MARK).exists():
        return False
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    (folder / MARK).touch()
    return True


def _where(stack: Stack) -> str:
    first, second = stack.replicas
    return f"""
everything is up

  daemons         {first.url}   {second.url}
  Prometheus      {stack.prometheus.url}/alerts
  Alertmanager    {stack.alertmanager.url}
  notifications   {stack.folder / "notifications.log"}, and below
  configurations  {first.config}   {second.config}

  break the cameras:  echo defocus > {stack.switch}
                      (or rotate, fade, noise, dirt, invert, stuck, silent)
  only one of four:   echo dirt camera-2 > {stack.switch}
  repair them:        echo none > {stack.switch}
  kill a daemon:      kill -9 {first.pid}   or   kill -9 {second.pid}
  stop everything:    Ctrl-C

all times of alerts are a sixtieth of those in production: an hour becomes a minute
"""


def _follow(log: Path) -> None:
    """Print what is written, for ever."""
    with log.open(encoding="utf-8") as lines:
        while True:
            print(lines.read(), end="", flush=True)
            time.sleep(0.5)


if __name__ == "__main__":
    sys.exit(main())
