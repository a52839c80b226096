"""The table of architectures. A new one is a file of its own and an entry here.

The command line reads the table: torch is imported only when a model is built.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from models.deferred import found

if TYPE_CHECKING:
    from models.autoencoder import Autoencoder
    from models.input_spec import InputSpec


@dataclass(frozen=True, slots=True)
class Option:
    """A setting that `aead-monitor train` offers as an option of its name.

    many: it is a list of such values. metavar, words: what help says of it.
    """

    name: str
    type: type[int] | type[float]
    metavar: str
    words: str
    many: bool = False


@dataclass(frozen=True, slots=True)
class Architecture:
    """Where the class is, as `module:name`, and those of its settings that `train` offers.

    solved: its weights are computed, and it leaves out the strangest records.
    """

    place: str
    options: tuple[Option, ...]
    solved: bool = False

    def load(self) -> type[Autoencoder]:
        """The class."""
        loaded: type[Autoencoder] = found(self.place)
        return loaded


HIDDEN: Final = Option("hidden", int, "WIDTH", "layers down to the code", many=True)
BETA: Final = Option(
    "beta", float, "B", "weight of the divergence (default 0.01; of reconstruction-probability 1)"
)
WEIGHT: Final = Option("weight", float, "W", "weight of the penalty")
BOTTLENECK: Final = Option("bottleneck", int, "N", "code length")
CHANNELS: Final = Option("channels", int, "N", "channels per stage", many=True)
DROPOUT: Final = Option("dropout", float, "P", "default 0.1")

ARCHITECTURES: Final[dict[str, Architecture]] = {
    "ladder": Architecture(
        "models.ladder:Ladder",
        (Option("memory", int, "N", "usual records remembered (default 160)"),),
        solved=True,
    ),
    "linear": Architecture("models.linear:Linear", (BOTTLENECK,), solved=True),
    "edges": Architecture("models.edges:Edges", (BOTTLENECK,), solved=True),
    "patches": Architecture("models.patches:Patches", (BOTTLENECK,), solved=True),
    "dense": Architecture("models.dense:Dense", (HIDDEN,)),
    "convolutional": Architecture(
        "models.convolutional:Convolutional", (CHANNELS, BOTTLENECK, DROPOUT)
    ),
    "temporal": Architecture("models.temporal:Temporal", (CHANNELS, BOTTLENECK)),
    "variational": Architecture("models.variational:Variational", (HIDDEN, BETA)),
    "convolutional-variational": Architecture(
        "models.convolutional_variational:ConvolutionalVariational",
        (CHANNELS, BOTTLENECK, DROPOUT, BETA),
    ),
    "reconstruction-probability": Architecture(
        "models.reconstruction_probability:ReconstructionProbability",
        (HIDDEN, BETA, Option("draws", int, "N", "codes drawn of each record (default 8)")),
    ),
    "denoising": Architecture(
        "models.denoising:Denoising",
        (HIDDEN, Option("corruption", float, "P", "share of values replaced (default 0.2)")),
    ),
    "sparse": Architecture(
        "models.sparse:Sparse",
        (HIDDEN, WEIGHT, Option("activity", float, "A", "wanted of each code value (0.05)")),
    ),
    "contractive": Architecture("models.contractive:Contractive", (HIDDEN, WEIGHT)),
    "memory": Architecture(
        "models.memory_augmented:MemoryAugmented",
        (HIDDEN, Option("remembered", int, "N", "codes remembered (default 100)")),
    ),
}
SOLVED: Final = tuple(name for name, each in ARCHITECTURES.items() if each.solved)
GIVEN: Final[dict[str, Architecture]] = {
    "onnx": Architecture("models.onnx_scorer:OnnxScorer", ()),
}
"""Made elsewhere, and never trained here."""
MAX_PARAMETERS: Final = 1 << 28
"""1 GiB of float32; larger models are refused before memory is allocated for them."""


def default_architecture(spec: InputSpec) -> str:
    """The architecture for records of which nobody says which.

    Convolutional for images of at least 8 x 8 pixels, temporal for series of at least 8 steps,
    and dense for everything else.
    """
    from models.convolutional import MIN_SIDE
    from models.temporal import MIN_STEPS

    if spec.layout == "series" and spec.shape[1] >= MIN_STEPS:
        return "temporal"
    large = spec.is_image and min(spec.shape[1:]) >= MIN_SIDE
    return "convolutional" if large else "dense"


def build(name: str, spec: InputSpec, settings: Mapping[str, Any]) -> Autoencoder:
    """Return a new model with random weights.

    Raises ValueError, with one line for the user, for an unknown name, settings that do not
    fit, or a model of more than MAX_PARAMETERS; nothing large is allocated before that.
    """
    outline(name, spec, settings)
    return _known(name).load().build(spec, settings)


def _known(name: str) -> Architecture:
    return ARCHITECTURES[name] if name in ARCHITECTURES else GIVEN[name]


def of_before(name: str, settings: Any) -> Any:
    """Settings that a bundle has, as its version meant them; others are for `outline` to refuse."""
    known = name in ARCHITECTURES and isinstance(settings, Mapping)
    return _known(name).load().of_before(settings) if known else settings


def outline(name: str, spec: InputSpec, settings: Mapping[str, Any]) -> Autoencoder:
    """Return the model without memory for its weights (torch's meta device); errors as `build`."""
    import torch

    if name not in ARCHITECTURES and name not in GIVEN:
        raise ValueError(f"unknown architecture {name!r:.80}; known are {', '.join(ARCHITECTURES)}")
    with torch.device("meta"):
        model = _known(name).load().build(spec, settings)
    parameters = sum(math.prod(parameter.shape) for parameter in model.parameters())
    if parameters > MAX_PARAMETERS:
        raise ValueError(f"{parameters:,} parameters, more than the {MAX_PARAMETERS:,} allowed")
    return model
