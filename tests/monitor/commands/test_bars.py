"""Commands that read files show how far they have come, on a terminal and nowhere else."""

from __future__ import annotations

import contextlib
import io
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

from monitor.cli import main
from tests.monitor.commands.conftest import FEATURES, machine

HIDE, SHOW = "\x1b[?25l", "\x1b[?25h"
CODES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\r")


class Terminal(io.StringIO):
    """Standard error as it is on a terminal."""

    def isatty(self) -> bool:
        return True

    def run(self, *arguments: object) -> int:
        """The exit code of a command."""
        with contextlib.redirect_stderr(self):
            return main(list(map(str, arguments)))

    def frames(self) -> str:
        """All that it showed, one state after another, without colours."""
        return CODES.sub("", self.getvalue())


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "200")
    return Terminal()


@pytest.fixture
def readings(tmp_path: Path) -> Path:
    path = tmp_path / "readings.csv"
    np.savetxt(path, machine(400), "%.6f", ",", header=",".join(FEATURES), comments="")
    return path


@pytest.fixture
def run(terminal: Terminal, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Runs a command that must end well, and returns what it printed on standard output."""

    def ran(*arguments: object) -> str:
        assert terminal.run(*arguments) == 0, terminal.frames()
        assert terminal.getvalue().count(HIDE) == terminal.getvalue().count(SHOW) > 0
        return capsys.readouterr().out

    return ran


def test_check_data(run: Callable[..., str], terminal: Terminal, readings: Path) -> None:
    said = run("check-data", "--data", readings)
    frames = terminal.frames()
    assert f"reading {readings} " in frames
    assert f"reading {readings}, pass 2 " in frames
    assert " 0/? records" in frames
    assert " 400 records, 100%" in frames
    assert "read         400 records of 4" in said
    assert "pass 2" not in said


def test_a_million_rows_of_parquet_are_counted(
    run: Callable[..., str], terminal: Terminal, tmp_path: Path
) -> None:
    path = tmp_path / "million.parquet"
    values = np.arange(1_000_000) % 10_007 / 7
    pyarrow.parquet.write_table(pa.table({"a": values, "b": -values}), path)
    assert "read         1,000,000 records of 2" in run("check-data", "--data", path)
    for text in (f"reading {path} ", f"reading {path}, pass 2 "):
        counts = re.findall(re.escape(text) + r"━+ ([0-9,]+)/1,000,000 records", terminal.frames())
        assert {"0", "1,000,000"} <= set(counts)


def test_train(run: Callable[..., str], terminal: Terminal, readings: Path, tmp_path: Path) -> None:
    said = run("train", "--data", readings, "--out", tmp_path / "model", "--epochs", "1")
    assert f"reading {readings}, pass 2 " in terminal.frames()
    assert said.startswith("read         400 records of 4")


def test_score_and_evaluate(
    run: Callable[..., str],
    terminal: Terminal,
    readings: Path,
    machine_bundle: Path,
    tmp_path: Path,
) -> None:
    run("score", machine_bundle, "--data", readings, "--out", tmp_path / "scores.csv")
    assert f"scoring {readings} " in terminal.frames()
    assert f"reading {readings} " in terminal.frames()
    terminal.truncate(0)
    noise = tmp_path / "noise.npy"
    np.save(noise, np.random.default_rng(0).normal(size=(50, 4)))
    both = ("--normal", readings, "--anomalous", noise)
    run("evaluate", machine_bundle, *both, "--out", tmp_path / "out")
    for path in (readings, noise):
        assert f"scoring {path} " in terminal.frames()
        assert f"reading {path} " in terminal.frames()


def test_an_error_comes_after_the_bars_are_gone(
    terminal: Terminal, machine_bundle: Path, readings: Path, tmp_path: Path
) -> None:
    with readings.open("a") as file:
        file.write("1,2,x,4\n")
    out = tmp_path / "scores.csv"
    assert terminal.run("score", machine_bundle, "--data", readings, "--out", out) == 2
    shown, _, after = terminal.getvalue().rpartition(SHOW)
    assert HIDE in shown
    assert "'x' is not a finite number" in after
    assert "━" not in after


def test_where_there_is_no_terminal_nothing_is_shown(
    readings: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check-data", "--data", str(readings)]) == 0
    assert capsys.readouterr().err == ""
