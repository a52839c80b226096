"""Streams and events of a GPU, and what stands for them on the CPU, where all is done at once."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch

_new_stream: Any = torch.cuda.Stream
_new_event: Any = torch.cuda.Event


class Streams:
    """One stream that computes, and one that copies meanwhile.

    Events are what `torch.cuda.Event` is, or None on the CPU.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._copies: Any = _new_stream(device) if device.type == "cuda" else None

    @property
    def asynchronous(self) -> bool:
        """Whether the device works while the processor goes on."""
        return self._copies is not None

    def warm_up(self, call: Callable[[], object], times: int) -> None:
        """Make calls on another stream, between what came before and what comes after."""
        side, current = _new_stream(self._device), torch.cuda.current_stream(self._device)
        side.wait_stream(current)
        with torch.cuda.stream(side):
            for _ in range(times):
                call()
        current.wait_stream(side)

    def here(self) -> AbstractContextManager[Any]:
        """Inside, the device is the current one."""
        return torch.cuda.device(self._device) if self.asynchronous else nullcontext()

    def event(self) -> Any:
        """An event that has happened."""
        return _new_event() if self.asynchronous else None

    def copying(self) -> AbstractContextManager[Any]:
        """Inside, work goes to the stream that copies."""
        return torch.cuda.stream(self._copies) if self.asynchronous else nullcontext()

    def record(self, event: Any) -> None:
        """Let the event happen when the stream's work up to now is done."""
        if event is not None:
            event.record(torch.cuda.current_stream(self._device))

    def wait(self, event: Any) -> None:
        """Let the stream's further work wait for the event; the processor goes on."""
        if event is not None:
            torch.cuda.current_stream(self._device).wait_event(event)

    def block(self, event: Any) -> None:
        """Let the processor wait for the event."""
        if event is not None:
            event.synchronize()
