"""The start: nothing is imported that the daemon does not need to run.

Processor times are of new Pythons, by turns, and of each the least: the first may compile.
"""

import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from benchmarks.bench.kinds import DIGIT_CONVOLUTIONAL, vector

HEAVY = (
    "torch._dynamo", "torch._inductor", "sympy", "scipy.optimize", "scipy.stats", "sklearn",
    "matplotlib", "pyarrow", "pandas", "mlflow", "river", "numba", "confluent_kafka", "pyod",
)  # fmt: skip
"""Compilers of torch, statistics, plots, tables, and clients that were not asked for."""
CHECK = """
import sys
from monitor.cli import main
assert main(["check-config", sys.argv[1]]) == 0
"""
BUILD = """
import sys, threading
from monitor.config import file
from monitor.daemon.assembly.daemon import build
build(file.load(sys.argv[1], None), threading.Event())
"""
TELL = "import json, sys; print(json.dumps(sorted(sys.modules)))"
MOST_TIMES = 1.65
TURNS, MOST_TURNS = 4, 16
"""More turns only where the least are not those of a quiet moment."""


@pytest.fixture(scope="module")
def configuration(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of a daemon with a model of vectors."""
    return written(tmp_path_factory.mktemp("start"), vector(16))


def written(folder: Path, kind: object) -> Path:
    path = folder / "aead-monitor.yaml"
    kind.save(folder / "model")
    settings = {
        "model": str(folder / "model"), "kafka": {"topic": "images"}, "codec": {"name": "raw"},
        "http": {"port": 0}, "state": {"directory": str(folder / "state")}, "threads": 1,
    }  # fmt: skip
    path.write_text(yaml.safe_dump(settings))
    return path


def run(code: str, *arguments: object) -> str:
    """The last line that a new Python prints."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    command = [sys.executable, "-c", code, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    return done.stdout.splitlines()[-1] if done.stdout else ""


def loaded(code: str, configuration: Path) -> set[str]:
    """What stands in HEAVY and is imported at the end of the code."""
    modules = set(json.loads(run(code + TELL, configuration)))
    assert "torch" in modules
    return modules & set(HEAVY)


def processor_seconds(code: str, *arguments: object) -> float:
    """Of a new Python, its start and end included."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    run(code, *arguments)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


@pytest.mark.parametrize("code", [CHECK, BUILD], ids=["check-config", "the daemon"])
def test_nothing_heavy_is_imported_by(code: str, configuration: Path) -> None:
    assert loaded(code, configuration) == set()


def test_nothing_heavy_is_imported_for_a_convolutional_model(tmp_path: Path) -> None:
    assert loaded(BUILD, written(tmp_path, DIGIT_CONVOLUTIONAL)) == set()


def test_the_list_is_of_modules_that_this_test_would_see() -> None:
    assert loaded("import torch, sympy, scipy.optimize\n", Path()) == {"sympy", "scipy.optimize"}


def test_checking_a_configuration_takes_little_longer_than_importing_torch(
    configuration: Path,
) -> None:
    """1.3 times on a quiet machine; what a busy one adds to one of them alone is in the margin."""
    ours, torchs = [], []
    for _ in range(MOST_TURNS):
        torchs.append(processor_seconds("import torch"))
        ours.append(processor_seconds(CHECK, configuration))
        if len(ours) >= TURNS and min(ours) < MOST_TIMES * min(torchs):
            return
    raise AssertionError(f"{min(ours):.1f} s, torch alone {min(torchs):.1f} s")
