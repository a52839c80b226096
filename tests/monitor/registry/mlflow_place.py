"""A model of its own in the MLflow server of the tests."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from monitor.registry.mlflow import MlflowRegistry
from tests.monitor.registry.places import Place
from tests.monitor.registry.server import MlflowServer

if TYPE_CHECKING:
    from mlflow import MlflowClient


class MlflowPlace(Place):
    """A model of its own in the server. What is damaged there is not in the cache either."""

    def __init__(self, server: MlflowServer, cache: Path) -> None:
        self.name, self.uri = f"model-{uuid.uuid4().hex[:8]}", server.uri
        section = {"tracking_uri": server.uri, "name": self.name, "cache": str(cache)}
        super().__init__({"mlflow": section}, server.artefacts)
        self.cache = cache

    def open(self, **changes: int) -> MlflowRegistry:
        return MlflowRegistry(self.uri, self.name, self.cache, **changes)

    def stored(self, name: str) -> Iterator[Path]:
        for run in self.client.search_runs([self.experiment]):
            yield from (self.files / self.experiment / run.info.run_id).rglob(name)

    @property
    def client(self) -> MlflowClient:
        from mlflow import MlflowClient

        return MlflowClient(self.uri, self.uri)

    @property
    def experiment(self) -> str:
        found = self.client.get_experiment_by_name(self.name)
        assert found is not None
        return str(found.experiment_id)
