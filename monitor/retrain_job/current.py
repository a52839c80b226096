"""The model in service, which a candidate is measured against."""

from __future__ import annotations

from pathlib import Path

from models.bundle import Bundle, load
from monitor.config import Config
from monitor.daemon.assembly.registry import model_folder, open_registry
from monitor.errors import UserError


def current_bundle(config: Config, version: str | None, given: Path | None) -> Bundle:
    """The bundle of the version that a request names, or that the configuration runs.

    given: a folder to take it from instead. A registry has former versions too, so that a request
    is answered even if another model is current meanwhile. Raises UserError if it is of another
    version: what a request says of one model says nothing of another.
    """
    source = "--bundle" if given else "model"
    bundle = load(given or _folder(config, version))
    if version is not None and bundle.version != version:
        raise UserError(
            f"{source}: {bundle.path} is version {bundle.version}, and the request is for"
            f" {version}. Give that version with --bundle FOLDER, or take a newer request"
        )
    return bundle


def _folder(config: Config, version: str | None) -> Path:
    if config.registry is not None and version is not None:
        return open_registry(config).fetch(version)
    return model_folder(config)
