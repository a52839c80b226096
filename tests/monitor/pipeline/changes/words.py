"""Specs of records, and what words do to records of them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.input_spec import InputSpec
from models.schema import Feature, Schema
from monitor.pipeline.changes.change import Change
from monitor.pipeline.changes.grammar import parse

SCHEMA = Schema(
    (
        Feature("temperature"),
        Feature("flow - in stuck", missing=True),
        Feature("valve", "category", ("open", "shut")),
        Feature("on", "boolean"),
        Feature("constant"),
    )
)
TABLE = InputSpec(
    shape=(8,), layout="vector", dtype="float64",
    offset=(20.0, 3.0, 0.0, 0.5, 0.5, 0.0, 0.5, 7.0), scale=(2.0, 0.5) + (1.0,) * 6,
    schema=SCHEMA, ranges=((14.0, 26.0), (1.0, 5.0), (0.0, 2.0), (0.0, 1.0), (7.0, 7.0)),
)  # fmt: skip
PLAIN = InputSpec((3,), "vector", "float32", (0.0,) * 3, (1.0, 2.0, 3.0))
SERIES = InputSpec((2, 4), "series", "float32", (0.0,) * 2, (1.0, 2.0), Schema.numbers("ab"))
GREY = InputSpec((1, 6, 8), "HW", "uint8", (0.0,), (255.0,))
COLOURED = InputSpec((3, 6, 8), "CHW", "float32", (0.0,) * 3, (1.0, 1.0, 2.0))


def change_of(words: str, spec: InputSpec, others: NDArray[Any] | None = None) -> Change:
    """The change; others: what every file holds."""

    def read(path: str, where: str | None) -> NDArray[Any]:
        assert others is not None, f"{path} is read"
        return others

    return parse(words, spec, read)


def changed(
    words: str, spec: InputSpec, records: NDArray[Any], others: NDArray[Any] | None = None
) -> NDArray[Any]:
    """The records after the change; the last normal one is the first of them."""
    step = change_of(words, spec, others).begin(records[0], np.random.default_rng(0))
    before = records.copy()
    after = step(records)
    np.testing.assert_array_equal(records, before)  # they are drawn again
    return after
