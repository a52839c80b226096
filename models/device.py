"""The one place that decides where a model runs."""

from __future__ import annotations

from typing import Final

import torch

from models.errors import UserError

DEVICES: Final = ("auto", "cpu", "cuda")


def resolve(name: str) -> torch.device:
    """Return the device. "auto" is cuda if there is one, else cpu.

    Raises UserError for an unknown name, and for cuda where there is none.
    """
    kind, _, index = name.partition(":")
    if kind not in DEVICES or (index and not (kind == "cuda" and index.isdecimal())):
        raise UserError(f"device must be auto, cpu, cuda or cuda:N, got {name!r}.")
    if kind == "cpu" or (kind == "auto" and not torch.cuda.is_available()):
        return torch.device("cpu")
    if not torch.cuda.is_available():
        raise UserError("device cuda was asked for, but torch sees none here. Use auto or cpu.")
    if int(index or 0) >= torch.cuda.device_count():
        raise UserError(f"device {name}: there are {torch.cuda.device_count()} cuda devices here.")
    # By default convolutions round what they multiply to 10 bits (TF32): an error then moves by up
    # to 0.1% with the size of its batch, and p-values with it (docs/experiments.md, Scoring).
    torch.backends.cudnn.allow_tf32 = False
    return torch.device("cuda", int(index or 0))
