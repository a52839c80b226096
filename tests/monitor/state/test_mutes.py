"""When no drift alert leaves: calendars, lengths, times with a zone."""

from __future__ import annotations

from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

import pytest

from monitor.state.mutes import (
    BY_HAND,
    DAY_SECONDS,
    LONGEST_SECONDS,
    Mute,
    Once,
    Weekly,
    moment,
    mute_at,
    seconds_of,
    shown,
    time_of_day,
    zone_of,
)

HOUR = 3600
BERLIN = ZoneInfo("Europe/Berlin")


def at(text: str) -> float:
    """Seconds since the epoch of a time in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def weekly(days: str, begin: str, seconds: int, zone: ZoneInfo = BERLIN) -> Weekly:
    numbers = frozenset(("mon", "tue", "wed", "thu", "fri", "sat", "sun").index(d) for d in
                        days.split())  # fmt: skip
    return Weekly("belts", "belts are changed", numbers, time.fromisoformat(begin), seconds, zone)


def muted_until(mute: Weekly, now: str) -> str | None:
    found = mute.at(at(now))
    return None if found is None else datetime.fromtimestamp(found.until, UTC).isoformat()[:16]


def test_a_mute_begins_with_its_first_second_and_is_over_at_its_end() -> None:
    mute = Once("lamp", "a new lamp", 1000.0, 2000.0)
    assert mute.at(999.9) is None
    assert mute.at(1000.0) == mute.at(1999.9) == Mute("lamp", "a new lamp", 2000.0)
    assert mute.at(2000.0) is None


def test_clocks_that_differ_by_seconds_do_not_put_off_a_mute_by_hand() -> None:
    mute = Once(BY_HAND, "a new lamp", 1000.0, 2000.0)
    assert mute.at(941.0) is not None
    assert mute.at(939.0) is None
    assert mute.at(2000.0) is None


@pytest.mark.parametrize(
    ("now", "until"),
    [
        ("2026-01-05T00:59:59", None),
        ("2026-01-05T01:00:00", "2026-01-05T03:00"),  # Monday, 02:00 in Berlin
        ("2026-01-05T02:59:59", "2026-01-05T03:00"),
        ("2026-01-05T03:00:00", None),
        ("2026-01-06T01:30:00", None),  # Tuesday
        ("2026-01-08T01:30:00", "2026-01-08T03:00"),
        ("2026-07-06T00:30:00", "2026-07-06T02:00"),  # in summer an hour earlier by UTC
        ("2026-07-06T02:30:00", None),
    ],
)
def test_a_calendar_goes_by_the_clock_of_its_zone(now: str, until: str | None) -> None:
    assert muted_until(weekly("mon thu", "02:00", 2 * HOUR), now) == until


def test_it_may_last_over_midnight_and_over_days() -> None:
    night = weekly("sun", "23:00", 4 * HOUR)
    assert muted_until(night, "2026-01-11T22:30") == "2026-01-12T02:00"
    assert muted_until(night, "2026-01-12T01:59") == "2026-01-12T02:00"
    assert muted_until(night, "2026-01-12T02:00") is None
    weekend = weekly("fri", "18:00", 60 * HOUR)
    assert muted_until(weekend, "2026-01-11T23:00") == "2026-01-12T05:00"
    assert muted_until(weekend, "2026-01-12T05:00") is None


def test_where_the_clock_is_set_forward_it_begins_an_hour_later_by_the_clock() -> None:
    # 2026-03-29: 02:00 to 03:00 does not exist in Berlin.
    lost = weekly("sun", "02:30", HOUR)
    assert muted_until(lost, "2026-03-29T01:29") is None
    assert muted_until(lost, "2026-03-29T01:30") == "2026-03-29T02:30"


def test_where_the_clock_is_set_back_it_begins_once_and_lasts_as_long_as_it_should() -> None:
    # 2026-10-25: 02:00 to 03:00 comes twice in Berlin.
    twice = weekly("sun", "02:30", HOUR)
    assert muted_until(twice, "2026-10-25T00:30") == "2026-10-25T01:30"
    assert muted_until(twice, "2026-10-25T01:29") == "2026-10-25T01:30"
    assert muted_until(twice, "2026-10-25T01:31") is None


def test_every_second_of_a_year_agrees_with_a_list_of_the_beginnings() -> None:
    mute = weekly("tue sat", "03:15", 90 * 60, ZoneInfo("America/New_York"))
    begins = []
    for ordinal in range(datetime(2026, 1, 1).toordinal(), datetime(2027, 1, 1).toordinal()):
        day = datetime.fromordinal(ordinal)
        if day.weekday() in (1, 5):
            begins.append(day.replace(hour=3, minute=15, tzinfo=mute.zone).timestamp())
    covered = [(begin, begin + 90 * 60) for begin in begins]
    for now in range(int(at("2026-01-02")), int(at("2026-12-30")), 977):
        expected = next((end for begin, end in covered if begin <= now < end), None)
        found = mute.at(now)
        assert (found and found.until) == expected


def test_the_longest_of_several_counts() -> None:
    mutes = [Once("a", "a", 0, 50), Once("b", "b", 10, 90), Once("c", "c", 20, 60)]
    assert mute_at(mutes, 30) == Mute("b", "b", 90)
    assert mute_at(mutes, 5) == Mute("a", "a", 50)
    assert mute_at(mutes, 95) is None


@pytest.mark.parametrize(
    ("begin", "until", "words"),
    [(10, 10, "ends before"), (10, 9, "ends before"), (0, LONGEST_SECONDS + 1, "31 days")],
)
def test_a_stretch_that_is_empty_or_too_long_is_refused(
    begin: float, until: float, words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        Once("a", "a", begin, until)
    assert Once("a", "a", 0, LONGEST_SECONDS)


@pytest.mark.parametrize(
    ("days", "seconds"),
    [("mon", 7 * DAY_SECONDS), ("mon tue wed thu fri sat sun", DAY_SECONDS),
     ("mon thu", 4 * DAY_SECONDS)],
)  # fmt: skip
def test_a_calendar_that_never_ends_is_refused(days: str, seconds: int) -> None:
    with pytest.raises(ValueError, match="never end"):
        weekly(days, "00:00", seconds)
    assert weekly(days, "00:00", seconds - 1)


def test_a_calendar_without_days_is_refused() -> None:
    with pytest.raises(ValueError, match="days must not be empty"):
        Weekly("a", "a", frozenset(), time(2), 60, BERLIN)


def test_lengths_are_numbers_with_a_unit() -> None:
    assert [seconds_of(text) for text in ("90s", "30m", "2h", "31d")] == [
        90, 1800, 7200, LONGEST_SECONDS,
    ]  # fmt: skip
    for wrong in ("", "2", "2 h", "0h", "-1h", "1.5h", "2w", "32d", "9999999d", "2h\n", "٢h"):
        with pytest.raises(ValueError, match="must be"):
            seconds_of(wrong)


def test_times_need_a_zone() -> None:
    assert moment("2026-03-01T02:00:00+01:00") == at("2026-03-01T01:00:00")
    assert moment("2026-03-01T02:00Z") == at("2026-03-01T02:00:00")
    for wrong, words in (
        ("2026-03-01T02:00:00", "no zone"), ("2026-03-01", "no zone"), ("soon", "must be a time"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=words):
            moment(wrong)


def test_what_is_no_time_of_the_day_or_no_zone_is_refused() -> None:
    assert time_of_day("00:00") == time(0)
    assert time_of_day("23:59") == time(23, 59)
    for wrong in ("24:00", "2:00", "02:60", "02:00:00", "", "02:00\n"):
        with pytest.raises(ValueError, match="time of the day"):
            time_of_day(wrong)
    assert zone_of("Europe/Berlin") == BERLIN
    for wrong in ("", "Mars/Base", "../../etc/passwd", "/etc/localtime", "Europe", "a\0b"):
        with pytest.raises(ValueError, match="name of a time zone"):
            zone_of(wrong)


def test_a_reason_is_shown_as_one_printable_line() -> None:
    assert shown("a\x1b[31m\nlamp\u202e") == r"a\x1b[31m lamp\u202e"
    assert Once("a", "x\u202ey", 0, 1).at(0) == Mute("a", r"x\u202ey", 1)
