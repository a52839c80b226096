"""Where the registries of the tests are: opened anew as another process would."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from models.bundle_files import MODEL
from monitor.config.registry import RegistryConfig
from monitor.daemon.assembly.registry import build_registry
from monitor.registry import Registry


class Place:
    """A registry that is not opened yet. section: as in the configuration."""

    def __init__(self, section: dict[str, Any], files: Path) -> None:
        self.section, self.files = section, files

    def open(self) -> Registry:
        return build_registry(RegistryConfig(**self.section))

    def stored(self, name: str) -> Iterator[Path]:
        """Files of that name, wherever bundles are stored."""
        return (path for path in self.files.rglob(name) if path.is_file())

    def damage(self, version: str) -> None:
        """Flip a bit of the weights of all versions that are stored."""
        for path in self.stored(MODEL):
            flip(path)


def flip(path: Path) -> None:
    """Change the last bit of a file."""
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.chmod(0o644)
    path.write_bytes(data)
