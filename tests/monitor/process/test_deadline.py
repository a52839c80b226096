"""Whoever waits goes on in time, whenever the stop comes."""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future

import pytest

from monitor.process.deadline import CLOSE, COMMIT, LEAVE, WORK, Deadline


def test_before_the_stop_there_is_no_limit_but_ones_own() -> None:
    deadline = Deadline(5.0)
    assert deadline.left(WORK) == float("inf")
    assert deadline.at_most(3.0, WORK) == 3.0


def test_each_share_leaves_time_for_what_comes_after_it() -> None:
    now = 100.0
    deadline = Deadline(10.0, lambda: now)
    deadline.begin()
    shares = [deadline.left(share) for share in (WORK, COMMIT, LEAVE, CLOSE, 1.0)]
    assert shares == pytest.approx([6.0, 8.0, 9.0, 9.7, 10.0])
    now = 107.0
    deadline.begin()  # only the first one counts
    assert (deadline.left(WORK), deadline.at_most(5.0, COMMIT)) == (0.0, 1.0)


def test_what_is_waited_for_already_is_given_up_in_time_too() -> None:
    deadline = Deadline(0.5)
    threading.Timer(0.1, deadline.begin).start()
    began = time.monotonic()
    with pytest.raises(TimeoutError):
        deadline.result(Future(), 60.0, COMMIT)
    assert time.monotonic() - began < 10.0


def test_a_result_comes_as_it_is() -> None:
    done: Future[int] = Future()
    done.set_result(3)
    deadline = Deadline(0.0)
    deadline.begin()
    assert deadline.result(done, 0.0, WORK) == 3
    failed: Future[int] = Future()
    failed.set_exception(ValueError("no"))
    with pytest.raises(ValueError, match="no"):
        deadline.result(failed, 0.0, WORK)
