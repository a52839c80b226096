"""Names of classes that are imported with their first use.

A table of plug-ins is read by the command line and the configuration, which need the names and
must not import what the plug-ins do: torch alone takes seconds.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any


def deferred(place: str) -> Callable[..., Any]:
    """A function that calls what is at `module:name`, or `module:Class.method`.

    The module is imported with the first call.
    """

    def call(*arguments: Any, **options: Any) -> Any:
        return found(place)(*arguments, **options)

    return call


def found(place: str) -> Any:
    """What is at `module:name`; imports the module. ImportError or AttributeError if nothing is."""
    module, _, name = place.partition(":")
    item: Any = import_module(module)
    for part in name.split("."):
        item = getattr(item, part)
    return item
