"""The log: one line an event, for people on a terminal and for machines elsewhere."""

import io
import json
import logging
import sys

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


def test_time_level_and_event_come_first_in_json(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info", "json")
    structlog.get_logger("monitor.test").warning("started", zone=1, args=2)
    logging.getLogger("kafka.client").warning("away")
    try:
        raise RuntimeError("broken")
    except RuntimeError:
        structlog.get_logger("monitor.test").exception("failed")
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert len(lines) == 3
    for line in lines:
        assert list(line)[:3] == ["timestamp", "level", "event"]
    assert lines[0].keys() == {"timestamp", "level", "event", "logger", "zone", "args"}


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("environment", "coloured"),
    [({}, True), ({"NO_COLOR": ""}, True), ({"NO_COLOR": "1"}, False)],
)
def test_no_color_is_honoured(
    environment: dict[str, str], coloured: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    logs.configure("info", "auto")
    structlog.get_logger("monitor.test").info("drift firing", state="firing")
    assert "drift firing" in terminal.getvalue()
    assert ("\x1b[" in terminal.getvalue()) is coloured


def test_what_comes_from_elsewhere_plays_no_tricks_on_a_terminal(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("NO_COLOR", "1")
    logs.configure("info", "auto")
    structlog.get_logger("monitor.test").info("bad \x1b[2J", error="\x1b]0;owned\x07", rows=3)
    logging.getLogger("kafka.client").warning("topic \x1b[31m")
    try:
        raise RuntimeError("\x1b[1A")
    except RuntimeError:
        structlog.get_logger("monitor.test").exception("failed")
    printed = terminal.getvalue()
    assert "\x1b" not in printed
    assert "\x07" not in printed
    assert printed.count("\\x1b") == 5  # the traceback shows its line, too


@pytest.mark.parametrize(("level", "told"), [("info", 0), ("debug", 1)])
def test_the_clients_timings_of_its_own_tasks_are_told_at_debug_alone(
    level: str, told: int, capsys: pytest.CaptureFixture[str]
) -> None:
    logs.configure(level, "json")
    selector = logging.getLogger("kafka.net.selector")
    for seconds in (0.101, 0.25):
        selector.warning(
            f"Task <Task name=poll> ran for {seconds:.3f}s (>0.100s threshold). It is blocking the"
            " event loop -- likely a tight sync loop inside a coroutine."
        )
    selector.warning("Error reading wakeup socket: %s. Rebuilding.", "closed")
    lines = [json.loads(line)["event"] for line in capsys.readouterr().err.splitlines()]
    assert lines[-1] == "Error reading wakeup socket: closed. Rebuilding."
    assert len(lines) == 2 * told + 1


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
