"""Exports a bundle as one ONNX file that takes raw records and says what each one's error is.

    input    records     (batch, *record_shape), float32; float64 where float32 would lose digits
    outputs  error       (batch,) float32
             p_value     (batch,) float32
             anomalous   (batch,) bool

What is written is run at once, by onnxruntime, and compared with our own scoring.
"""

from __future__ import annotations

import json
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray

from models.architectures import GIVEN
from models.bundle import Bundle
from models.engines import engine_for
from models.errors import ExportError
from models.extras import needed
from models.files import write_whole
from models.onnx_graph import Graph, input_type
from models.reference import Reference
from models.sample_rows import rows_of

OPSET: Final = 18
"""The oldest that torch writes: whatever runs ONNX today has it."""
CLOSE: Final = 1e-4
"""Largest relative difference between an error there and here."""
FLOOR: Final = 1e-3
"""Of the largest error: differences of smaller ones are relative to this."""
ROWS: Final = 24
OUTPUTS: Final = ("error", "p_value", "anomalous")
INPUT: Final = "records"
_EXTRA: Final = "onnx"
_WHAT: Final = "exporting to ONNX"


def export(bundle: Bundle, path: Path) -> float:
    """Write the file; return the largest relative difference of an error from our own scoring.

    Raises ExportError for a model that cannot be exported or whose errors differ: nothing is
    written then. UserError if a library is missing.
    """
    needed("onnxscript", _EXTRA, _WHAT)
    data = _converted(bundle)
    difference = _checked(bundle, data)
    try:
        write_whole(path, data)
    except OSError as error:
        raise ExportError(f"{path}: cannot be written: {error.strerror or error}") from error
    return difference


def metadata(bundle: Bundle) -> dict[str, str]:
    """What the file says of itself."""
    spec, reference = bundle.input_spec, bundle.reference
    said: dict[str, Any] = {
        "version": bundle.version,
        "architecture": bundle.architecture,
        "error_metric": bundle.error_metric,
        "threshold": repr(reference.threshold),
        "quantile": repr(reference.quantile),
        "calibration_records": str(reference.count),
        "record_shape": json.dumps(spec.record_shape),
        "layout": spec.layout,
        "features": json.dumps(spec.features),
        "schema": json.dumps(spec.schema.to_json()),
        "created": str(bundle.metadata["created"]),
    }
    if spec.window is not None:
        said["window"] = str(spec.window)
    return {f"aead_monitor.{name}": value for name, value in said.items()}


def _converted(bundle: Bundle) -> bytes:
    """The bytes of the file, not checked yet."""
    onnx = needed("onnx", _EXTRA, _WHAT)
    spec = bundle.input_spec
    if bundle.architecture in GIVEN:
        raise ExportError(
            f"{bundle.path}: it wraps a scorer that is an ONNX file already. Use that file; the"
            f" threshold of its error is {bundle.reference.threshold:.6g}"
        )
    graph = Graph(bundle).eval()
    example = torch.zeros(3, *spec.record_shape, dtype=input_type(spec))
    try:
        with _quiet(), torch.no_grad():
            program = torch.onnx.export(
                graph,
                (example,),
                dynamo=True,
                opset_version=OPSET,
                input_names=[INPUT],
                output_names=list(OUTPUTS),
                dynamic_shapes=({0: torch.export.Dim("batch", min=1)},),
                verbose=False,
                # Its optimiser takes 1e-9 for 0, and leaves out what keeps logarithms finite.
                optimize=False,
            )
    except Exception as error:  # whatever torch's exporter raises for what it cannot write
        raise ExportError(
            f"{bundle.path}: {bundle.architecture} cannot be written as ONNX: torch says"
            f" {type(error).__name__}: {_last_line(error)}"
        ) from error
    if program is None:
        raise ExportError(f"{bundle.path}: torch's exporter has written nothing")
    made = program.model_proto
    _without_traces(made)
    made.producer_name, made.producer_version = "aead-monitor", bundle.version
    onnx.helper.set_model_props(made, metadata(bundle))
    onnx.checker.check_model(made)
    data: bytes = made.SerializeToString()
    return data


def _checked(bundle: Bundle, data: bytes) -> float:
    """The largest relative difference from our own scoring; ExportError if it is too large."""
    runtime = needed("onnxruntime", _EXTRA, _WHAT)
    options = runtime.SessionOptions()
    options.log_severity_level = 3  # errors: what it cannot simplify is none
    session = runtime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    spec = bundle.input_spec
    rows = rows_of(spec, ROWS)
    model = bundle.model.cpu()
    ours = engine_for(model, spec, bundle.error_metric, micro_batch=ROWS).errors(rows)
    given = rows.astype(np.float32 if input_type(spec) == torch.float32 else np.float64)
    largest = 0.0
    for size in (ROWS, 7, 1):  # the number of rows is free
        parts = [given[start : start + size] for start in range(0, ROWS, size)]
        found = [session.run(list(OUTPUTS), {INPUT: part}) for part in parts]
        errors, p_values, anomalous = (np.concatenate(each) for each in zip(*found, strict=True))
        largest = max(largest, difference(errors, ours))
        if not _verdict_is_ours(bundle.reference, errors, p_values, anomalous):
            raise ExportError(f"{bundle.path}: the exported p-values are not those of the bundle")
    if not largest <= CLOSE:
        raise ExportError(
            f"{bundle.path}: the exported errors differ by up to {largest:.2g} of their size,"
            f" more than {CLOSE:g}. Score with aead-monitor instead"
        )
    return largest


def difference(errors: NDArray[Any], ours: NDArray[np.float64]) -> float:
    """The largest difference of errors (n,), relative to ours, or to FLOOR of the largest."""
    size = np.maximum(ours, FLOOR * ours.max())
    with np.errstate(invalid="ignore", divide="ignore"):
        relative = np.abs(errors.astype(np.float64) - ours) / size
    return float(np.nan_to_num(np.where(ours == errors, 0, relative), nan=np.inf).max())


def _verdict_is_ours(
    reference: Reference,
    errors: NDArray[Any],
    p_values: NDArray[Any],
    anomalous: NDArray[Any],
) -> bool:
    same = np.allclose(reference.p_values(errors), p_values, rtol=1e-5, atol=0)
    return same and np.array_equal(reference.anomalous(errors), anomalous)


def _without_traces(made: Any) -> None:
    """Leave out where in whose source a node was made."""
    for graph in (made.graph, *made.functions):
        for each in (*graph.node, *getattr(graph, "value_info", ())):
            del each.metadata_props[:]
            each.doc_string = ""
        del graph.metadata_props[:]
    for each in (*made.graph.input, *made.graph.output, *made.graph.initializer):
        del each.metadata_props[:]


@contextmanager
def _quiet() -> Iterator[None]:
    """The exporter's warnings are about its own libraries: what it writes is checked."""
    logger = logging.getLogger("torch.onnx")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(before)


def _last_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[-1] if lines else "nothing more")[:300]
