import subprocess
import sys

import pytest


def imported_by(statement):
    code = f"import sys; {statement}; print(*(m.split('.')[0] for m in sys.modules))"
    return set(
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.split()
    )


def test_importing_the_package_or_its_errors_loads_nothing_heavy():
    assert not imported_by("import models.errors") & {"torch", "numpy", "matplotlib"}


@pytest.fixture(scope="module")
def steps():
    """What is imported after each of three steps, in one process: torch alone takes seconds."""
    code = (
        "import sys, models.bundle; print(*sys.modules); import models.recipe; print(*sys.modules);"
        "from models import plots; plots.loss_curve([1], [1], 1); print(*sys.modules)"
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout
    return [set(line.split()) for line in printed.splitlines()]


def test_loading_a_bundle_does_not_need_matplotlib(steps):
    assert "models.bundle" in steps[0]
    assert "matplotlib" not in steps[0]


def test_the_models_never_import_the_monitor(steps):
    assert "models.recipe" in steps[1]
    assert "monitor" not in steps[1]


def test_drawing_uses_no_global_figure_state(steps):
    assert "models.plots" in steps[2]
    assert "matplotlib.pyplot" not in steps[2]
