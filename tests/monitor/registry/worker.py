"""A process that changes a registry: python -m tests.monitor.registry.worker SECTION ACTION...

ACTION is add=FOLDER, promote=VERSION or rollback; they are done in turn.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from monitor.failpoints import VARIABLE


def start(section: dict[str, Any], *actions: str, orders: Path | None = None) -> Any:
    """Start such a process. orders: file that says what shall happen at which failpoint."""
    environment = os.environ | ({VARIABLE: str(orders)} if orders else {})
    command = [sys.executable, "-m", __name__, json.dumps(section), *actions]
    return subprocess.Popen(command, env=environment, cwd=Path(__file__).parents[3])


def main(section: str, *actions: str) -> None:
    from monitor.assembly_registry import build_registry
    from monitor.config_registry import RegistryConfig

    registry = build_registry(RegistryConfig(**json.loads(section)))
    for action in actions:
        name, _, value = action.partition("=")
        if name == "add":
            registry.add(Path(value), "by a worker")
        elif name == "promote":
            registry.promote(value, "by a worker", str(os.getpid()))
        else:
            registry.rollback("by a worker", str(os.getpid()))


if __name__ == "__main__":
    main(*sys.argv[1:])
