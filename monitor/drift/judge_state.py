"""A judge's state as bytes: plain values as JSON, arrays as safetensors, nothing pickled, after a
SHA-256 of it all.

The same state gives the same bytes, so that two runs can be compared byte for byte.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any, Final

import numpy as np
import safetensors
import safetensors.numpy

SCHEMA: Final = "judge-1"
_ARRAY: Final = "$array"
_DIGEST_BYTES: Final = 32


def encode(state: dict[str, Any], schema: str = SCHEMA) -> bytes:
    """The state as bytes. Arrays may stand anywhere in it."""
    arrays: dict[str, np.ndarray[Any, Any]] = {}
    plain = {"schema": schema, "state": _without_arrays(state, arrays)}
    text = json.dumps(plain, separators=(",", ":"), sort_keys=True, allow_nan=False)
    # One key only: safetensors writes several in any order.
    content = bytes(safetensors.numpy.save(arrays, {"judge": text}))
    return hashlib.sha256(content).digest() + content


def decode(data: bytes, schema: str = SCHEMA) -> dict[str, Any]:
    """The state that `encode` was called on; ValueError if the bytes are of anything else."""
    digest, data = data[:_DIGEST_BYTES], data[_DIGEST_BYTES:]
    if hashlib.sha256(data).digest() != digest:
        raise ValueError("not the state of a judge, or damaged: its checksum does not fit")
    try:
        # The header's length, then the header: its metadata is not given out by the library.
        length = int.from_bytes(data[:8], "little")
        plain = json.loads(json.loads(data[8 : 8 + length])["__metadata__"]["judge"])
        if plain["schema"] != schema:
            raise ValueError(f"schema is {plain['schema']!r:.80}, not {schema}")
        restored = _with_arrays(plain["state"], safetensors.numpy.load(data))
    except (KeyError, TypeError, UnicodeDecodeError, safetensors.SafetensorError) as error:
        raise ValueError(f"not the state of a judge: {error}") from error
    if not isinstance(restored, dict):
        raise ValueError("not the state of a judge")
    return restored


def _without_arrays(value: Any, arrays: dict[str, np.ndarray[Any, Any]]) -> Any:
    if isinstance(value, np.ndarray):
        name = f"{len(arrays):06d}"
        arrays[name] = np.ascontiguousarray(value)
        return {_ARRAY: name}
    if isinstance(value, dict):
        return {key: _without_arrays(item, arrays) for key, item in sorted(value.items())}
    if isinstance(value, list | tuple):
        return [_without_arrays(item, arrays) for item in value]
    return value


def _with_arrays(value: Any, arrays: dict[str, np.ndarray[Any, Any]]) -> Any:
    if isinstance(value, dict):
        if set(value) == {_ARRAY}:
            return arrays[value[_ARRAY]]
        return {key: _with_arrays(item, arrays) for key, item in value.items()}
    if isinstance(value, list):
        return [_with_arrays(item, arrays) for item in value]
    return value
