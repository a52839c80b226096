"""Dead letters leave a line: why, where, how many, and not one line each."""

from __future__ import annotations

from structlog.testing import capture_logs

from monitor.daemon.dead_letter_log import QUIET_SECONDS, DeadLetterLog
from monitor.stream.records import DeadLetter
from tests.monitor.builders import record as record_at


def letters(count: int, reason: str, start: int = 0) -> list[DeadLetter]:
    return [
        DeadLetter(record_at(i, None), reason, f"bad \x1b[2J {i}")
        for i in range(start, start + count)
    ]


def test_the_first_is_told_at_once_and_more_of_a_reason_now_and_then() -> None:
    now = [0.0]
    subject = DeadLetterLog(lambda: now[0])
    with capture_logs() as lines:
        subject.count(letters(3, "undecodable", start=7))
        subject.count(letters(2, "oversized", start=10))
        for second in range(1, 61):
            now[0] = second
            subject.count(letters(1000, "undecodable", start=1000 * second))
    told = [(line["reason"], line["records"], line["first_offset"]) for line in lines]
    seconds = int(QUIET_SECONDS)
    assert told == [
        ("undecodable", 3, 7),
        ("oversized", 2, 10),
        ("undecodable", 1000 * seconds, 1000),
        ("undecodable", 1000 * seconds, 1000 * (seconds + 1)),
    ]
    assert {line["log_level"] for line in lines} == {"warning"}
    assert lines[0]["topic"] == "in"
    assert lines[0]["partition"] == 0
    assert lines[0]["error"] == "bad ?[2J 7"


def test_what_is_not_told_yet_is_told_in_time_and_at_the_end() -> None:
    now = [0.0]
    subject = DeadLetterLog(lambda: now[0])
    with capture_logs() as lines:
        subject.count(letters(1, "empty"))
        subject.count(letters(4, "empty", start=1))
        subject.tell()
        assert len(lines) == 1
        now[0] = QUIET_SECONDS
        subject.tell()
        subject.count(letters(2, "empty", start=5))
        subject.tell(at_once=True)
        subject.tell(at_once=True)
    assert [line["records"] for line in lines] == [1, 4, 2]
