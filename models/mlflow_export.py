"""Exports a bundle as a model of MLflow: a pyfunc folder, without a pickle."""

from __future__ import annotations

import tempfile
import warnings
from importlib import metadata
from pathlib import Path
from typing import Any, Final

from models.bundle import Bundle
from models.errors import ExportError
from models.extras import needed
from models.files import replaced_folder
from models.input_spec import InputSpec
from models.pyfunc import ARTEFACT, CODE

_WHAT: Final = "exporting to MLflow"


def export(bundle: Bundle, folder: Path) -> None:
    """Write the folder, which appears whole or not at all, and load it once as MLflow does.

    Raises ExportError if the folder is there and is no such model; UserError without MLflow.
    """
    check_target(folder, "MLmodel")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # MLflow's: of type hints, also in modules of its own
        pyfunc = needed("mlflow.pyfunc", "mlflow", _WHAT)
        with replaced_folder(folder.absolute()) as draft:
            _write(pyfunc, bundle, draft)


def _write(pyfunc: Any, bundle: Bundle, draft: Path) -> None:
    """Have MLflow write the model to an empty folder, and load it."""
    made = draft / "model"
    with tempfile.TemporaryDirectory() as work:
        code = Path(work) / "aead_monitor_model.py"
        code.write_text(CODE, encoding="utf-8")
        pyfunc.save_model(
            made,
            python_model=str(code),
            artifacts={ARTEFACT: str(bundle.path)},
            signature=_signature(bundle.input_spec),
            pip_requirements=[f"aead-monitor=={metadata.version('aead-monitor')}", "mlflow"],
            metadata={"aead_version": bundle.version, "threshold": bundle.reference.threshold},
        )
    pyfunc.load_model(str(made))
    for path in list(made.iterdir()):
        path.rename(draft / path.name)
    made.rmdir()


def check_target(folder: Path, kept: str) -> None:
    """Raise ExportError if writing there would overwrite anything but an older export.

    kept: a file that every such export has.
    """
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise ExportError(f"{folder} is not a folder. Choose another place")
    if folder.is_dir() and any(folder.iterdir()) and not (folder / kept).is_file():
        raise ExportError(f"{folder} holds other files and no {kept}. Choose a new folder")


def _signature(spec: InputSpec) -> Any:
    """Columns by name, of any type: the model says itself what it cannot take."""
    import numpy as np
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, DataType, Schema, TensorSpec
    from mlflow.types.schema import AnyType

    outputs = Schema(
        [
            ColSpec(DataType.double, "error"),
            ColSpec(DataType.double, "p_value"),
            ColSpec(DataType.boolean, "anomalous"),
        ]
    )
    if spec.features:
        inputs = Schema([ColSpec(AnyType(), name) for name in spec.features])
    else:
        inputs = Schema([TensorSpec(np.dtype(spec.dtype), (-1, *spec.record_shape))])
    return ModelSignature(inputs=inputs, outputs=outputs)
