"""Many states as one text and a few arrays: a snapshot of fifty judges holds nine thousand arrays.

JSON's own encoder walks the values and asks for each array; arrays of a type lie in one, one after
the other.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

_ARRAY: Final = "$packed"


def packed(value: Any) -> dict[str, Any]:
    """The value, with arrays anywhere in it, as a text and an array of each type."""
    parts: dict[str, list[NDArray[Any]]] = {}
    filled: dict[str, int] = {}

    def place(array: Any) -> dict[str, Any]:
        if not isinstance(array, np.ndarray):
            raise TypeError(f"{type(array).__name__} cannot be packed")
        kind = array.dtype.str
        parts.setdefault(kind, []).append(array.ravel())
        start = filled.get(kind, 0)
        filled[kind] = start + array.size
        return {_ARRAY: [kind, start, list(array.shape)]}

    text = json.dumps(value, default=place, separators=(",", ":"), sort_keys=True, allow_nan=False)
    return {"text": text, "arrays": {kind: np.concatenate(each) for kind, each in parts.items()}}


def unpacked(state: Mapping[str, Any]) -> Any:
    """What `packed` was called on; tuples are lists. Raises ValueError if it is anything else."""
    arrays = state["arrays"]

    def array(value: dict[str, Any]) -> Any:
        if _ARRAY not in value:
            return value
        kind, start, shape = value[_ARRAY]
        return arrays[kind][start : start + math.prod(shape)].reshape(shape)

    return json.loads(state["text"], object_hook=array)
