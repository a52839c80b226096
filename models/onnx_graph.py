"""What an exported file computes: everything between a raw record and its verdict, as one module.

    records -> columns of the schema -> normalisation -> network -> error -> p-value, anomalous

It has the same steps in the same order as scoring here, in operations that ONNX has. A search in
sorted values, which it lacks, becomes a bisection: so many steps as their number has binary digits.
"""

from __future__ import annotations

import copy
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn

from models.autoencoder import Autoencoder
from models.bundle import Bundle
from models.error_metrics import element_errors
from models.input_spec import InputSpec
from models.interpolation import Interpolated
from models.normalisation import NORMALISED_LIMIT
from models.reference import Reference
from models.schema import Schema
from models.solved import Scoring


def input_type(spec: InputSpec) -> torch.dtype:
    """The type of the records of a file: float32 where that computes what float64 would."""
    single = spec.arithmetic.in_float32(np.dtype(spec.dtype))
    return torch.float32 if single else torch.float64


class Graph(nn.Module):
    """From records (B, *record_shape) of `input_type` to error, p-value and anomalous, (B,) each.

    error: float32, >= 0. p_value: float32. anomalous: bool, true for an error that is no number.
    """

    def __init__(self, bundle: Bundle) -> None:
        super().__init__()
        self.spec, self.metric = bundle.input_spec, bundle.error_metric
        self.columns = None if self.spec.schema.plain else Columns(self.spec)
        self.normalised = Normalised(self.spec)
        self.model = _bisected(copy.deepcopy(bundle.model).cpu().eval())
        self.verdict = Verdict(bundle.reference)

    def forward(self, records: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The three outputs."""
        rows = records if self.columns is None else self.columns(records)
        x = self.normalised(_channels_first(rows, self.spec.layout))
        errors = self._errors(x)
        return errors, *self.verdict(errors)

    def _errors(self, x: Tensor) -> Tensor:
        if isinstance(self.model, Scoring):
            return self.model.errors(x)
        return element_errors(x, self.model(x), self.metric).flatten(1).mean(1)


class Normalised(nn.Module):
    """(record - offset) / scale in float32, clipped: as `Normalisation`."""

    def __init__(self, spec: InputSpec) -> None:
        super().__init__()
        arithmetic, single = spec.arithmetic, input_type(spec) == torch.float32
        parts = (
            (arithmetic.high, arithmetic.low, arithmetic.divisor)
            if single
            else (arithmetic.offset, None, arithmetic.scale)
        )
        dimensions = len(spec.shape) - 1
        for name, part in zip(("high", "low", "divisor"), parts, strict=True):
            values = None if part is None else torch.tensor(part).view(-1, *(1,) * dimensions)
            self.register_buffer(name, values)

    def forward(self, x: Tensor) -> Tensor:
        """Float32, (B, *shape) both."""
        for part in (self.high, self.low):
            if part is not None:
                x = x - cast("Tensor", part)
        if self.divisor is not None:
            x = x / cast("Tensor", self.divisor)
        return x.clamp(-NORMALISED_LIMIT, NORMALISED_LIMIT).to(torch.float32)


class Columns(nn.Module):
    """Features with categories and missing values as the network's columns: as `Schema.expand`.

    A missing value becomes the column's offset, which the network sees as 0.
    """

    def __init__(self, spec: InputSpec) -> None:
        super().__init__()
        source, code, last = _sources(spec.schema)
        self.register_buffer("source", torch.tensor(source))
        self.register_buffer("code", torch.tensor(code, dtype=input_type(spec)))
        self.register_buffer("last", torch.tensor(last, dtype=input_type(spec)))
        self.register_buffer("usual", torch.tensor(spec.offset, dtype=input_type(spec)))
        self.register_buffer("is_value", torch.tensor(code) == _VALUE)
        self.register_buffer("is_missing", torch.tensor(code) == _MISSING)

    def forward(self, records: Tensor) -> Tensor:
        """From (B, features) to (B, columns)."""
        found = records.index_select(1, cast("Tensor", self.source))  # (B, columns)
        missing = found.isnan()
        values = torch.where(missing, cast("Tensor", self.usual), found)
        codes = torch.minimum(found.clamp(min=0), cast("Tensor", self.last)).floor()
        chosen = (codes == self.code) & ~missing
        lacks = cast("Tensor", self.is_missing) & missing
        flags = (lacks | chosen).to(found.dtype)  # no code is that of a missing value
        return torch.where(cast("Tensor", self.is_value), values, flags)


class Verdict(nn.Module):
    """p-value and anomalous of errors: as `Reference`."""

    def __init__(self, reference: Reference) -> None:
        super().__init__()
        self.register_buffer("ranked", torch.tensor(reference.errors)[None])  # (1, n)
        self.lowering = 1 - reference.tie_tolerance
        self.limit = reference.threshold * (1 + reference.tie_tolerance)

    def forward(self, errors: Tensor) -> tuple[Tensor, Tensor]:
        """From (B,) to (B,) float32 and (B,) bool."""
        wide, ranked = errors.double(), cast("Tensor", self.ranked)
        count = ranked.shape[1]
        below = counted(ranked, (wide * self.lowering)[None], up_to=False)[0]  # (B,)
        below = torch.where(wide.isnan(), count, below)
        p_values = (1 + count - below).double() / (count + 1)
        return p_values.float(), ~(wide <= self.limit)


class Bisected(nn.Module):
    """An `Interpolated` with a bisection for its search."""

    def __init__(self, curves: Interpolated) -> None:
        super().__init__()
        self.curves = curves

    def forward(self, x: Tensor) -> Tensor:
        """The values of the functions: from (B, d) to (B, d)."""
        curves, x = self.curves, x.T  # (d, B)
        piece = counted(curves.at, x, up_to=True)  # (d, B), from 0 to K
        start = (piece - 1).clamp(min=0)
        distance = x - curves.at.gather(1, start)
        found = curves.slope.gather(1, piece) * distance + curves.value.gather(1, start)
        return found.T  # (B, d)


def counted(ranked: Tensor, x: Tensor, *, up_to: bool) -> Tensor:
    """How many of each row of `ranked` (d, K), ascending, are below each of x (d, B): int64.

    up_to: those that are equal count, too.
    """
    count = ranked.shape[1]
    found = torch.zeros_like(x, dtype=torch.int64)
    for digit in reversed(range(count.bit_length())):
        tried = found + (1 << digit)
        there = ranked.gather(1, (tried - 1).clamp(max=count - 1))  # (d, B)
        below = there <= x if up_to else there < x
        found = torch.where((tried <= count) & below, tried, found)
    return found


_VALUE, _MISSING = -1, -2


def _sources(schema: Schema) -> tuple[list[int], list[int], list[int]]:
    """Of each column: its feature, the category's code that it stands for (or _VALUE, or
    _MISSING), and the largest code of the feature."""
    source, code, last = [], [], []
    for position, feature in enumerate(schema.features):
        codes = [_VALUE]
        if feature.kind == "category":
            codes = list(range(len(feature.categories) + 1))
        codes += [_MISSING] if feature.missing else []
        code += codes
        source += [position] * len(codes)
        last += [len(feature.categories)] * len(codes)
    return source, code, last


def _channels_first(rows: Tensor, layout: str) -> Tensor:
    if layout == "HW":
        return rows[:, None]
    if layout == "series":
        return rows.transpose(1, 2)
    return rows.permute(0, 3, 1, 2) if layout == "HWC" else rows


def _bisected(model: Autoencoder) -> Autoencoder:
    """The model with every `Interpolated` in it replaced."""
    for name, module in list(model.named_modules()):
        if isinstance(module, Interpolated):
            above, _, own = name.rpartition(".")
            setattr(model.get_submodule(above), own, Bisected(module))
    return model
