"""Runs a program with a Kafka broker beside it: `python -m tests.kafka.with_broker MODULE ...`.

The module gets `--bootstrap-servers HOST:PORT` before its other arguments.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from tests.kafka.broker import Broker


def main() -> int:
    """Start the broker, run the module, stop the broker; returns the module's exit code."""
    module, *arguments = sys.argv[1:]
    with tempfile.TemporaryDirectory(prefix="aead-broker-") as folder:
        broker = Broker(Path(folder))
        broker.start()
        try:
            servers = ["--bootstrap-servers", broker.bootstrap_servers]
            command = [sys.executable, "-m", module, *servers, *arguments]
            return subprocess.run(command, check=False).returncode
        finally:
            broker.kill()


if __name__ == "__main__":
    sys.exit(main())
