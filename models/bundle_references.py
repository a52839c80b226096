"""The calibrations of a bundle: the errors as tensors, and what bundle.json says of them.

Each precision that the model may be scored in has one. That of float32 is always there, and is
written as it always was; bfloat16 has keys of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import safetensors.torch
import torch
from numpy.typing import NDArray

from models import bundle_files, bundle_metadata
from models.bundle_files import MANIFEST
from models.errors import CalibrationError
from models.precision import BFLOAT16, FLOAT32, TIE_TOLERANCES
from models.reference import Reference

_KEYS: Final = {FLOAT32: ("reference", "errors"), BFLOAT16: ("reference_bfloat16", "bfloat16")}
"""Of each precision: its key in bundle.json, and the name of its tensor."""


def tensors(reference: Reference, reduced: Reference | None) -> bytes:
    """The bytes of the file of both calibrations' errors."""
    return safetensors.torch.save(
        {
            _KEYS[precision][1]: torch.tensor(_stored(each))
            for precision, each in _present(reference, reduced).items()
        }
    )


def described(reference: Reference, reduced: Reference | None) -> dict[str, Any]:
    """What bundle.json says of them."""
    return {
        _KEYS[precision][0]: {
            "count": each.count,
            "quantile": each.quantile,
            "threshold": each.threshold,
            "note": each.note,
            "ordered": each.ordered,
        }
        for precision, each in _present(reference, reduced).items()
    }


def read(document: Mapping[str, Any], path: Path, data: bytes) -> dict[str, Reference]:
    """The references by precision, after comparing the stored errors with bundle.json.

    Raises BundleError.
    """
    stored = bundle_files.tensors(path, data)
    present = [precision for precision in _KEYS if _KEYS[precision][0] in document]
    present = present if FLOAT32 in present else [FLOAT32, *present]  # then its key is missing
    names = [_KEYS[precision][1] for precision in present]
    if set(stored) != set(names) or any(not _is_list(each) for each in stored.values()):
        asked = " and ".join(f"one float64 list called {name}" for name in names)
        raise bundle_files.damaged(path, f"it must hold {asked}")
    return {
        precision: _reference(document[key], path, stored[name], TIE_TOLERANCES[precision])
        for precision, (key, name) in _KEYS.items()
        if precision in present
    }


def _is_list(tensor: torch.Tensor) -> bool:
    return tensor.dtype == torch.float64 and tensor.ndim == 1


def _present(reference: Reference, reduced: Reference | None) -> dict[str, Reference]:
    return {FLOAT32: reference} | ({BFLOAT16: reduced} if reduced is not None else {})


def _stored(reference: Reference) -> NDArray[np.float64]:
    """The calibration errors as they are kept."""
    return reference.errors if reference.in_order is None else reference.in_order


def _reference(
    described: Mapping[str, Any], path: Path, errors: torch.Tensor, tie_tolerance: float
) -> Reference:
    """The reference of the stored errors, after comparing it with what bundle.json says."""
    ordered = described.get("ordered", False)  # bundles of before did not know the order
    try:
        if type(ordered) is not bool:
            raise CalibrationError(f"ordered must be true or false, got {ordered!r:.80}")
        reference = Reference.calibrate(
            errors.numpy(),
            float(described["quantile"]),
            ordered=ordered,
            tie_tolerance=tie_tolerance,
        )
    except CalibrationError as error:
        raise bundle_files.damaged(path, str(error)) from error
    same = (reference.count, reference.threshold) == (described["count"], described["threshold"])
    if not same or not (_stored(reference) == errors.numpy()).all():
        raise bundle_files.damaged(path, f"its errors do not match the threshold in {MANIFEST}")
    return replace(reference, note=bundle_metadata.check_text("note", str(described["note"])))
