"""What every autoencoder shares: encode, decode, forward, and the settings that rebuild it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Self

from torch import Tensor, nn

from models.input_spec import InputSpec
from models.layouts import Layout

__all__ = ["Autoencoder", "Distance", "InputSpec", "Layout"]

Distance = Callable[[Tensor, Tensor], Tensor]
"""From records and their reconstructions, (B, *shape) both, to the mean error, a scalar."""


class Autoencoder(nn.Module):
    """Maps a record to a short code and back; what it cannot reproduce is unlike its training.

    A subclass names itself, defines `check`, `encode` and `decode`, and has an entry in
    `architectures.ARCHITECTURES`; one that is trained on more than the reconstruction error
    defines `loss` too. `settings` are JSON values that rebuild it, complete.
    """

    architecture: ClassVar[str]
    reconstructs: ClassVar[bool] = True
    """False for a scorer that gives an error and nothing else: there is nothing to be drawn."""

    def __init__(self, spec: InputSpec, settings: Mapping[str, Any]) -> None:
        super().__init__()
        self.shape = spec.shape
        self.settings: dict[str, Any] = dict(settings)

    @classmethod
    def check(cls, spec: InputSpec, settings: Mapping[str, Any]) -> dict[str, Any]:
        """Complete settings: those given, and defaults that suit the input for the rest.

        Raises ValueError, with one line for the user, before any memory is allocated.
        """
        raise NotImplementedError

    @classmethod
    def of_before(cls, settings: Mapping[str, Any]) -> dict[str, Any]:
        """Settings of a bundle, with what an earlier version had not written yet as it was then."""
        return dict(settings)

    @classmethod
    def build(cls, spec: InputSpec, settings: Mapping[str, Any]) -> Self:
        """Return a new model with random weights; ValueError for settings that do not fit."""
        return cls(spec, cls.check(spec, settings))

    @property
    def place(self) -> str:
        """The device that it computes on, for people."""
        return str(next(self.parameters()).device)

    def filled(self) -> None:
        """Called when the weights have been read. Raises ValueError if they cannot be used."""

    def encode(self, x: Tensor) -> Tensor:
        """Return the codes. x: float32 (B, *spec.shape), normalised. Returns (B, bottleneck)."""
        raise NotImplementedError

    def decode(self, code: Tensor) -> Tensor:
        """Return records from their codes, (B, *spec.shape)."""
        raise NotImplementedError

    def loss(self, x: Tensor, distance: Distance) -> Tensor:
        """What training makes small, a scalar: the distance of the reconstruction from x.

        An architecture may add a penalty, or reconstruct x from a copy that it has corrupted.
        Random numbers come from torch's own generator, which training seeds. x: as for `encode`.
        """
        return distance(x, self(x))

    def forward(self, x: Tensor) -> Tensor:
        """Return the reconstruction of x, same shape."""
        return self.decode(self.encode(x))
