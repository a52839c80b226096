"""Tables of what the tests need to know of each plug-in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

Entry = TypeVar("Entry")


class Asked(dict[str, Entry]):
    """Entries by the plug-in's name. One that is missing is asked for: where, what, which table.

    request: such as "tests/fuzz/seeds.py: add samples for codec {} to SAMPLES".
    """

    def __init__(self, request: str, entries: Mapping[str, Entry]) -> None:
        super().__init__(entries)
        self.request = request

    def __missing__(self, name: str) -> Entry:
        raise AssertionError(self.request.format(repr(name)))
