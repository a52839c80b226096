"""What takes a second to load is loaded where it is needed, and not with the daemon."""

import subprocess
import sys

HEAVY = ("scipy.stats", "torch._inductor", "torch._dynamo", "matplotlib", "pyarrow", "mlflow")


def test_the_daemon_loads_nothing_that_it_does_not_need() -> None:
    code = "import sys, monitor.daemon.assembly.daemon, monitor.drift.detectors.betting"
    shown = f"{code}; print([m for m in {HEAVY} if m in sys.modules])"
    found = subprocess.run(
        [sys.executable, "-c", shown], capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == "[]"
