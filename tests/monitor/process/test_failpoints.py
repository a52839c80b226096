"""The installed product obeys no orders of tests."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from models.bundle import load
from monitor.process import failpoints
from tests.failpoints import VARIABLE
from tests.models.bundles import write

ROOT = Path(__file__).parents[3]


@pytest.fixture
def orders(tmp_path: Path) -> Path:
    """An order to die at every place there is."""
    path = tmp_path / "orders"
    places = (*failpoints.PLACES, *failpoints.REGISTRY_PLACES, *failpoints.MLFLOW_PLACES)
    path.write_text("".join(f"{place} kill\n" for place in places))
    return path


def add(program: str, orders: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    """`models add` as a process with the orders in its environment."""
    bundle = write(folder / "bundle").path
    return subprocess.run(
        [sys.executable, "-m", program, "models", "add", str(bundle), "--promote",
         "--registry", str(folder / "registry")],
        cwd=ROOT, env={**os.environ, VARIABLE: str(orders)}, capture_output=True, text=True,
    )  # fmt: skip


def test_the_product_goes_on_whatever_its_environment_says(orders: Path, tmp_path: Path) -> None:
    done = add("monitor", orders, tmp_path)
    version = load(tmp_path / "bundle").version
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"{version} is in the registry\n{version} is current\n"
    assert load(tmp_path / "registry" / "current").version == version


def test_the_same_orders_end_the_tests_own_launcher(orders: Path, tmp_path: Path) -> None:
    done = add("tests.failpoints", orders, tmp_path)
    assert (done.returncode, done.stdout) == (-signal.SIGKILL, "")


def test_nothing_in_the_product_knows_the_variable() -> None:
    files = [path for folder in ("monitor", "models") for path in (ROOT / folder).rglob("*.py")]
    assert len(files) > 100
    assert not [path for path in files if "FAILPOINT" in path.read_text(encoding="utf-8")]


@pytest.mark.parametrize(
    "place",
    [*failpoints.PLACES, *failpoints.REGISTRY_PLACES, *failpoints.MLFLOW_PLACES],
)
def test_every_place_is_reached_somewhere(place: str) -> None:
    call = f'failpoints.reach("{place}")'
    assert any(
        call in path.read_text(encoding="utf-8") for path in (ROOT / "monitor").rglob("*.py")
    )
