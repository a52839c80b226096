"""Calls that may block for ever, on a thread that nobody has to wait for."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")


def start(call: Callable[[], T], name: str) -> Future[T]:
    """Call on a thread of its own. It ends with the process, whatever it waits for."""
    future: Future[T] = Future()

    def run() -> None:
        try:
            future.set_result(call())
        except BaseException as error:  # noqa: BLE001  (handed to whoever asks for the result)
            future.set_exception(error)

    threading.Thread(target=run, name=name, daemon=True).start()
    return future
