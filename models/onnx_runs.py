"""One ONNX model that runs: its input and output checked, its session on one device."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray

from models.errors import GivenModelError
from models.extras import needed
from models.onnx_checks import EXTRA, WHAT

TYPES: Final[dict[str, np.dtype[Any]]] = {
    "tensor(float)": np.dtype(np.float32),
    "tensor(double)": np.dtype(np.float64),
}


@dataclass(frozen=True, slots=True)
class Port:
    """An input or an output. shape: a number, or None where it is free; None if not known."""

    name: str
    type: str
    shape: tuple[int | None, ...] | None


class Run:
    """A session. Several threads may call it.

    data: the bytes of a file that `onnx_checks` has let through. source: for people. cuda: whether
    to use a GPU if the runtime knows one. Raises GivenModelError for what cannot be run.
    """

    def __init__(self, data: bytes, source: str, cuda: bool = False) -> None:
        runtime = needed("onnxruntime", EXTRA, WHAT)
        options = runtime.SessionOptions()
        options.log_severity_level = 3  # errors
        options.intra_op_num_threads = self.threads = torch.get_num_threads()
        options.inter_op_num_threads = 1
        # Threads that wait are to sleep, as torch's do: see `threads.wait_quietly`.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        wanted = ["CUDAExecutionProvider"] if cuda else []
        there = runtime.get_available_providers()
        providers = [name for name in wanted if name in there] + ["CPUExecutionProvider"]
        try:
            self._session = runtime.InferenceSession(data, options, providers=providers)
            self.inputs = [_port(each) for each in self._session.get_inputs()]
            self.outputs = [_port(each) for each in self._session.get_outputs()]
        except Exception as error:  # its errors share no class but this one
            text = " ".join(str(error).split())[:300]
            raise GivenModelError(f"{source}: onnxruntime cannot run it: {text}") from error

    @property
    def device(self) -> str:
        """Where it computes: cuda or cpu."""
        return "cuda" if "CUDAExecutionProvider" in self._session.get_providers() else "cpu"

    def __call__(self, name: str, rows: NDArray[Any], output: str) -> NDArray[Any]:
        """One output for rows (B, ...) of one input. Raises GivenModelError if that fails."""
        try:
            found: NDArray[Any] = self._session.run([output], {name: rows})[0]
        except Exception as error:  # as above
            text = " ".join(str(error).split())[:300]
            raise GivenModelError(
                f"the ONNX scorer failed on {len(rows)} records: {text}"
            ) from error
        return found


def _port(each: Any) -> Port:
    shape = None
    if each.shape is not None:
        shape = tuple(size if isinstance(size, int) else None for size in each.shape)
    return Port(each.name, each.type, shape)


def only(ports: list[Port], asked: str | None, source: str, kind: str) -> Port:
    """The port that is asked for, or the only one there is. kind: "input" or "output"."""
    names = ", ".join(port.name for port in ports)
    if asked is None and len(ports) == 1:
        return ports[0]
    if asked is None:
        raise GivenModelError(f"{source}: has {len(ports)} {kind}s: {names}. Say --{kind} NAME")
    for port in ports:
        if port.name == asked:
            return port
    raise GivenModelError(f"{source}: has no {kind} {asked!r:.80}. It has {names}")
