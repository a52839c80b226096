"""Opens the model registry that a configuration names, and finds the model to begin with."""

from __future__ import annotations

from pathlib import Path

from monitor.config import Config
from monitor.config.registry import RegistryConfig
from monitor.errors import ConfigError, RegistryError
from monitor.registry import CURRENT, Registry
from monitor.registry.embedded import EmbeddedRegistry
from monitor.registry.mlflow import MlflowRegistry


def open_registry(config: Config) -> Registry:
    """The registry of the configuration; nothing is asked of it yet.

    Raises ConfigError if there is none, RegistryError if the package mlflow is missing.
    """
    if config.registry is None:
        raise ConfigError(
            "the configuration names a model and no registry. Give registry instead of model:"
            " registry: {path: ./registry}"
        )
    return build_registry(config.registry)


def build_registry(section: RegistryConfig) -> Registry:
    """The registry that the section describes."""
    if section.mlflow is None:
        return EmbeddedRegistry(section.path or Path())
    server = section.mlflow
    return MlflowRegistry(server.tracking_uri, server.name, server.cache, server.cache_bytes)


def model_folder(config: Config) -> Path:
    """The folder of the bundle to score with: `model`, or what is current in the registry.

    Raises ConfigError, RegistryError or BundleError.
    """
    if config.model is not None:
        return config.model
    registry = open_registry(config)
    version = registry.resolve(CURRENT)
    if version is None:
        raise RegistryError(
            "the registry has no current version yet. Add one: aead-monitor models add BUNDLE"
            " --promote"
        )
    return registry.fetch(version)
