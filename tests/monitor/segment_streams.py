"""Records whose keys name segments, and pipelines that judge them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.reference import Reference
from monitor.drift.segments.moulds import segments_of
from monitor.drift.segments.segmented import Segments
from monitor.pipeline.segment_names import Naming, TextsOf, of_key
from monitor.pipeline.segmented import SegmentedStream
from monitor.pipeline.step import Pipeline
from monitor.stream.records import Record
from tests.monitor.builders import SETTINGS, VERSION, ValueScorer, decode, judge, reference


def segments(at_most: int = 5, model: Reference | None = None, version: str = VERSION) -> Segments:
    return segments_of(version, model or reference(), SETTINGS, at_most)


def segmented_pipeline(
    at_most: int = 5, texts: TextsOf = of_key, decoding: Any = decode, **parts: Any
) -> Pipeline:
    stream = SegmentedStream(Naming(texts), segments(at_most))
    scorer = ValueScorer(reference())
    return Pipeline(decoding, scorer, judge(), segmented=stream, **parts)


def keyed(
    errors: NDArray[np.float64], key: Callable[[int], bytes | None], start: int = 0
) -> list[Record]:
    """Records of partition 0, a millisecond apart. key: of the record at an offset."""
    return [
        Record(
            "in", 0, offset, 1_700_000_000_000 + offset, key(offset), repr(float(error)).encode()
        )
        for offset, error in enumerate(errors, start)
    ]


def camera(offset: int) -> bytes:
    """The key of a record: five cameras in turns."""
    return b"camera-%d" % (offset % 5)
