"""Runs a command, and prints as JSON what it took: seconds, processor time, memory at most.

    python -m benchmarks.bench.measured_process COMMAND ...

A process of its own, since a child's memory at most counts that of the parent that forked it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time


def main(command: list[str]) -> int:
    """Run it to its end; its exit status."""
    begun = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as child:
        _, status, used = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - begun
    processor = used.ru_utime + used.ru_stime
    found = {"seconds": seconds, "processor": processor, "mebibytes": used.ru_maxrss / 1024}
    print(json.dumps(found))
    return child.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
