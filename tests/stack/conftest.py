"""The stack that the tests of this folder share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.stack.watched import Watched, watched


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    with watched(tmp_path_factory.mktemp("stack")) as running:
        yield running
