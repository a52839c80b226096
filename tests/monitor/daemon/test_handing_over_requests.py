"""Final requests go into the outbox, each once, whatever the disk does."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from monitor.daemon.assembly.retraining import HandOver
from monitor.retraining.outbox import Outbox
from tests.monitor.retraining.test_request import REQUEST


class Wakes(list[int]):
    """Counts its calls."""

    def __call__(self) -> None:
        self.append(1)


def test_each_request_is_kept_once_and_wakes_the_delivery_once(tmp_path: Path) -> None:
    outbox, wakes = Outbox(tmp_path, {"team": False}), Wakes()
    hand_over = HandOver(outbox, wakes)
    for _ in range(3):
        hand_over([REQUEST])
    HandOver(outbox, wakes)([REQUEST])  # after a restart
    (kept,) = outbox.listing().requests
    assert (kept.id, len(wakes)) == (REQUEST.id, 1)


def test_what_cannot_be_written_now_is_written_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    outbox, wakes = Outbox(tmp_path, {}), Wakes()
    hand_over = HandOver(outbox, wakes)

    def full(*arguments: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("os.fsync", full)
        hand_over([REQUEST])
    assert (outbox.listing().requests, len(wakes)) == ((), 0)
    assert "No space left on device" in capsys.readouterr().out
    hand_over([REQUEST])
    assert (len(outbox.listing().requests), len(wakes)) == (1, 1)
