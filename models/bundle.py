"""Bundle: a trained model, its input spec and its reference in one folder.

    model.safetensors       the weights
    reference.safetensors   the calibration errors: in stream order if known, else ascending
    bundle.json             everything else, and the hashes of both
    README.md, plots/       the model card, for people; never read back

The version is the hash of bundle.json without the version itself, so it covers all three. Files
are bounded in size and checked before anything is built from them; nothing pickled is ever read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.torch
import torch
from numpy.typing import NDArray

from models import architectures, bundle_files
from models.autoencoder import Autoencoder
from models.bundle_files import MANIFEST, MODEL, REFERENCE
from models.device import resolve
from models.errors import BundleError, CalibrationError, UserError
from models.files import replaced_folder
from models.input_spec import InputSpec
from models.reconstruction import ERROR_METRICS
from models.reference import Reference

SCHEMA_VERSION = 1


@dataclass(frozen=True, eq=False)
class Bundle:
    """A model that is ready to score, and what is known about it.

    version: 16 hex digits, the content's hash. metadata: JSON values: training data fingerprint,
    settings, metrics, library versions, creation time (ISO 8601, UTC).
    """

    version: str
    architecture: str
    input_spec: InputSpec
    reference: Reference
    model: Autoencoder
    error_metric: str
    metadata: dict[str, Any]
    path: Path


Pages = Callable[[Bundle], Mapping[str, bytes]]


def save(
    folder: Path | str,
    *,
    model: Autoencoder,
    input_spec: InputSpec,
    reference: Reference,
    error_metric: str,
    metadata: Mapping[str, Any],
    pages: Pages | None = None,
) -> Bundle:
    """Write a bundle, verify what was written, and return it.

    pages: makes further files, by relative name, from the finished bundle (the model card).
    The folder appears whole or not at all; an older bundle there is replaced. Raises BundleError
    if the folder holds anything but a bundle, or cannot be written.
    """
    target = Path(folder).absolute()
    check_target(target)
    weights = {name: tensor.contiguous() for name, tensor in model.cpu().state_dict().items()}
    contents = {
        MODEL: safetensors.torch.save(weights),
        REFERENCE: safetensors.torch.save({"errors": torch.tensor(_stored(reference))}),
    }
    document = {
        "schema_version": SCHEMA_VERSION,
        "architecture": model.architecture,
        "architecture_settings": model.settings,
        "input_spec": input_spec.to_json(),
        "error_metric": error_metric,
        "reference": {
            "count": reference.count,
            "quantile": reference.quantile,
            "threshold": reference.threshold,
            "note": reference.note,
            "ordered": reference.ordered,
        },
        "metadata": dict(metadata),
    }
    contents[MANIFEST] = bundle_files.manifest(document, contents)
    try:
        return _write(target, contents, pages)
    except OSError as error:
        raise BundleError(f"cannot write the bundle {target}: {error}.") from error


def check_target(folder: Path | str) -> None:
    """Raise BundleError if saving there would overwrite anything but an older bundle."""
    target = Path(folder)
    if target.is_symlink() or (target.exists() and not target.is_dir()):
        raise BundleError(f"{target} is not a folder. Choose another place for the bundle.")
    if target.is_dir() and any(target.iterdir()) and not (target / MANIFEST).is_file():
        raise BundleError(
            f"{target} holds other files and no {MANIFEST}. Choose a new folder for the bundle."
        )


def _write(target: Path, contents: Mapping[str, bytes], pages: Pages | None) -> Bundle:
    with replaced_folder(target) as draft:
        bundle_files.write(draft, contents)
        bundle = replace(load(draft), path=target)
        bundle_files.write(draft, pages(bundle) if pages else {})
    return bundle


def version_of(folder: Path | str) -> str:
    """Return the version of the bundle in a folder; only bundle.json is read and verified.

    Raises BundleError.
    """
    return str(bundle_files.read_manifest(Path(folder), SCHEMA_VERSION)["version"])


def load(folder: Path | str, device: str = "cpu") -> Bundle:
    """Return the bundle with its model on the device, in evaluation mode.

    Raises BundleError, which names the file and what to do, if anything is missing, damaged,
    edited, or not of this schema.
    """
    path = Path(folder)
    document, contents = bundle_files.read(path, SCHEMA_VERSION)
    place = resolve(device)
    try:
        spec = InputSpec.from_json(document["input_spec"])
        metric = str(document["error_metric"])
        if metric not in ERROR_METRICS:
            raise ValueError(f"unknown error_metric {metric!r:.80}")
        name, settings = str(document["architecture"]), document["architecture_settings"]
        model = architectures.outline(name, spec, settings)
        metadata = dict(document["metadata"])
        _fill(model, path / MODEL, contents[MODEL])
        reference = _reference(document["reference"], path / REFERENCE, contents[REFERENCE])
    except UserError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        reason = f"{error.args[0]} is missing" if isinstance(error, KeyError) else str(error)
        raise bundle_files.damaged(path / MANIFEST, reason) from error
    return Bundle(
        version=document["version"],
        architecture=name,
        input_spec=spec,
        reference=reference,
        model=model.to(place).eval(),
        error_metric=metric,
        metadata=metadata,
        path=path,
    )


def _fill(model: Autoencoder, path: Path, data: bytes) -> None:
    """Give an outlined model its weights, after comparing names, shapes and types."""
    tensors = bundle_files.tensors(path, data)
    expected = model.state_dict()
    if set(tensors) != set(expected):
        odd = sorted(set(tensors) ^ set(expected))[0]
        fault = "is missing" if odd in expected else "does not belong to this architecture"
        raise bundle_files.damaged(path, f"tensor {odd!r:.80} {fault}")
    for name, tensor in tensors.items():
        wanted = expected[name]
        if tensor.shape != wanted.shape or tensor.dtype != wanted.dtype:
            got = f"{tensor.dtype} {list(tensor.shape)}"
            need = f"{wanted.dtype} {list(wanted.shape)}"
            raise bundle_files.damaged(path, f"tensor {name} is {got}, the architecture has {need}")
        if not torch.isfinite(tensor).all():
            raise bundle_files.damaged(path, f"tensor {name} holds values that are not finite")
    model.load_state_dict(tensors, assign=True)


def _stored(reference: Reference) -> NDArray[np.float64]:
    """The calibration errors as they are kept."""
    return reference.errors if reference.in_order is None else reference.in_order


def _reference(described: Mapping[str, Any], path: Path, data: bytes) -> Reference:
    """The reference of the stored errors, after comparing it with what bundle.json says."""
    tensors = bundle_files.tensors(path, data)
    errors = tensors.get("errors")
    if len(tensors) != 1 or errors is None or errors.dtype != torch.float64 or errors.ndim != 1:
        raise bundle_files.damaged(path, "it must hold one float64 list called errors")
    ordered = described.get("ordered", False)  # bundles of before did not know the order
    try:
        if type(ordered) is not bool:
            raise CalibrationError(f"ordered must be true or false, got {ordered!r:.80}")
        reference = Reference.calibrate(
            errors.numpy(), float(described["quantile"]), ordered=ordered
        )
    except CalibrationError as error:
        raise bundle_files.damaged(path, str(error)) from error
    same = (reference.count, reference.threshold) == (described["count"], described["threshold"])
    if not same or not (_stored(reference) == errors.numpy()).all():
        raise bundle_files.damaged(path, f"its errors do not match the threshold in {MANIFEST}")
    return replace(reference, note=str(described["note"]))
