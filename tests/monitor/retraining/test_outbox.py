"""Retraining requests in a folder: kept once, whole, bounded, and never in the way of others."""

from __future__ import annotations

import json
import multiprocessing
import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from monitor.retraining import outbox as module
from monitor.retraining import request_files
from monitor.retraining.deliveries import Delivery
from monitor.retraining.outbox import MOST, Outbox
from monitor.retraining.request_files import LARGEST_BYTES, RequestFiles
from tests.monitor.retraining.documents import document

NOON = 1_772_366_400.0
RECEIVERS = {"topic": False, "trainer": True}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "state" / "requests"


@pytest.fixture
def outbox(folder: Path) -> Outbox:
    return Outbox(folder, RECEIVERS, now=lambda: NOON)


def states(outbox: Outbox, number: int = 1) -> dict[str, str]:
    id = document(number)["id"]
    (kept,) = [kept for kept in outbox.listing().requests if kept.id == id]
    return {name: delivery.state for name, delivery in kept.deliveries.items()}


def test_with_auto_all_receivers_get_it_at_once(outbox: Outbox) -> None:
    assert outbox.put(document(policy="auto"))
    assert states(outbox) == {"topic": "waiting", "trainer": "waiting"}


def test_with_suggest_what_starts_a_retraining_waits_for_a_person(outbox: Outbox) -> None:
    outbox.put(document(policy="suggest"))
    assert states(outbox) == {"topic": "waiting", "trainer": "held"}
    outbox.change(document()["id"], ("trainer",), Delivery.retried)
    assert states(outbox) == {"topic": "waiting", "trainer": "waiting"}


def test_a_request_is_kept_once_and_as_it_was_first(outbox: Outbox) -> None:
    outbox.put(document())
    outbox.change(document()["id"], ("topic",), lambda item: item.delivered("HTTP 202", NOON))
    assert not outbox.put(document(reason="told again"))
    (kept,) = outbox.listing().requests
    assert kept.document == document()
    assert kept.deliveries["topic"] == Delivery("delivered", 1, 0.0, "", NOON, "HTTP 202")


def test_another_process_sees_the_same(outbox: Outbox, folder: Path) -> None:
    outbox.put(document())
    other = Outbox(folder)
    assert other.listing() == outbox.listing()
    other.change(document()["id"], ("topic",), lambda item: item.failed("HTTP 503", NOON + 9))
    assert other.listing() == outbox.listing()
    assert states(outbox)["topic"] == "waiting"
    other.change(document()["id"], ("topic", "trainer"), Delivery.acknowledged)
    assert set(states(outbox).values()) == {"acknowledged"}


def test_a_folder_that_is_not_there_holds_nothing_and_is_not_made(tmp_path: Path) -> None:
    missing = Outbox(tmp_path / "missing")
    assert missing.listing().requests == ()
    with pytest.raises(KeyError):
        missing.change("0" * 16, (), Delivery.retried)
    assert not (tmp_path / "missing").exists()


@pytest.mark.parametrize("id", ["../../etc/passwd", "0" * 15, "0" * 17, "", "G" * 16, "0" * 16])
def test_only_ids_of_requests_that_are_here_can_be_changed(outbox: Outbox, id: str) -> None:
    outbox.put(document())
    with pytest.raises(KeyError):
        outbox.change(id, ("topic",), Delivery.retried)
    if id != "0" * 16:
        with pytest.raises(ValueError, match="16 hex digits"):
            outbox.put(document(id=id))


def harm(path: Path, how: str) -> None:
    whole = path.read_bytes()
    if how == "cut":
        path.write_bytes(whole[: len(whole) // 2])
    elif how == "other id":
        path.write_bytes(whole.replace(path.stem.encode(), b"0" * 16))
    elif how == "not utf-8":
        path.write_bytes(b"\xff" * 100)
    elif how == "too large":
        path.write_bytes(whole + b" " * LARGEST_BYTES)
    elif how == "nested":
        path.write_bytes(b"[" * 100_000)
    elif how == "folder":
        path.unlink()
        path.mkdir()
    elif how == "empty":
        path.write_bytes(b"")
    else:
        stored = json.loads(whole)
        stored["deliveries"]["topic"]["state"] = "lost"
        path.write_text(json.dumps(stored))


@pytest.mark.parametrize(
    "how",
    ["cut", "other id", "not utf-8", "too large", "nested", "folder", "empty", "strange state"],
)
def test_a_damaged_file_is_told_and_stops_no_other(
    outbox: Outbox, folder: Path, how: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in (1, 2):
        outbox.put(document(number))
    name = f"{document(1)['id']}.json"
    harm(folder / name, how)
    listing = outbox.listing()
    assert [kept.id for kept in listing.requests] == [document(2)["id"]]
    (line,) = listing.damaged
    assert line.startswith(name)
    assert "damaged" in capsys.readouterr().out
    with pytest.raises(ValueError, match=r"."):
        outbox.change(document(1)["id"], ("topic",), Delivery.retried)
    outbox.change(document(2)["id"], ("topic",), Delivery.acknowledged)
    assert outbox.put(document(3))
    outbox.listing()
    assert "damaged" not in capsys.readouterr().out, "it is told once"


def test_a_damaged_file_is_replaced_when_its_request_comes_again(
    outbox: Outbox, folder: Path
) -> None:
    outbox.put(document())
    harm(folder / f"{document()['id']}.json", "cut")
    assert outbox.put(document())
    assert outbox.listing().damaged == ()
    assert len(outbox.listing().requests) == 1


def test_the_oldest_finished_requests_make_room(folder: Path) -> None:
    clock = iter(range(10**6))
    outbox = Outbox(folder, {"topic": False}, now=lambda: float(next(clock)))
    for number in range(1, MOST + 1):
        outbox.put(document(number))
    for number in (2, 3, 5):
        outbox.change(document(number)["id"], ("topic",), Delivery.acknowledged)
    for number in (MOST + 1, MOST + 2):
        outbox.put(document(number))
    kept = {item.document["number"] for item in outbox.listing().requests}
    assert kept == set(range(1, MOST + 3)) - {2, 3}
    assert len(list(folder.glob("*.json"))) == MOST


def test_open_requests_are_bounded_too_and_it_is_told(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(module, "MOST", 3)
    monkeypatch.setattr(module, "MOST_OPEN", 5)
    clock = iter(range(100))
    outbox = Outbox(folder, RECEIVERS, now=lambda: float(next(clock)))
    for number in range(1, 8):
        outbox.put(document(number))
    assert [kept.document["number"] for kept in outbox.listing().requests] == [3, 4, 5, 6, 7]
    assert "given up" in capsys.readouterr().out


def test_a_request_that_is_too_large_is_refused_and_nothing_is_kept(
    outbox: Outbox, folder: Path
) -> None:
    outbox.put(document(1, reason="x" * 900_000))
    with pytest.raises(ValueError, match="bytes are too many"):
        outbox.put(document(2, reason="x" * LARGEST_BYTES))
    with pytest.raises(ValueError, match="JSON"):
        outbox.put(document(3, statistics=float("nan")))
    assert len(list(folder.glob("*.json"))) == 1


def test_what_is_noted_of_deliveries_never_makes_a_file_too_large(outbox: Outbox) -> None:
    size = LARGEST_BYTES - 2 * module.DELIVERY_BYTES - 4000
    assert outbox.put(document(reason="x" * size))
    with pytest.raises(ValueError, match="bytes are too many"):
        outbox.put(document(2, reason="x" * (size + 4000)))
    worst = "\U0001f600" * 10_000
    for _ in range(3):
        kept = outbox.change(
            document()["id"], tuple(RECEIVERS), lambda item: item.failed(worst, 1e300 / 3)
        )
        outbox.change(kept.id, tuple(RECEIVERS), lambda item: item.delivered(worst, 1e300 / 3))
    assert outbox.listing().damaged == ()


def test_what_a_crash_left_half_written_goes(outbox: Outbox, folder: Path) -> None:
    outbox.put(document(1))
    (folder / f".{'0' * 16}.tmp").write_bytes(b"half")
    outbox.put(document(2))
    assert sorted(path.suffix for path in folder.iterdir()) == ["", ".json", ".json"]


def test_a_full_disk_leaves_the_old_content(
    outbox: Outbox, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outbox.put(document())
    before = outbox.listing()

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        outbox.change(document()["id"], ("topic",), Delivery.acknowledged)
    with pytest.raises(OSError, match="No space left"):
        outbox.put(document(2))
    assert outbox.listing() == before
    assert not list(folder.glob(".*.tmp"))


def test_files_are_for_their_owner_alone(outbox: Outbox, folder: Path) -> None:
    outbox.put(document())
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can write for somebody else")
def test_what_root_changes_still_belongs_to_the_daemon(outbox: Outbox, folder: Path) -> None:
    outbox.put(document())
    os.chown(folder, 12345, 12345)
    Outbox(folder).change(document()["id"], ("topic",), Delivery.acknowledged)
    assert {path.stat().st_uid for path in folder.iterdir()} == {12345}


def try_often(folder: Path, name: str, times: int) -> None:
    outbox = Outbox(folder)
    for _ in range(times):
        outbox.change(document()["id"], (name,), lambda item: item.failed("no", 0.0))


@pytest.mark.parametrize("kind", [threading.Thread, multiprocessing.get_context("spawn").Process])
def test_changes_at_the_same_time_lose_nothing(
    folder: Path, kind: Callable[..., threading.Thread]
) -> None:
    names = ("a", "b")
    Outbox(folder, dict.fromkeys(names, False)).put(document())
    runs = [kind(target=try_often, args=(folder, name, 40)) for name in (*names, "a")]
    for run in runs:
        run.start()
    for run in runs:
        run.join()
    (kept,) = Outbox(folder).listing().requests
    assert {name: item.attempts for name, item in kept.deliveries.items()} == {
        "a": 80,
        "b": 40,
    }


def test_a_lock_that_is_never_given_back_is_waited_for_in_bounded_time(
    outbox: Outbox, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outbox.put(document())
    monkeypatch.setattr(request_files, "LOCK_SECONDS", 0.1)
    with (
        RequestFiles(folder, module.log_damage).locked(),
        pytest.raises(TimeoutError, match="another process"),
    ):
        outbox.change(document()["id"], ("topic",), Delivery.acknowledged)
