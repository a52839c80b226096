"""A configuration and a stream that these tests share, and the command line as a user meets it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from monitor.cli import main
from tests.monitor.backtest.streams import configured, drifting


@pytest.fixture
def config(plant: Path, tmp_path: Path) -> Path:
    """A configuration that watches the error alone."""
    return configured(tmp_path, plant, "off")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A stream that drifts twice."""
    np.save(tmp_path / "plant.npy", drifting())
    return tmp_path / "plant.npy"


@pytest.fixture
def refused(capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Runs a command that must fail with exit code 2, and returns its one line; what is said of
    how a file was read may come before."""

    def run(*arguments: object) -> str:
        assert main([str(argument) for argument in arguments]) == 2
        captured = capsys.readouterr()
        *before, line = captured.err.splitlines()
        assert captured.out == ""
        assert line.startswith("aead-monitor: ")
        assert not [each for each in before if "an array has no names" not in each]
        return line

    return run
