"""Checkpoint: what an interrupted training goes on from, in a folder beside the bundle's.

    checkpoint.safetensors   weights, the best ones so far, the optimizer's, and the random numbers
    checkpoint.json          what was trained on what, the losses so far, and the hash of the other

It holds the state after a whole epoch: an epoch that was interrupted is trained again from its
beginning, so that what comes out is what would have come out without the interruption. Only numbers
and JSON are read; sizes, names, shapes and types are checked before anything is used.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeGuard

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from models.errors import TrainingError
from models.files import read_bounded, replaced_folder

STATE: Final = "checkpoint.safetensors"
ABOUT: Final = "checkpoint.json"
LIMITS: Final = {STATE: (4 << 30) + (1 << 24), ABOUT: 16 << 20}
"""Bytes: four times the weights of the largest model."""
SCHEMA_VERSION: Final = 1
_SHOWN: Final = 5

Identity = Mapping[str, Any]
"""JSON values that name a training: its data, its settings, and the version of torch."""


@dataclass(frozen=True, eq=False)
class State:
    """After an epoch. tensors: by name. losses, validation_losses: of each epoch so far."""

    tensors: dict[str, Tensor]
    losses: list[float]
    validation_losses: list[float]
    best_epoch: int


def folder_of(out: Path | str) -> Path:
    """Where the checkpoint of a training is, by the folder of its bundle."""
    target = Path(out).absolute()
    return target.with_name(f"{target.name}.checkpoint")


@dataclass(eq=False)
class Keeper:
    """Keeps the last state of one training, and writes it when it is interrupted.

    choice: what a preset chose, as `Choice.to_json` gives it; it is written with the state.
    """

    folder: Path
    identity: Identity
    choice: Mapping[str, Any] | None = None
    state: State | None = None

    def write(self) -> bool:
        """Write the last state; false if there is none. Raises TrainingError."""
        if self.state is None:
            return False
        check_target(self.folder)
        tensors = {name: each.cpu().contiguous() for name, each in self.state.tensors.items()}
        data = safetensors.torch.save(tensors)
        document = {
            "schema_version": SCHEMA_VERSION,
            "identity": dict(self.identity),
            "choice": None if self.choice is None else dict(self.choice),
            "losses": self.state.losses,
            "validation_losses": self.state.validation_losses,
            "best_epoch": self.state.best_epoch,
            "sha256": hashlib.sha256(data).hexdigest(),
        }
        text = json.dumps(document, indent=2, allow_nan=False).encode() + b"\n"
        try:
            with replaced_folder(self.folder) as draft:
                (draft / STATE).write_bytes(data)
                (draft / ABOUT).write_bytes(text)
        except OSError as error:
            raise TrainingError(f"cannot write the checkpoint {self.folder}: {error}.") from error
        return True

    def read(self) -> State:
        """The state that was written for this very training.

        Raises TrainingError if there is none, if it is damaged, or of another training: then it
        says how they differ.
        """
        document = read_about(self.folder)
        different = _differences(document["identity"], self.identity)
        if different:
            shown = "; ".join(different[:_SHOWN])
            raise TrainingError(
                f"{self.folder}: it is of another training: {shown}. Give the same data and options"
                " as before, or train anew without --resume."
            )
        data = _read(self.folder / STATE)
        if document["sha256"] != hashlib.sha256(data).hexdigest():
            raise damaged(self.folder / STATE, f"its content does not match the hash in {ABOUT}")
        try:
            tensors = safetensors.torch.load(data)
        except (safetensors.SafetensorError, KeyError, ValueError) as error:
            raise damaged(self.folder / STATE, f"is no safetensors file ({error})") from error
        return State(
            tensors, document["losses"], document["validation_losses"], document["best_epoch"]
        )

    def clear(self) -> None:
        """Remove the checkpoint, if there is one. Raises OSError."""
        if self.folder.is_dir() and (self.folder / ABOUT).is_file():
            for name in (STATE, ABOUT):
                (self.folder / name).unlink(missing_ok=True)
            if not any(self.folder.iterdir()):
                self.folder.rmdir()


def check_target(folder: Path) -> None:
    """Raise TrainingError if writing there would overwrite anything but a checkpoint."""
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise TrainingError(f"{folder} is not a folder: a checkpoint would go there. Remove it.")
    if folder.is_dir() and any(folder.iterdir()) and not (folder / ABOUT).is_file():
        raise TrainingError(
            f"{folder} holds other files and no {ABOUT}: a checkpoint would go there. Move them."
        )


def read_about(folder: Path) -> dict[str, Any]:
    """checkpoint.json, checked. Raises TrainingError."""
    path = folder / ABOUT
    if not path.is_file():
        raise TrainingError(
            f"{folder}: there is no checkpoint to go on from. Train without --resume."
        )
    try:
        document = json.loads(_read(path))
    except (ValueError, RecursionError) as error:
        raise damaged(path, f"is not valid JSON ({error})") from error
    if not isinstance(document, dict) or document.get("schema_version") != SCHEMA_VERSION:
        raise damaged(path, f"its schema_version is not {SCHEMA_VERSION}")
    losses, validation = document.get("losses"), document.get("validation_losses")
    if not _numbers(losses) or not _numbers(validation) or len(losses) != len(validation):
        raise damaged(path, "losses and validation_losses must be numbers, as many of each")
    best = document.get("best_epoch")
    if type(best) is not int or not 1 <= best <= len(losses):
        raise damaged(path, f"best_epoch must be from 1 to {len(losses)}")
    if not isinstance(document.get("identity"), dict):
        raise damaged(path, "identity is missing")
    if not isinstance(document.get("choice"), dict | None):
        raise damaged(path, "choice must be a section or null")
    return document


def fitting(tensors: Mapping[str, Tensor], wanted: Mapping[str, Tensor], folder: Path) -> None:
    """Raise TrainingError unless names, shapes and types are those wanted, and numbers finite."""
    if set(tensors) != set(wanted):
        odd = sorted(set(tensors) ^ set(wanted))[0]
        raise damaged(folder / STATE, f"tensor {odd!r:.80} is missing or does not belong there")
    for name, tensor in tensors.items():
        own = wanted[name]
        if tensor.shape != own.shape or tensor.dtype != own.dtype:
            raise damaged(folder / STATE, f"tensor {name} has another shape or type")
        if tensor.is_floating_point() and not torch.isfinite(tensor).all():
            raise damaged(folder / STATE, f"tensor {name} holds values that are not finite")


def _numbers(values: Any) -> TypeGuard[list[float]]:
    return isinstance(values, list) and all(
        type(value) is float and math.isfinite(value) for value in values
    )


def _differences(before: Any, now: Any, place: str = "") -> list[str]:
    """In words, what differs between two JSON values."""
    if isinstance(before, Mapping) and isinstance(now, Mapping):
        found = []
        for key in sorted({*before, *now}):
            found += _differences(before.get(key), now.get(key), f"{place}.{key}" if place else key)
        return found
    if json.dumps(before, sort_keys=True) == json.dumps(now, sort_keys=True):
        return []
    return [f"{place} was {json.dumps(before)[:60]}, and is {json.dumps(now)[:60]}"]


def _read(path: Path) -> bytes:
    try:
        data = read_bounded(path, LIMITS[path.name])
    except OSError as error:
        raise damaged(path, f"cannot be read ({error.strerror})") from error
    if data is None:
        raise damaged(path, f"is larger than {LIMITS[path.name] >> 20} MiB")
    return data


def damaged(path: Path, reason: str) -> TrainingError:
    """Return the error for a file that cannot be gone on from, in one line."""
    return TrainingError(f"{path}: {' '.join(reason.split())}. Train anew without --resume.")
