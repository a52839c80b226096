"""The budget of false alarms, divided: half to the judge of the whole, half to the segments.

With A records of the stream per false alarm:

    judge of the whole          one in 2 A records                            1 / 2A
    drift of segments           each one in 4 A of its own records            sum r_s / 4A = 1 / 4A
    silence of segments         each one in 4 A of its own records            sum r_s / 4A = 1 / 4A

r_s is the share of the stream's records that a segment has; shares add up to one, so that the sum
is 1 / A, however many segments there are. A budget in time becomes records by each segment's own
rate: there each of the n + 1 segments that there may be gets 1 / (n + 1) of the quarter.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from monitor.drift.budget import Budget

WHOLE: Final = 2
"""The judge of the whole gets one part in so many of the budget."""
PART: Final = 4
"""And drift of segments, and their silence, each one in so many."""


def of_whole(budget: Budget) -> Budget:
    """What the judge of the whole stream gets."""
    return replace(budget, streams=budget.streams * WHOLE)


def of_segment(budget: Budget, at_most: int) -> Budget:
    """What each of at_most segments, and the one for all others, gets for drift; and for silence.

    In its own records, or in time.
    """
    dividing = 1 if budget.records is not None else at_most + 1
    return replace(budget, streams=budget.streams * PART * dividing)


def together(whole: float, supported: float) -> float:
    """Records of the stream per false alarm, of all judges together.

    whole: records per false alarm that the judge of the whole is asked for. supported: the most
    that a judge can keep to.
    """
    asked = whole / WHOLE
    rates = 1 / min(whole, supported) + 1 / min(PART * asked, supported) + 1 / (PART * asked)
    return 1 / rates
