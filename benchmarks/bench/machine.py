"""Where and when something was measured."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.kafka.broker import JARS

ROOT = Path(__file__).parents[2]
LIBRARIES = ("torch", "numpy", "kafka-python", "confluent-kafka", "pillow", "river", "pyod")


def about() -> dict[str, Any]:
    """Machine, versions, commit and time."""
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": _commit(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "versions": {"Python": platform.python_version(), **_versions(), "Kafka": _kafka()},
    }


def load() -> float:
    """Processes that ran or waited for a processor in the last minute."""
    return round(os.getloadavg()[0], 2)


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _versions() -> dict[str, str]:
    return {name: found for name in LIBRARIES if (found := _version(name))}


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return ""


def _kafka() -> str:
    names = sorted(path.stem for path in JARS.glob("kafka-clients-*.jar"))
    return names[0].removeprefix("kafka-clients-") if names else "not installed"


def _commit() -> str:
    done = subprocess.run(
        ["git", "-C", str(ROOT), "describe", "--always", "--dirty", "--exclude", "*"],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.strip() or "unknown"
