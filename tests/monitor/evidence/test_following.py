"""Channels that are found while a drift lasts have rows before and since, too."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from monitor.evidence.episode import CHANNELS
from monitor.evidence.ring import TYPICAL
from monitor.stream.records import ChannelDrift, Estimate, Verdict
from tests.monitor.evidence.watched import Watched, calm, drifted


def moved(verdict: Verdict, *names: str) -> Verdict:
    """A verdict that names channels."""
    none = Estimate(1.0, 0.9, 1.1)
    drifts = [
        ChannelDrift(
            channel=name, group="input", feature=name, direction="higher", effect=none, spread=1.0,
            value=1.0, usual=0.0, usual_spread=1.0, evidence=9.0, since=0, shares=None,
        )
        for name in names
    ]  # fmt: skip
    return replace(verdict, channels=tuple(drifts))


def test_what_is_found_while_a_drift_lasts_is_followed_too(tmp_path: Path) -> None:
    subject = Watched(tmp_path)
    subject.feed(calm(20_000))
    subject.feed(drifted(600), start=20_000)
    judge = subject.pipeline.judge
    assert judge.verdict.state == "firing"
    later = moved(judge.verdict, "flow")
    subject.keeper.follow("another", later)
    assert subject.keeper.order is not None
    assert subject.keeper.order.channels == ("",)
    subject.keeper.follow(judge.episode, later)
    assert subject.keeper.order.channels == ("", "flow")
    before = [e for e in subject.entries("before") if e["channel"] == "flow"]
    assert len(before) == TYPICAL
    assert all(e["offset"] < 20_100 for e in before)
    # Rows since then are picked anew, of the error and of what a scorer gives.
    subject.feed(drifted(200, seed=9), start=20_600)
    assert any(e["offset"] >= 20_600 for e in subject.entries("after"))


def test_what_has_no_place_left_is_not_asked_for_again(tmp_path: Path) -> None:
    subject = Watched(tmp_path)
    subject.feed(calm(20_000))
    subject.feed(drifted(600), start=20_000)
    judge, names = subject.pipeline.judge, [f"c{i}" for i in range(CHANNELS)]
    subject.keeper.follow(judge.episode, moved(judge.verdict, *names))
    order = subject.keeper.order
    subject.keeper.follow(judge.episode, moved(judge.verdict, "other"))
    assert subject.keeper.order is order
