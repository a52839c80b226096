"""What a model computes, written down while other threads go on computing.

`torch.fx` notes what a model does by replacing `nn.Module.__call__` and `__getattr__` for the
whole process while it looks. A daemon looks at a new model while it scores with the current one,
on another thread: whose modules would be taken for parts of the new one. So what other threads
call is called as ever, and one thread looks at a time: of two, the one that ends last would leave
the other's replacement behind.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Final

from torch import fx, nn

_LOCK: Final = threading.Lock()


def graph_of(model: nn.Module) -> fx.Graph:
    """The graph of a model. Raises what `torch.fx.Tracer.trace` raises where values decide."""
    with _LOCK:
        tracer = _OwnThread()
        graph = tracer.trace(model)
        # As a module's own it can tell which of its nodes are needed.
        return fx.GraphModule(tracer.root, graph).graph


class _OwnThread(fx.Tracer):
    """Takes no notice of what other threads than the one that made it call."""

    def __init__(self) -> None:
        super().__init__()
        self._thread = threading.get_ident()

    def call_module(
        self,
        m: nn.Module,
        forward: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> Any:
        if threading.get_ident() != self._thread:
            return forward(*args, **kwargs)
        return super().call_module(m, forward, args, kwargs)

    def getattr(self, attr: str, attr_val: Any, parameter_proxy_cache: dict[str, Any]) -> Any:
        if threading.get_ident() != self._thread:
            return attr_val
        return super().getattr(attr, attr_val, parameter_proxy_cache)
