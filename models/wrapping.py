"""Wraps a scorer of others, an ONNX file, in a bundle."""

from __future__ import annotations

import hashlib
import math
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray

from models import architectures, given, onnx_checks
from models.bundle import Bundle, check_target
from models.errors import GivenModelError
from models.files import read_bounded
from models.given import Normal
from models.input_spec import InputSpec
from models.onnx_runs import Port, Run, only
from models.onnx_scorer import OnnxScorer, check_output, order_of

BLOCK: Final = 1024
"""Records scored at a time while the scale is chosen."""


def wrap(
    path: Path,
    out: Path | str,
    normal: Normal,
    *,
    input: str | None = None,
    output: str | None = None,
    anomalous: str = "high",
    scale: str | None = None,
) -> Bundle:
    """Calibrate the scorer on normal records that it was not made from, and save a bundle.

    input, output: their names; None for the only one. anomalous: which scores are, high or low.
    scale: what the error is, the score itself or its surprisal; None for the score, if none of a
    normal record is below 0. Raises GivenModelError for a file that cannot be used, and as
    `given.save` does.
    """
    check_target(out)
    data = _read(path)
    source = str(path)
    described = onnx_checks.checked(data, source)
    fitted, _ = normal.parts()
    spec = _spec(normal, fitted)
    run = Run(data, source)
    taken = only(run.inputs, input, source, "input")
    found = only(run.outputs, output, source, "output")
    if len(run.inputs) > 1:
        raise GivenModelError(
            f"{source}: takes {len(run.inputs)} inputs ({_names(run.inputs)}): a scorer takes a"
            " record, and nothing else"
        )
    check_output(found, source)
    settings = {
        "bytes": len(data),
        "input": taken.name,
        "output": found.name,
        "order": order_of(taken, spec, source),
        "anomalous": anomalous,
        "scale": scale or "score",
    }
    model = _model(spec, settings, data, source)
    if scale != "score":
        model = _scaled(model, spec, normal.records[fitted], scale)
    return given.save(
        out,
        model,
        spec,
        normal,
        model.metric,
        {
            "file": path.name,
            "sha256": hashlib.sha256(data).hexdigest(),
            "producer": f"{described.producer_name} {described.producer_version}".strip(),
            "opsets": [f"{each.domain or 'ai.onnx'} {each.version}" for each in
                       described.opset_import],
            **{name: model.settings[name] for name in ("input", "output", "anomalous", "scale")},
        },
    )  # fmt: skip


def _read(path: Path) -> bytes:
    try:
        data = read_bounded(path, onnx_checks.MOST_BYTES) if path.is_file() else None
    except OSError as error:
        raise GivenModelError(f"{path}: cannot be read: {error.strerror or error}") from error
    if data is None and path.is_file():
        raise GivenModelError(f"{path}: is larger than {onnx_checks.MOST_BYTES >> 20} MiB")
    if data is None:
        raise GivenModelError(f"{path}: there is no such file")
    return data


def _spec(normal: Normal, fitted: NDArray[np.int64]) -> InputSpec:
    """The spec of records that the scorer is to see as they are.

    Offsets of 0 and scales that are powers of two change no digit of a record.
    """
    spec = InputSpec.fit(normal.records[fitted], normal.schema, layout=normal.layout)
    if not spec.schema.plain:
        raise GivenModelError(
            "a scorer in ONNX takes numbers that are never missing: choose such columns with"
            " --columns, in the order in which it takes them"
        )
    sizes = [max(abs(low), abs(high)) for low, high in spec.ranges]
    scale = tuple(2.0 ** math.ceil(math.log2(size)) if size > 0 else 1.0 for size in sizes)
    return replace(spec, offset=(0.0,) * len(scale), scale=scale)


def _model(spec: InputSpec, settings: dict[str, Any], data: bytes, source: str) -> OnnxScorer:
    try:
        model = architectures.build("onnx", spec, settings)
        if not isinstance(model, OnnxScorer):
            raise TypeError(f"{type(model)} is no OnnxScorer")
        model.graph.data = torch.from_numpy(np.frombuffer(data, dtype=np.uint8).copy())
        model.filled()
    except ValueError as error:
        raise GivenModelError(f"{source}: {error}") from error
    return model


def _scaled(
    model: OnnxScorer, spec: InputSpec, records: NDArray[Any], scale: str | None
) -> OnnxScorer:
    """With the scale that was asked for, or that the scores of these records need."""
    with torch.inference_mode():
        blocks = [records[start : start + BLOCK] for start in range(0, len(records), BLOCK)]
        scores = np.concatenate(
            [model.scores(torch.from_numpy(spec.prepare(block))) for block in blocks]
        )
    if not np.isfinite(scores).all():
        raise GivenModelError("the scorer gives no finite score for some of the records")
    if scale is None and scores.min() >= 0:
        return model
    model.settings["scale"] = "surprisal"
    with torch.no_grad():
        model.surprisal.fit(torch.from_numpy(scores).float())
    return model


def _names(ports: list[Port]) -> str:
    return ", ".join(port.name for port in ports)
