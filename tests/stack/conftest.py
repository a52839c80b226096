"""The stack that the tests of this folder share."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from examples.stack.stack import Ports, Sizes, Stack
from tests.stack.watched import Watched


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    """All parts on free ports; with `pytest -s` it says what happens."""
    begun = time.monotonic()

    def say(line: str) -> None:
        print(f"[{time.monotonic() - begun:5.1f} s] {line}", flush=True)

    folder = tmp_path_factory.mktemp("stack")
    with Stack(folder, Ports.free(), Sizes.quick(), say) as stack:
        yield Watched(stack)
