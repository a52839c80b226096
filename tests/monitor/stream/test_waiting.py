"""What is said of a member without partitions."""

import pytest

from monitor.stream.sources.waiting import (
    JOINING,
    NO_TOPIC,
    NONE_LEFT,
    UNANSWERED,
    UNBALANCED,
    without_partitions,
)


@pytest.mark.parametrize(
    ("known", "joined", "balanced", "line"),
    [
        (False, True, True, NO_TOPIC),
        (False, False, True, NO_TOPIC),
        (True, False, True, JOINING),
        (None, False, True, JOINING),
        (True, True, True, NONE_LEFT),
        (True, True, False, UNBALANCED),
        (None, True, True, UNANSWERED),
    ],
)
def test_no_reason_is_given_that_is_not_known(
    known: bool | None, joined: bool, balanced: bool, line: str
) -> None:
    assert without_partitions(known, joined, balanced) == line
