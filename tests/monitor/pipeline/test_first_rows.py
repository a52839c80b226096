"""A wrong type, unit or order of the numbers says so within a thousand rows."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from structlog.testing import capture_logs

from models.input_spec import InputSpec
from models.schema import Feature, Schema
from monitor.codecs import CODECS, CodecSettings
from monitor.codecs.decoding import Decoder, Limits
from monitor.pipeline.first_rows import EARLY, KINDS, ROWS, FirstRows, Watched
from monitor.stream.records import Record
from monitor.stream.sinks.memory import MemorySink
from monitor.stream.sources.memory import MemorySource
from tests.monitor.builders import candidate
from tests.monitor.builders import decode as decode_values
from tests.monitor.daemon.daemons import assemble, turns

RNG = np.random.default_rng(0)
NAMES = ("temp", "pressure", "flow", "speed")
TRAINED = RNG.normal((20, 1000, 5, 0), (2, 30, 1, 50), (5000, 4))
SPEC = InputSpec.fit(TRAINED, Schema.numbers(NAMES))
NORMAL = RNG.normal((20, 1000, 5, 0), (2, 30, 1, 50), (3000, 4))
DIGITS = RNG.integers(0, 256, (200, 6, 5)).astype(np.uint8)
PICTURES = InputSpec.fit(DIGITS)


def looked(rows: NDArray[np.generic], spec: InputSpec = SPEC, batch: int = 170) -> FirstRows:
    first_rows = FirstRows(spec)
    for start in range(0, len(rows), batch):
        if first_rows.open:
            first_rows.look(rows[start : start + batch])
    return first_rows


def scaled(column: int, factor: float) -> NDArray[np.float64]:
    rows = NORMAL.copy()
    rows[:, column] *= factor
    return rows


STRANGE = {
    "hPa as Pa": (scaled(1, 100), "outside", "'pressure' is .*about 99|100|101 times"),
    "one feature x 1000": (scaled(2, 1000), "outside", "'flow' is .*about 1,0.. times"),
    "another order": (NORMAL[:, [1, 0, 2, 3]], "outside", "'temp' is"),
    "another byte order": (
        np.nan_to_num(NORMAL.astype(">f4").view("<f4")), "outside", "is",
    ),
    "float64 as pairs of float32": (
        np.nan_to_num(NORMAL.astype("<f8").view("<f4")[:, :4]), "outside", "codec.dtype",
    ),
    "stuck": (np.repeat(NORMAL[:1], 3000, axis=0), "one_point", "hardly differ"),
    "nearly stuck": (NORMAL[:1] + 1e-3 * (NORMAL - NORMAL[:1]), "one_point", "hardly differ"),
}  # fmt: skip


@pytest.mark.parametrize("kind", STRANGE)
def test_what_is_strange_is_told_with_an_example(kind: str) -> None:
    rows, found, text = STRANGE[kind]
    finding = looked(rows).finding
    assert finding is not None
    assert finding.kind == found
    assert found in KINDS
    assert re.search(text, finding.text), finding.text


@pytest.mark.parametrize(
    "rows",
    [
        NORMAL,
        1.5 * NORMAL,
        np.where(RNG.random((3000, 1)) < 0.9, scaled(1, 100), NORMAL),
        NORMAL[:, :] * (1, 1, 1, 0),
        np.repeat(NORMAL[:1], ROWS - 1, axis=0),
        scaled(1, 100)[: EARLY - 1],
    ],
    ids=["normal", "drifted", "most far", "one feature stuck", "too few", "too few outside"],
)
def test_what_may_be_right_is_not_told(rows: NDArray[np.float64]) -> None:
    assert looked(rows).finding is None


@pytest.mark.parametrize("batch", [1, 7, 100, 3000])
def test_batches_change_nothing(batch: int) -> None:
    late = np.concatenate([NORMAL[:50], scaled(1, 100)])
    assert looked(late, batch=batch).finding is None
    for rows in (scaled(1, 100), STRANGE["stuck"][0]):
        whole, parts = looked(rows, batch=3000).finding, looked(rows, batch=batch).finding
        assert whole is not None
        assert parts is not None
        assert parts.kind == whole.kind


def test_after_a_thousand_rows_nothing_is_looked_at() -> None:
    assert looked(NORMAL[:999]).open
    assert not looked(NORMAL[:1000]).open

    class Decoding:
        def __init__(self) -> None:
            codec = CODECS["raw"](CodecSettings((4,), "float64"))
            self._decoder = Decoder(codec, Limits(1000, 1))

        def __getattr__(self, name: str) -> object:
            return getattr(self._decoder, name)

        def __call__(self, *arguments: object) -> object:
            return self._decoder(*arguments)  # type: ignore[arg-type]

    first_rows = FirstRows(SPEC)
    watched = Watched(Decoding(), first_rows)  # type: ignore[arg-type]
    payloads = [row.tobytes() for row in scaled(1, 100)[:500]]
    for open_after in (True, False, False):
        assert watched.all(payloads).counts.sum() == 500
        assert first_rows.open == open_after
    assert first_rows.finding is not None
    assert len(watched(payloads[0])) == 1


@pytest.mark.parametrize(
    ("rows", "kind"),
    [
        (DIGITS, None),
        (DIGITS.astype(np.float32) / 255, "one_point"),
        (DIGITS.astype(np.float32) * 257, "outside"),
        (np.zeros_like(DIGITS), "one_point"),
    ],
)
def test_pictures_of_another_scale_are_told(rows: NDArray[np.generic], kind: str | None) -> None:
    finding = looked(np.concatenate([rows] * 5), PICTURES).finding
    assert (finding and finding.kind) == kind


def test_a_feature_that_never_comes_is_told() -> None:
    schema = Schema((Feature("temp"), Feature("flow", missing=True), Feature("on", "boolean")))
    rows = np.column_stack([TRAINED[:, 0], TRAINED[:, 2], TRAINED[:, 0] > 20])
    rows[::9, 1] = np.nan
    spec = InputSpec.fit(rows, schema)
    assert looked(rows, spec).finding is None
    rows[:, 1] = np.nan
    finding = looked(rows, spec).finding
    assert finding is not None
    assert (finding.kind, "'flow'" in finding.text) == ("missing", True)


def test_a_bundle_without_ranges_is_not_looked_at() -> None:
    assert not FirstRows(replace(SPEC, ranges=())).open


def test_the_daemon_says_it_in_log_metrics_and_status() -> None:
    trained = RNG.normal(1.0, 0.1, (1000, 1))
    first_rows = FirstRows(InputSpec.fit(trained, Schema.numbers(("temp",))))
    model = replace(candidate(), decode=Watched(decode_values, first_rows), first_rows=first_rows)
    values = [b"%f" % (1000 * value) for value in trained[:, 0]]
    records = [Record("in", 0, i, 1_700_000_000_000 + i, b"k", v) for i, v in enumerate(values)]
    subject = assemble(MemorySource(records), MemorySink(), model=model)
    name, board = "aead_monitor_first_rows_unusual", subject.parts.board
    registry = subject.parts.metrics.registry
    assert registry.get_sample_value(name, {"kind": "outside"}) == 0
    with capture_logs() as logs:
        turns(subject, 12)
        subject._gauges.refresh(at_once=True)
        subject._gauges.refresh(at_once=True)
    assert registry.get_sample_value(name, {"kind": "outside"}) == 1
    assert registry.get_sample_value(name, {"kind": "one_point"}) == 0
    assert "'temp' is" in board.published["first_rows"]
    assert [line["log_level"] for line in logs if line.get("kind") == "outside"] == ["warning"]
