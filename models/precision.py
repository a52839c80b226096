"""Precision: the numbers that a network computes with.

bfloat16 has 8 binary digits, half the memory, and arithmetic of its own on newer processors and
GPUs. Errors move by up to some percent with it: they are compared with a calibration that was
made with it. Records are normalised and errors summed in float32 in either case.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import torch

from models.reference import TIE_TOLERANCE

FLOAT32: Final = "float32"
BFLOAT16: Final = "bfloat16"
PRECISIONS: Final = (FLOAT32, BFLOAT16)
DTYPES: Final = {FLOAT32: torch.float32, BFLOAT16: torch.bfloat16}
TIE_TOLERANCES: Final = {FLOAT32: TIE_TOLERANCE, BFLOAT16: 2**-8}
"""Relative slack in favour of "normal": by about so much an error may differ with its batch. In
bfloat16 a sum may be rounded the other way, which moves one value of the network by 2^-8."""
_INSTRUCTIONS: Final = frozenset({"amx_bf16", "avx512_bf16", "bf16"})
"""What /proc/cpuinfo calls them: on x86-64 the first two, on ARM the last."""


def is_fast(precision: str, device: torch.device, cpuinfo: Path = Path("/proc/cpuinfo")) -> bool:
    """Whether the device has instructions for it; without, it is slower than float32.

    cpuinfo: where Linux describes the processor; if it is not there, the answer is no.
    """
    if precision == FLOAT32:
        return True
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    try:
        words = cpuinfo.read_text(encoding="utf-8", errors="replace").split()
    except OSError:
        return False
    return not _INSTRUCTIONS.isdisjoint(words)
