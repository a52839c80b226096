"""Makes a bundle of weights that were trained elsewhere, for one of our architectures.

They are read from safetensors alone. A .pt file is a pickle: torch reads it with a restricted
unpickler (`weights_only=True`), which is code that interprets the file all the same, and had a hole
until torch 2.6 (CVE-2025-32434). Whoever trusts the file turns it into safetensors in a line.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import safetensors
import safetensors.torch
import torch
from torch import Tensor

from models import architectures, given
from models.autoencoder import Autoencoder
from models.bundle import Bundle, check_target
from models.bundle_files import LIMITS, MODEL
from models.error_metrics import misfit
from models.errors import GivenModelError
from models.files import read_bounded
from models.given import Normal
from models.input_spec import InputSpec
from models.reconstruction import reconstruction_errors
from models.settings import TrainingSettings
from models.solved import Scoring, Solved

NORMALISATIONS: Final = ("data", "none")
LISTED: Final = 20
"""Mismatches that a message lists."""
CHECKED: Final = 2000
"""Records that tell how much is reconstructed."""
_PICKLES: Final = (b"PK\x03\x04", b"\x80\x02", b"\x80\x04")
_PREFIXES: Final = ("module.", "_orig_mod.", "model.")
"""What wrappers of torch put before each name."""


def import_weights(
    path: Path,
    out: Path | str,
    normal: Normal,
    architecture: str,
    settings: Mapping[str, Any],
    normalisation: str,
    metric: str = "mse",
) -> Bundle:
    """Calibrate these weights on normal records that they were not trained on, and save a bundle.

    normalisation: "data", as `train` would normalise these records, or "none" if records are as the
    network takes them. metric: one of ERROR_METRICS. Raises GivenModelError for weights that do not
    fit, naming each mismatch, and as `given.save` does.
    """
    check_target(out)
    tensors, digest = _read(path)
    fitted, held_out = normal.parts()
    spec = InputSpec.fit(normal.records[fitted], normal.schema, layout=normal.layout)
    if refused := misfit(metric, spec.is_image):
        raise GivenModelError(f"{path}: {refused} Use mse, mae or huber")
    if normalisation == "none":
        channels = spec.shape[0]
        spec = replace(spec, offset=(0.0,) * channels, scale=(1.0,) * channels)
    model = _outlined(architecture, spec, settings)
    if isinstance(model, Scoring) and metric != TrainingSettings().error_metric:
        raise GivenModelError(f"{architecture} has an error of its own: leave out {metric}")
    found = named_as(tensors, model)
    wrong = mismatches(found, model.state_dict())
    if wrong:
        more = len(wrong) - LISTED
        lines = [*wrong[:LISTED], *([f"and {more} more"] if more > 0 else [])]
        said = ", ".join(f"{name} {value}" for name, value in model.settings.items())
        raise GivenModelError(
            "\n".join([f"{path}: does not fit {architecture} with {said}:", *lines])
        )
    model.load_state_dict(found, assign=True)
    x = torch.from_numpy(spec.prepare(normal.records[held_out[:CHECKED]]))
    return given.save(
        out,
        model,
        spec,
        normal,
        metric,
        {
            "file": path.name,
            "sha256": digest,
            "normalisation": normalisation,
            "explained": explained(model.eval(), x),
        },
    )


def _read(path: Path) -> tuple[dict[str, Tensor], str]:
    """The tensors of a file, and its hash. Raises GivenModelError."""
    try:
        data = read_bounded(path, LIMITS[MODEL]) if path.is_file() else None
    except OSError as error:
        raise GivenModelError(f"{path}: cannot be read: {error.strerror or error}") from error
    if data is None:
        limit = f"is larger than {LIMITS[MODEL] >> 20} MiB" if path.is_file() else "is not a file"
        raise GivenModelError(f"{path}: {limit}")
    if data.startswith(_PICKLES):
        raise GivenModelError(
            f"{path}: is a pickle, which is not read: it can run code. If you trust it, turn it"
            ' into safetensors: python -c "import torch, safetensors.torch as s; s.save_file('
            f"torch.load('{path.name}', weights_only=True), 'weights.safetensors')\""
        )
    try:
        tensors: dict[str, Tensor] = safetensors.torch.load(data)
    except (safetensors.SafetensorError, KeyError, ValueError) as error:
        text = " ".join(str(error).split())[:200]
        raise GivenModelError(f"{path}: is not a whole safetensors file ({text})") from error
    return tensors, hashlib.sha256(data).hexdigest()


def _outlined(architecture: str, spec: InputSpec, settings: Mapping[str, Any]) -> Autoencoder:
    known = architectures.ARCHITECTURES.get(architecture)
    if known is not None and issubclass(known.load(), Solved):
        raise GivenModelError(
            f"{architecture} is solved for the records of a bundle, in seconds: train it instead"
        )
    try:
        return architectures.outline(architecture, spec, settings)
    except ValueError as error:
        raise GivenModelError(f"{architecture}: {error}") from error


def named_as(tensors: Mapping[str, Tensor], model: Autoencoder) -> dict[str, Tensor]:
    """The tensors, without what a wrapper of torch put before all their names."""
    expected = model.state_dict().keys()
    for prefix in _PREFIXES:
        cut = {name.removeprefix(prefix): tensor for name, tensor in tensors.items()}
        if all(name.startswith(prefix) for name in tensors) and cut.keys() == expected:
            return cut
    return dict(tensors)


def mismatches(found: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> list[str]:
    """What keeps the tensors from being the weights, a line each; none if they fit."""
    wrong = [f"missing     {n} {_form(expected[n])}" for n in expected if n not in found]
    wrong += [f"unexpected  {n!a:.80} {_form(found[n])}" for n in found if n not in expected]
    for name in expected:
        if name in found and _form(found[name]) != _form(expected[name]):
            wrong.append(f"other form  {name} {_form(found[name])}, not {_form(expected[name])}")
        elif name in found and not torch.isfinite(found[name]).all():
            wrong.append(f"not finite  {name}")
    return wrong


def _form(tensor: Tensor) -> str:
    return f"{str(tensor.dtype).removeprefix('torch.')} {list(tensor.shape)}"


def explained(model: Autoencoder, x: Tensor) -> float:
    """How much of the records' spread is reconstructed, at most 1; below 0, their mean would be
    the better reconstruction. x: (n, *shape), normalised."""
    left = float(reconstruction_errors(model, x).mean())
    spread = float((x - x.mean(0)).square().mean())
    return float(np.round(1 - left / spread, 6)) if spread > 0 else 0.0
