"""Three small bundles, and a real MLflow server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.models.bundles import write
from tests.monitor.registry.server import MlflowServer
from tests.monitor.registry.worker import Workers


@pytest.fixture(scope="session")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Folders of three bundles, with card and plot."""
    folder = tmp_path_factory.mktemp("bundles")
    pages = {"README.md": b"the card", "plots/loss.png": b"a picture"}
    return [
        write(
            folder / f"bundle-{day}",
            metadata={"created": f"2024-01-0{day}T00:00:00+00:00", "data": {"source": f"{day}"}},
            pages=lambda _: pages,
        ).path
        for day in (1, 2, 3)
    ]


@pytest.fixture(scope="session")
def workers() -> Iterator[Workers]:
    """Other processes, which may be killed."""
    workers = Workers()
    yield workers
    workers.stop()


@pytest.fixture(scope="session")
def mlflow_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MlflowServer]:
    """A running MLflow server that all tests share; each has a model of its own."""
    server = MlflowServer(tmp_path_factory.mktemp("mlflow"))
    server.start()
    yield server
    server.stop()
