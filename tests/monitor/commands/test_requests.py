"""`aead-monitor requests list`, `retry` and `ack`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from monitor.cli import main
from monitor.retraining.deliveries import Delivery
from monitor.retraining.outbox import Outbox
from tests.monitor.retraining.documents import document

NOON = 1_772_366_400.0
ID = document()["id"]


@pytest.fixture
def config(tmp_path: Path) -> str:
    path = tmp_path / "aead-monitor.yaml"
    path.write_text("model: ./model\nkafka: {topic: in}\ncodec: {name: json}\n")
    return str(path)


@pytest.fixture
def outbox(tmp_path: Path) -> Outbox:
    """As the daemon has it, with one request that only suggests."""
    receivers = {"topic": False, "hook": False, "trainer": True}
    made = Outbox(tmp_path / "state" / "requests", receivers, now=lambda: NOON)
    made.put(document(policy="suggest"))
    made.change(ID, ("topic",), lambda item: item.delivered("retrain/0/7", NOON))
    made.change(ID, ("hook",), lambda item: item.failed("HTTP 403 Forbidden", None))
    return made


def states(outbox: Outbox) -> dict[str, str]:
    (kept,) = outbox.listing().requests
    return {name: item.state for name, item in kept.deliveries.items()}


def test_list_says_what_became_of_each_request(
    config: str, outbox: Outbox, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["requests", "list", "--config", config]) == 0
    head, reason, titles, *rows = capsys.readouterr().out.splitlines()
    assert head.split() == [
        ID, "2026-03-01T12:00:00.000+00:00", "model", "digits", "version", "0123456789abcdef",
        "policy", "suggest",
    ]  # fmt: skip
    assert reason.strip() == "errors are larger"
    assert titles.split() == ["RECEIVER", "STATE", "ATTEMPTS", "NEXT", "LAST"]
    assert [row.split(maxsplit=4) for row in rows] == [
        ["topic", "delivered", "1", "-", "retrain/0/7"],
        ["hook", "parked", "1", "-", "HTTP 403 Forbidden"],
        ["trainer", "held", "0", "-"],
    ]


def test_list_says_when_the_next_attempt_is(
    config: str, outbox: Outbox, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.time", lambda: NOON)
    outbox.change(ID, ("hook",), Delivery.retried)
    outbox.change(ID, ("hook",), lambda item: item.failed("HTTP 503", NOON + 42))
    outbox.change(ID, ("trainer",), Delivery.retried)
    assert main(["requests", "list", "--config", config]) == 0
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["hook", "waiting", "2", "in", "42", "s", "HTTP", "503"] in rows
    assert ["trainer", "waiting", "0", "now"] in rows


def test_json_holds_requests_deliveries_and_damaged_files(
    config: str, outbox: Outbox, capsys: pytest.CaptureFixture[str]
) -> None:
    (outbox.folder / f"{'0' * 16}.json").write_text("{")
    assert main(["requests", "list", "--json", "--config", config]) == 0
    found = json.loads(capsys.readouterr().out)
    (request,) = found["requests"]
    assert request["document"] == document(policy="suggest")
    assert request["deliveries"]["hook"]["last_error"] == "HTTP 403 Forbidden"
    assert found["damaged"][0].startswith("0000000000000000.json: ")


def test_what_is_printed_cannot_play_tricks_on_a_terminal(
    config: str, outbox: Outbox, capsys: pytest.CaptureFixture[str]
) -> None:
    nasty = "\x1b[2J\x1b]0;x\x07 two\nlines \u202e"
    outbox.put(document(2, model=nasty, reason=nasty))
    outbox.change(ID, ("trainer",), Delivery.retried)
    outbox.change(ID, ("trainer",), lambda item: item.failed(nasty, None))
    assert main(["requests", "list", "--config", config]) == 0
    assert all(line.isprintable() for line in capsys.readouterr().out.splitlines())


def test_retry_has_all_that_is_held_or_parked_delivered_now(
    config: str, outbox: Outbox, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["requests", "retry", ID, "--config", config]) == 0
    assert capsys.readouterr().out == f"{ID}: hook, trainer due now\n"
    assert states(outbox) == {"topic": "delivered", "hook": "waiting", "trainer": "waiting"}
    (kept,) = outbox.listing().requests
    assert kept.deliveries["trainer"].due(NOON)


def test_retry_of_one_receiver_leaves_the_others(config: str, outbox: Outbox) -> None:
    assert main(["requests", "retry", ID, "--receiver", "trainer", "--config", config]) == 0
    assert states(outbox) == {"topic": "delivered", "hook": "parked", "trainer": "waiting"}


def test_ack_ends_all_further_delivery(
    config: str, outbox: Outbox, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["requests", "ack", ID, "--config", config]) == 0
    ended = {"topic": "delivered", "hook": "acknowledged", "trainer": "acknowledged"}
    assert states(outbox) == ended
    assert main(["requests", "retry", ID, "--config", config]) == 0
    assert states(outbox) == ended
    assert "nothing is left to deliver" in capsys.readouterr().out


def test_mistakes_are_told_in_one_line(
    config: str, outbox: Outbox, refused: Callable[..., str]
) -> None:
    assert "no request 'abc'" in refused("requests", "retry", "abc", "--config", config)
    assert "no request" in refused("requests", "ack", "../../x", "--config", config)
    said = refused("requests", "retry", ID, "--receiver", "nobody", "--config", config)
    assert "topic, hook, trainer" in said
    (outbox.folder / f"{ID}.json").write_text("{")
    assert "Remove the file" in refused("requests", "ack", ID, "--config", config)


def test_without_any_request_that_is_said(
    config: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["requests", "list", "--config", config]) == 0
    assert "no requests in" in capsys.readouterr().out
    assert not (tmp_path / "state").exists()
