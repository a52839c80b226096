"""The files of a bundle: bounded reading, hashes, and one clear line for whatever is wrong."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import safetensors
import safetensors.torch
from torch import Tensor

from models.choice import without_times
from models.errors import BundleError
from models.files import read_bounded

MANIFEST: Final = "bundle.json"
MODEL: Final = "model.safetensors"
REFERENCE: Final = "reference.safetensors"
CHANNELS: Final = "channels.safetensors"
CONTEXT: Final = "context.safetensors"
OPTIONAL: Final = frozenset({CHANNELS, CONTEXT})
"""Files that bundles of before do not have."""
SCHEMA_VERSION: Final = 2
WITH_TIMES: Final = 1
"""The schema before, whose version covers the times of the training, too."""
WITH_CONTEXT: Final = 3
"""Of bundles with a context, which programs of before would leave out without a word."""
WITH_CHANNEL_CONTEXT: Final = 4
"""Of bundles whose channels are judged by the hour; their errors may be, too."""
WITH_COLUMN: Final = 5
"""That of a bundle whose context is by a column."""
SCHEMAS: Final = (WITH_TIMES, SCHEMA_VERSION, WITH_CONTEXT, WITH_CHANNEL_CONTEXT, WITH_COLUMN)
LIMITS: Final = {
    MANIFEST: 16 << 20,
    MODEL: 1 << 30,
    REFERENCE: 1 << 28,
    CHANNELS: 1 << 26,
    CONTEXT: 1 << 28,
}
"""Largest size of each file in bytes; larger ones are not read."""


def damaged(path: Path, reason: str) -> BundleError:
    """Return the error for a file that cannot be trusted."""
    return BundleError(f"{path}: {reason.rstrip('.')}. Restore the bundle from a copy or retrain.")


def manifest(document: Mapping[str, Any], contents: Mapping[str, bytes]) -> bytes:
    """Return the bytes of bundle.json: the document, the files' hashes and the version."""
    hashes = {name: hashlib.sha256(data).hexdigest() for name, data in contents.items()}
    described = {**document, "sha256": hashes}
    whole = {"version": version_of(described), **described}
    return json.dumps(whole, indent=2, allow_nan=False).encode() + b"\n"


def version_of(document: Mapping[str, Any]) -> str:
    """16 hex digits of the hash of the document, written in one canonical way.

    When it was made, and how long that took, make no other bundle.
    """
    if document.get("schema_version") != WITH_TIMES:
        document = {**document, "metadata": _timeless(document.get("metadata"))}
    canonical = json.dumps(document, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]


def _timeless(metadata: Any) -> Any:
    """Metadata without the times of the training, whatever it is."""
    if not isinstance(metadata, Mapping):
        return metadata
    kept = {key: value for key, value in metadata.items() if key != "created"}
    metrics = kept.get("metrics")
    if isinstance(metrics, Mapping):
        kept["metrics"] = {key: value for key, value in metrics.items() if key != "seconds"}
    if "preset" in kept:
        kept["preset"] = without_times(kept["preset"])
    return kept


def write(folder: Path, contents: Mapping[str, bytes]) -> None:
    """Write files, by their names relative to the folder."""
    for name, data in contents.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(data)


def read(folder: Path) -> tuple[dict[str, Any], dict[str, bytes]]:
    """Return bundle.json and the bytes of the other files, with all hashes verified.

    The names of the files are ours, never the bundle's. Raises BundleError.
    """
    document = read_manifest(folder)
    optional = [name for name in (CHANNELS, CONTEXT) if name in document["sha256"]]
    names = [MODEL, REFERENCE, *optional]
    contents = {name: _read(folder / name) for name in names}
    for name, data in contents.items():
        if document["sha256"].get(name) != hashlib.sha256(data).hexdigest():
            raise damaged(folder / name, f"its content does not match the hash in {MANIFEST}")
    return document, contents


def read_manifest(folder: Path) -> dict[str, Any]:
    """Return bundle.json, verified against its own version; the other files are not read.

    Raises BundleError.
    """
    if not folder.is_dir():
        raise BundleError(f"{folder}: there is no such folder. Give the folder of a bundle.")
    path = folder / MANIFEST
    document = _parse(path, _read(path))
    stated = document.get("schema_version")
    if type(stated) is not int or stated not in SCHEMAS:
        raise BundleError(
            f"{path}: schema_version must be {SCHEMAS[0]} to {SCHEMAS[-1]}, got "
            f"{stated!r:.80}. Use the program that wrote it, or retrain."
        )
    version = document.pop("version", None)
    try:
        intact = version == version_of(document)
    except (ValueError, RecursionError):  # numbers or nesting that we would not have written
        intact = False
    if not intact:
        raise damaged(path, "it was edited or damaged: its content does not match its version")
    return {**document, "version": version}


def _read(path: Path) -> bytes:
    limit = LIMITS[path.name]
    if path.exists() and not path.is_file():  # opening a pipe would wait for ever
        raise damaged(path, "is not a file")
    try:
        data = read_bounded(path, limit)
    except OSError as error:
        raise damaged(path, f"cannot be read ({error.strerror})") from error
    if data is None:
        raise damaged(path, f"is larger than {limit >> 20} MiB")
    return data


def _parse(path: Path, data: bytes) -> dict[str, Any]:
    try:
        document = json.loads(data, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise damaged(path, f"is not valid JSON ({error})") from error
    if not isinstance(document, dict) or not isinstance(document.get("sha256"), dict):
        raise damaged(path, "is not the description of a bundle")
    return document


def _refuse(constant: str) -> float:
    raise ValueError(f"{constant} is not a number")


def tensors(path: Path, data: bytes) -> dict[str, Tensor]:
    """Return the tensors in the bytes of a safetensors file; BundleError if it is not one."""
    try:
        loaded: dict[str, Tensor] = safetensors.torch.load(data)
    except (safetensors.SafetensorError, KeyError, ValueError) as error:
        raise damaged(path, f"is not a whole safetensors file ({error})") from error
    return loaded
