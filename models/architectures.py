"""The table of architectures. A new one is a file of its own and a line here."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

import torch

from models.autoencoder import Autoencoder
from models.convolutional import MIN_SIDE, Convolutional
from models.dense import Dense
from models.input_spec import InputSpec

ARCHITECTURES: Final[dict[str, type[Autoencoder]]] = {
    "dense": Dense,
    "convolutional": Convolutional,
}
MAX_PARAMETERS: Final = 1 << 28
"""1 GiB of float32; larger models are refused before memory is allocated for them."""


def default_architecture(spec: InputSpec) -> str:
    """Convolutional for images of at least 8 x 8 pixels, dense for everything else."""
    large = spec.is_image and min(spec.shape[1:]) >= MIN_SIDE
    return "convolutional" if large else "dense"


def build(name: str, spec: InputSpec, settings: Mapping[str, Any]) -> Autoencoder:
    """Return a new model with random weights.

    Raises ValueError, with one line for the user, for an unknown name, settings that do not
    fit, or a model of more than MAX_PARAMETERS; nothing large is allocated before that.
    """
    outline(name, spec, settings)
    return ARCHITECTURES[name].build(spec, settings)


def outline(name: str, spec: InputSpec, settings: Mapping[str, Any]) -> Autoencoder:
    """Return the model without memory for its weights (torch's meta device); errors as `build`."""
    if name not in ARCHITECTURES:
        raise ValueError(f"unknown architecture {name!r:.80}; known are {', '.join(ARCHITECTURES)}")
    with torch.device("meta"):
        model = ARCHITECTURES[name].build(spec, settings)
    parameters = sum(math.prod(parameter.shape) for parameter in model.parameters())
    if parameters > MAX_PARAMETERS:
        raise ValueError(f"{parameters:,} parameters, more than the {MAX_PARAMETERS:,} allowed")
    return model
