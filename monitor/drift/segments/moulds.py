"""What makes the judges of segments: alike, with the bets of one model made once."""

from __future__ import annotations

from dataclasses import dataclass, replace

from models.channels import Channels
from models.reference import Reference
from monitor.drift import built
from monitor.drift.judge import Judge
from monitor.drift.judge_settings import JudgeSettings
from monitor.drift.segments.segmented import Segments
from monitor.drift.segments.shares import of_segment


@dataclass(frozen=True, slots=True)
class Mould:
    """Makes judges. settings: of the whole stream's judge, with a segment's share of its budget."""

    model_version: str
    reference: Reference
    settings: JudgeSettings
    channels: Channels | None
    made: built.Built

    def judge(self, segment: str) -> Judge:
        """A judge that has judged nothing."""
        made = built.another(self.made)
        return Judge(
            self.model_version, self.reference, self.settings, self.channels, made, segment
        )


def segments_of(
    model_version: str,
    reference: Reference,
    settings: JudgeSettings,
    at_most: int,
    channels: Channels | None = None,
) -> Segments:
    """The segments of a stream. settings: with the budget of all; as of `Judge` else.

    Raises ValueError as `Judge` does.
    """
    share = of_segment(settings.budget, at_most)
    mine = replace(settings, budget=share, advisory=None)
    made = built.build(reference, mine, channels)
    mould = Mould(model_version, reference, mine, channels, made)
    return Segments(at_most, mould.judge, share)
