"""Network: an autoencoder as it runs in service: the same sums, with less around them.

The modules of an architecture are one chain, from record to reconstruction. It is written down
once (`torch.fx`), without what does nothing in service (dropout), with batch norm folded into the
convolution before it, and activations in place. Fully connected layers write to memory that is
used again. On the CPU a module call costs about a microsecond and fresh memory a page fault for
every 4 KiB, which together is more than the arithmetic of a small network. An architecture that
is no chain runs as it is.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final

import torch
from torch import Tensor, fx, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from models.autoencoder import Autoencoder
from models.tracing import graph_of

Step = Callable[[Tensor], Tensor]
KEPT: Final = 8
"""Numbers of rows whose steps are kept."""
_TRANSPOSED: Final = (nn.ConvTranspose1d, nn.ConvTranspose2d)
_CONVOLUTIONS: Final = (nn.Conv1d, nn.Conv2d, *_TRANSPOSED)
_NORMS: Final = (nn.BatchNorm1d, nn.BatchNorm2d)


class Network:
    """Reconstructs batches, in evaluation mode. Not for several threads at a time.

    dtype: of weights and activations; x must have it. channels_last: convolutions keep their
    weights for images in that order of memory. What `__call__` returns is overwritten by the
    next call.
    """

    def __init__(
        self, model: Autoencoder, dtype: torch.dtype = torch.float32, channels_last: bool = False
    ) -> None:
        model.eval()
        device = next(model.parameters()).device
        pieces = _chain(model)
        self.is_chain = pieces is not None
        self._pieces = [
            _kept(piece, dtype, channels_last) for piece in ([model] if pieces is None else pieces)
        ]
        self._steps: dict[int, Sequence[Step]] = {}
        self._width = max((p.out_features for p in self._pieces if _is_linear(p)), default=0)
        self._memory = [torch.empty(0, dtype=dtype, device=device) for _ in range(2)]

    @property
    def is_dense(self) -> bool:
        """Whether it consists of fully connected layers and functions of single values."""
        return self.is_chain and not any(isinstance(p, _CONVOLUTIONS) for p in self._pieces)

    @property
    def width(self) -> int:
        """Values of a record in the widest fully connected layer."""
        return self._width

    def __call__(self, x: Tensor) -> Tensor:
        """The reconstruction of x (B, *shape), same shape."""
        for step in self._steps.get(len(x)) or self._bound(len(x)):
            x = step(x)
        return x

    def reserve(self, rows: int) -> None:
        """Have memory for batches of up to so many rows: it stays where it is after that."""
        if self._memory[0].numel() < rows * self._width:
            self._memory = [each.new_empty(rows * self._width) for each in self._memory]
            self._steps.clear()  # they write to what was there before

    def _bound(self, rows: int) -> Sequence[Step]:
        """The steps for so many rows, with their places in the memory."""
        self.reserve(rows)
        if len(self._steps) >= KEPT:
            self._steps.clear()
        steps: list[Step] = []
        places = list(self._memory)
        own = False
        for piece in self._pieces:
            if _is_linear(piece):
                steps.append(_linear(piece, places[0], rows))
                places.reverse()  # the next layer reads what this one wrote
            else:
                steps.append(_in_place(piece) if own else piece)
            own = own or _is_linear(piece) or isinstance(piece, _CONVOLUTIONS)
        self._steps[rows] = steps
        return steps


def _linear(layer: nn.Linear, memory: Tensor, rows: int) -> Step:
    out = memory[: rows * layer.out_features].view(rows, layer.out_features)
    return partial(_affine, layer.bias, layer.weight.t(), out)


def _affine(bias: Tensor, weight: Tensor, out: Tensor, x: Tensor) -> Tensor:
    return torch.addmm(bias, x, weight, out=out)


def _in_place(piece: Any) -> Step:
    """A function of single values in place: what it reads is a layer's own."""
    if isinstance(piece, nn.LeakyReLU):
        return partial(nn.functional.leaky_relu_, negative_slope=piece.negative_slope)
    if isinstance(piece, nn.Sigmoid):
        return torch.sigmoid_
    step: Step = torch.tanh_ if piece is Tensor.tanh else piece
    return step


def _is_linear(piece: Any) -> bool:
    return isinstance(piece, nn.Linear) and piece.bias is not None


def _kept(piece: Any, dtype: torch.dtype, channels_last: bool) -> Any:
    """A step with its weights as they are to be; the model's own where they are that already."""
    if not isinstance(piece, nn.Module):
        return piece
    ordered = channels_last and not _is_linear(piece)
    if not ordered and all(each.dtype == dtype for each in piece.parameters()):
        return piece
    own = copy.deepcopy(piece).requires_grad_(False).to(dtype)
    return own.to(memory_format=torch.channels_last) if ordered else own


def _chain(model: Autoencoder) -> list[Any] | None:
    """The model's steps one after the other, or None if they are more than a chain.

    Each is a layer, or a function from tensor to tensor.
    """
    try:
        graph = graph_of(model)
    except (fx.proxy.TraceError, TypeError, ValueError, RuntimeError):  # by values, or sizes
        return None
    graph.eliminate_dead_code()
    pieces: list[Any] = []
    before, *nodes = (node for node in graph.nodes if node.op != "output")
    for node in nodes:
        if node.all_input_nodes != [before]:
            return None
        _append(pieces, _piece(model, node, before))
        before = node
    return pieces


def _append(pieces: list[Any], piece: Any) -> None:
    """Add a step, or fold it into the last one."""
    last = pieces[-1] if pieces else None
    if isinstance(piece, _NORMS) and isinstance(last, _CONVOLUTIONS):
        pieces[-1] = fuse_conv_bn_eval(last, piece, isinstance(last, _TRANSPOSED))
    elif not isinstance(piece, (nn.Dropout, nn.Identity)):
        pieces.append(piece)


def _piece(model: Autoencoder, node: fx.Node, before: fx.Node) -> Any:
    """A node of the chain as a function of what comes before it."""
    if node.op == "call_module":
        return model.get_submodule(str(node.target))
    target: Any = node.target
    function = getattr(Tensor, str(target)) if node.op == "call_method" else target
    if node.args == (before,) and not node.kwargs:
        return function
    return partial(_called, function, node.args.index(before), node.args, node.kwargs)


def _called(
    function: Callable[..., Tensor], place: int, args: tuple[Any, ...], kwargs: Any, x: Tensor
) -> Tensor:
    return function(*args[:place], x, *args[place + 1 :], **kwargs)
