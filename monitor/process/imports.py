"""Importing many modules at once."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without_collection() -> Iterator[None]:
    """For a block of imports: the garbage collector leaves alone what modules are made of.

    Modules make millions of objects that stay. To look through them for garbage, in the block,
    in every full collection later, and at the end of the process, took a quarter of
    `check-config`. What is garbage when the block ends stays, too; so nothing happens in a
    process that has the modules already.
    """
    before, known = gc.isenabled(), len(sys.modules)
    gc.disable()
    try:
        yield
    finally:
        if len(sys.modules) > known:
            gc.freeze()
        if before:
            gc.enable()
