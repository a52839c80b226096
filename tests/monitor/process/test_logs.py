"""The log: one line an event, for people on a terminal and for machines elsewhere."""

import json
import logging

import pytest
import structlog

from monitor.process import logs


def test_json_is_one_object_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info", "auto")
    structlog.get_logger("monitor.test").info("started", url="http://x", partitions=["in/0"])
    logging.getLogger("kafka.client").warning("away: %s", "broker")
    ours, library = (json.loads(line) for line in capsys.readouterr().err.splitlines())
    assert ours["event"] == "started"
    assert ours["level"] == "info"
    assert ours["partitions"] == ["in/0"]
    assert library["event"] == "away: broker"


def test_an_exception_stays_on_one_line_of_json(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info", "json")
    try:
        raise RuntimeError("broken")
    except RuntimeError:
        structlog.get_logger("monitor.test").exception("failed")
    (line,) = capsys.readouterr().err.splitlines()
    assert "RuntimeError: broken" in json.loads(line)["exception"]


def test_people_get_a_readable_line(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info", "console")
    structlog.get_logger("monitor.test").info("drift firing", state="firing")
    printed = capsys.readouterr().err
    assert "drift firing" in printed
    assert not printed.startswith("{")


def test_the_level_holds(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("warning", "json")
    structlog.get_logger("monitor.test").info("not worth it")
    assert capsys.readouterr().err == ""


def test_a_library_that_repeats_itself_is_heard_once_in_a_while() -> None:
    now = [0.0]
    repeats = logs.RepeatFilter(lambda: now[0])

    def passes(name: str) -> bool:
        record = logging.LogRecord(name, logging.WARNING, "", 0, "no node", (), None)
        return repeats.filter(record)

    assert [passes("kafka.cluster"), passes("kafka.cluster")] == [True, False]
    assert [passes("monitor.daemon.loop"), passes("monitor.daemon.loop")] == [True, True]
    now[0] = logs.QUIET_SECONDS
    assert passes("kafka.cluster")
