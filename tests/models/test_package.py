import subprocess
import sys


def imported_by(statement):
    code = f"import sys; {statement}; print(*(m.split('.')[0] for m in sys.modules))"
    return set(
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.split()
    )


def test_importing_the_package_or_its_errors_loads_nothing_heavy():
    assert not imported_by("import models.errors") & {"torch", "numpy", "matplotlib"}


def test_loading_a_bundle_does_not_need_matplotlib():
    assert "matplotlib" not in imported_by("import models.bundle")


def test_the_models_never_import_the_monitor():
    assert "monitor" not in imported_by("import models.recipe")


def test_drawing_uses_no_global_figure_state():
    code = "from models import plots; plots.loss_curve([1], [1], 1); import sys; "
    code += "print('matplotlib.pyplot' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True).stdout == b"False\n"
