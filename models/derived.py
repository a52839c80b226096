"""What is computed from weights, and kept until they are given anew."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar, cast

import torch
from torch import Tensor, nn

T = TypeVar("T")


def may_keep(x: Tensor) -> bool:
    """Whether what a module needs for x may be kept: on a CPU, and not while it is exported."""
    return x.device.type == "cpu" and not torch.compiler.is_compiling()


class Derived(Generic[T]):
    """Is computed again when a weight lies elsewhere in memory, or the module has loaded weights.

    A weight that lies elsewhere was given anew, or has been on another device. One that is loaded
    may be written where the old one was.
    """

    def __init__(self, module: nn.Module) -> None:
        # Of each weight: itself, where it lay, and its values, held so that no others lie there.
        self._kept: tuple[list[tuple[Tensor, int, Tensor]], T] | None = None
        for each in module.modules():
            cast("Any", each).register_load_state_dict_post_hook(self._forget)

    def of(self, weights: Callable[[], Sequence[Tensor]], compute: Callable[[], T]) -> T:
        """What `compute` gives, without gradients, of what `weights` names: tensors on a CPU."""
        kept = self._kept
        if kept is None or any(weight.data_ptr() != place for weight, place, _ in kept[0]):
            # Not as what inference makes, which is of no use where there are gradients.
            with torch.inference_mode(mode=False), torch.no_grad():
                seen = [(each, each.data_ptr(), each.detach()) for each in weights()]
                kept = self._kept = seen, compute()
        return kept[1]

    def _forget(self, *_: Any) -> None:
        self._kept = None
