"""The follower: finds a new model, makes it ready, and leaves the one in use alone if it cannot."""

from __future__ import annotations

import threading
from collections import Counter
from pathlib import Path

import pytest

from models.errors import BundleError
from monitor.errors import ConfigError, ProbeError
from monitor.model_in_use.follower import Follower, Pace
from monitor.model_in_use.model_slot import ModelSlot
from monitor.pipeline.loaded_model import LoadedModel
from tests.monitor.builders import VERSION, candidate

NEW = "fedcba9876543210"


class Place:
    """Where models are said to be: a version, and what happens when it is loaded."""

    def __init__(self) -> None:
        self.version: str | None = VERSION
        self.resolving: Exception | None = None
        self.fetching: Exception | None = None
        self.loading: Exception | None = None
        self.loads = 0
        self.now = 0.0
        self.failures: Counter[str] = Counter()
        self.slot = ModelSlot(candidate())

    def follower(self, poll_seconds: float | None = 5.0) -> Follower:
        pace = Pace(poll_seconds, 10.0, 35.0, clock=lambda: self.now)
        return Follower(self.resolve, self.fetch, self.load, VERSION, self.slot, self.failed, pace)

    def resolve(self) -> str | None:
        if self.resolving:
            raise self.resolving
        return self.version

    def fetch(self, version: str) -> Path:
        if self.fetching:
            raise self.fetching
        return Path(version)

    def load(self, folder: Path) -> LoadedModel:
        self.loads += 1
        if self.loading:
            raise self.loading
        return candidate(str(folder))

    def failed(self, reason: str) -> None:
        self.failures[reason] += 1


@pytest.fixture
def place() -> Place:
    return Place()


def test_a_new_version_is_loaded_once_and_offered(place: Place) -> None:
    follower = place.follower()
    follower.check()
    assert (place.loads, place.slot.version) == (0, None)
    place.version = NEW
    for _ in range(3):
        follower.check()
    assert (place.loads, place.slot.version) == (1, NEW)
    taken = place.slot.take()
    assert taken is not None
    assert taken.version == NEW
    follower.check()
    assert (place.loads, place.slot.version) == (1, None)


def test_an_offer_is_withdrawn_when_the_version_goes_back(place: Place) -> None:
    follower = place.follower()
    place.version = NEW
    follower.check()
    place.version = VERSION
    follower.check()
    assert place.slot.version is None
    assert place.loads == 1


def test_a_version_that_goes_back_after_it_was_taken_is_swapped_back(place: Place) -> None:
    follower = place.follower()
    place.version = NEW
    follower.check()
    place.slot.take()
    place.version = VERSION
    follower.check()
    assert (place.loads, place.slot.version) == (2, VERSION)


@pytest.mark.parametrize(
    ("where", "error", "reason"),
    [
        ("resolving", BundleError("gone"), "resolve"),
        ("resolving", RuntimeError("bug"), "resolve"),
        ("fetching", OSError("no route"), "fetch"),
        ("fetching", ConfigError("no such version"), "fetch"),
        ("loading", BundleError("cut short"), "damaged"),
        ("loading", ConfigError("other shape"), "unfit"),
        ("loading", ProbeError("nan"), "probe"),
        ("loading", MemoryError(), "error"),
    ],
)
def test_a_failure_offers_nothing_is_counted_and_tried_again_after_a_while(
    where: str, error: Exception, reason: str, place: Place
) -> None:
    follower = place.follower()
    place.version = NEW
    setattr(place, where, error)
    for now in range(0, 101, 5):  # due at 0, 10, 30, 65 and 100
        place.now = float(now)
        follower.check()
    assert place.failures == {reason: 5}
    assert place.slot.version is None
    setattr(place, where, None)
    place.now = 135.0
    follower.check()
    assert place.slot.version == NEW


def test_somebody_who_asks_does_not_have_to_wait(place: Place) -> None:
    follower = place.follower()
    place.version, place.loading = NEW, BundleError("half copied")
    follower.check()
    place.loading = None
    follower.check()
    assert place.slot.version is None
    follower.check(asked=True)
    assert place.slot.version == NEW


def test_another_version_does_not_wait_for_one_that_failed(place: Place) -> None:
    follower = place.follower()
    place.version, place.loading = "broken", BundleError("cut short")
    follower.check()
    place.version, place.loading = NEW, None
    follower.check()
    assert place.slot.version == NEW


def test_no_version_means_stay(place: Place) -> None:
    place.version = None
    place.follower().check()
    assert (place.loads, place.failures) == (0, {})


@pytest.mark.parametrize("poll_seconds", [0.01, None])
def test_on_its_thread_it_looks_by_itself_or_only_when_asked(
    poll_seconds: float | None, place: Place
) -> None:
    looked = threading.Event()
    before = place.resolve

    def resolve() -> str | None:
        looked.set()
        return before()

    place.resolve = resolve  # type: ignore[method-assign]
    follower = place.follower(poll_seconds)
    follower.start()
    assert looked.wait(0.2 if poll_seconds is None else 10) == (poll_seconds is not None)
    for _ in range(1000):
        follower.look()
    assert looked.wait(10)
    follower.stop()
    assert not follower._thread.is_alive()


def test_stopping_one_that_never_started_does_no_harm(place: Place) -> None:
    place.follower().stop()
