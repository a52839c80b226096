"""The tools that check what is in deploy/, as their wheels put them beside this Python."""

from __future__ import annotations

import platform
import subprocess
import sys
from pathlib import Path

import pytest


def run(tool: str, *arguments: str, cwd: Path | None = None) -> str:
    """What a tool prints. Fails the test if the tool finds fault or is missing.

    Its wheels are for Linux on x86_64, so elsewhere the test is skipped.
    """
    program = Path(sys.executable).with_name(tool)
    if not program.exists() and (sys.platform, platform.machine()) != ("linux", "x86_64"):
        pytest.skip(f"{tool} comes as a wheel for Linux on x86_64 only")
    done = subprocess.run([program, *arguments], capture_output=True, text=True, cwd=cwd)
    assert done.returncode == 0, f"{tool} {' '.join(arguments)}:\n{done.stdout}{done.stderr}"
    return done.stdout
