"""The section `segments`: what names a segment, and what it must not be."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from monitor.config.segments import SegmentsConfig


def test_there_are_no_segments_unless_asked_for() -> None:
    section = SegmentsConfig()
    assert section.by is None
    assert section.identity() == {}
    assert (section.header, section.field) == ("", "")


@pytest.mark.parametrize(
    ("by", "header", "field"),
    [("key", "", ""), ("header:camera", "camera", ""), ("field:plant.line", "", "plant.line")],
)
def test_what_names_a_segment(by: str, header: str, field: str) -> None:
    section = SegmentsConfig(by=by)
    assert (section.header, section.field) == (header, field)
    assert section.identity() == {"segments": {"by": by, "at_most": 50}}


@pytest.mark.parametrize("by", ["", "camera", "header:", "field: ", "field:a..b", "keys", "key:x"])
def test_anything_else_is_refused(by: str) -> None:
    with pytest.raises(ValidationError, match=r"must be key|names with dots"):
        SegmentsConfig(by=by)


@pytest.mark.parametrize("at_most", [0, 1001, True])
def test_segments_are_bounded(at_most: int) -> None:
    with pytest.raises(ValidationError, match="at_most"):
        SegmentsConfig(by="key", at_most=at_most)
