"""Libraries that only an extra of ours installs."""

from __future__ import annotations

import importlib
from typing import Any

from models.errors import UserError


def needed(module: str, extra: str, what: str) -> Any:
    """The module of an extra. what: needs it, for people. Raises UserError if it is not there."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise UserError(
            f"{what} needs the package {module.partition('.')[0]}, which cannot be imported"
            f" ({error}): pip install 'aead-monitor[{extra}]'"
        ) from error
