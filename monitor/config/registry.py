"""The configuration's section on the model registry: a folder, or a model in MLflow."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from pydantic import Field, model_validator

from monitor.config.section import Section

VERSION: Final = re.compile("[0-9a-f]{16}")
"""What a version of a model looks like."""


class MlflowConfig(Section):
    """A registered model in an MLflow server."""

    tracking_uri: str = Field(
        pattern=r"^https?://[^\s@/]+(/[^\s@]*)?$",
        description="Address of the server, http or https, without user or password.",
    )
    name: str = Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$", description="Name of the registered model."
    )
    cache: Path = Field(description="Folder for the bundles that were fetched.")
    cache_bytes: int = Field(
        4 * 2**30, ge=2**20, description="The least recently fetched bundles over it are removed."
    )


class RegistryConfig(Section):
    """Where the versions of the model are kept."""

    path: Path | None = Field(None, description="A folder that holds the registry.")
    mlflow: MlflowConfig | None = Field(None, description="A model in MLflow that holds it.")

    @model_validator(mode="after")
    def _one_place(self) -> RegistryConfig:
        if (self.path is None) == (self.mlflow is None):
            raise ValueError("give either path (a folder) or mlflow (a server), and not both")
        return self
