"""A signal counts at once, whatever keeps the main thread."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from monitor import cli
from monitor.process.signals import STOPPING

SCRIPT = """
import os, sys, threading
from monitor.process.deadline import Deadline
from monitor.process.signals import StopSignals

stopping = threading.Event()
StopSignals(stopping, Deadline(float(sys.argv[1]))).listen()
print("ready", flush=True)
if sys.argv[2] == "waits":
    stopping.wait()
else:
    os.open(sys.argv[2], os.O_RDONLY)  # until somebody writes
"""
LONG, SHORT = "60", "0.5"


@pytest.mark.parametrize(
    ("seconds", "main", "signals", "code", "told"),
    [
        (LONG, "waits", [signal.SIGTERM], 0, ""),
        (LONG, "waits", [signal.SIGINT], 0, ""),
        (SHORT, "hangs", [signal.SIGTERM], 143, "not stopped in time"),
        (SHORT, "hangs", [signal.SIGINT], 130, "not stopped in time"),
        (LONG, "hangs", [signal.SIGTERM, signal.SIGTERM], 143, ""),
        (LONG, "hangs", [signal.SIGTERM, signal.SIGINT], 130, ""),
    ],
)
def test_the_first_asks_and_the_second_or_the_end_of_the_time_ends(
    seconds: str, main: str, signals: list[signal.Signals], code: int, told: str, tmp_path: Path
) -> None:
    subprocess.run(["mkfifo", tmp_path / "hangs"], check=True)
    place = main if main == "waits" else str(tmp_path / main)
    with subprocess.Popen(
        [sys.executable, "-c", SCRIPT, seconds, place],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        for number in signals:
            process.send_signal(number)
            time.sleep(0.2)  # the system merges two of a kind that come together
        said, _ = process.communicate(timeout=30)
    assert process.returncode == code
    assert told in said
    assert ("MainThread:" in said) == bool(told)  # where it hangs


def test_a_start_that_fails_leaves_nobody_who_heeds_signals() -> None:
    numbers = (*STOPPING, signal.SIGHUP)
    before = [signal.getsignal(number) for number in numbers]
    waker = signal.set_wakeup_fd(-1)
    signal.set_wakeup_fd(waker)
    assert cli.main(["run", "--config", "/nowhere.yaml"]) == 2
    assert [signal.getsignal(number) for number in numbers] == before
    after = signal.set_wakeup_fd(waker)
    assert after == waker
    deadline = time.monotonic() + 10
    while any(thread.name == "signals" for thread in threading.enumerate()):
        assert time.monotonic() < deadline
        time.sleep(0.01)
