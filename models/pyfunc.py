"""A bundle as a model of MLflow: what a folder of `aead-monitor export --format mlflow` runs.

MLflow loads the code of such a folder (a few lines that name this module) and hands it the
bundle's folder. Nothing in it is pickled.
"""

from __future__ import annotations

import warnings
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from models import bundle, frames
from models.bundle import Bundle
from models.engines import engine_for
from models.errors import DetectorError, ShapeError

ARTEFACT: Final = "bundle"
CODE: Final = """\
# Loads the bundle beside it. Needs the package aead-monitor.
from mlflow.models import set_model

from models.pyfunc import python_model

set_model(python_model())
"""


def python_model() -> Any:
    """What MLflow is to run, an `mlflow.pyfunc.PythonModel`."""
    # MLflow would check frames by type hints; `verdicts` checks them, and says more.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from mlflow.pyfunc import PythonModel  # type: ignore[attr-defined]

        class Scored(PythonModel):
            """Scores frames, or arrays of records."""

            def load_context(self, context: Any) -> None:
                """Load the bundle."""
                self.found = bundle.load(context.artifacts[ARTEFACT])

            def predict(self, context, model_input, params=None):  # type: ignore[no-untyped-def]
                """Columns error, p_value, anomalous of each record."""
                return verdicts(self.found, model_input)

    return Scored()


def verdicts(found: Bundle, given: Any) -> Any:
    """A pandas frame with error, p_value and anomalous, one row a record.

    given: a frame with the bundle's columns, in any order and among others; or an array
    (n, *record_shape), where columns have no names. Its index is kept. Raises DetectorError.
    """
    import pandas as pd

    reference, records = found.reference, rows(found, given)
    try:
        errors = engine_for(found.model, found.input_spec, found.error_metric).errors(records)
    except ShapeError as error:
        raise DetectorError(str(error)) from error
    return pd.DataFrame(
        {
            "error": errors,
            "p_value": reference.p_values(errors),
            "anomalous": reference.anomalous(errors),
        },
        index=getattr(given, "index", None),
    )


def rows(found: Bundle, given: Any) -> NDArray[Any]:
    """Records (n, *record_shape) of what was given. Raises DetectorError."""
    schema, named = found.input_spec.schema, hasattr(given, "iloc")
    if not named:
        if schema.features:
            raise DetectorError(f"give a frame with the columns {', '.join(schema.names)[:300]}")
        return np.asarray(given)
    if not schema.features:
        return np.asarray(given.to_numpy())  # the model knows no names
    known = given[[name for name in schema.names if name in given.columns]]
    table = frames.table_of(known)
    if table is None:
        raise DetectorError("give a frame of pandas")
    return frames.rows_of(table, schema)
