"""`aead-monitor dead-letters`, up to the broker: what a message says, what is chosen and sent."""

import base64
import json
import re
import shlex
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.cli import parser
from monitor.commands.dead_letters import originals, words
from monitor.commands.dead_letters.originals import REPLAYED_FROM, Wanted, original_of
from monitor.commands.dead_letters.selection import (
    Newest,
    Seen,
    Selection,
    Tally,
    chosen,
    milliseconds,
)
from monitor.commands.dead_letters.view import view_of
from monitor.errors import REASONS
from monitor.pipeline.events import dead_letter_event
from monitor.stream.records import DeadLetter, Record
from tests.readme import ROOT

NOON = 1_772_366_400_000
"""2026-03-01T12:00:00Z."""


def message(record=None, reason="undecodable", error="no JSON", place=(0, 0), time=NOON, **own):
    """A dead letter as the daemon writes it. own: more headers of ours, such as next_offset."""
    event = dead_letter_event(DeadLetter(record or record_at(7), reason, error))
    more = tuple((f"aead.{name}", value) for name, value in own.items())
    partition, offset = place
    headers = (*event.headers, *more)
    return Record("images.dead", partition, offset, time, event.key, event.value, headers)


def record_at(offset, partition=2, key=b"camera", value=b"{", headers=(), timestamp=NOON - 1):
    return Record("images", partition, offset, timestamp, key, value, headers)


def letter(offset=7, **about):
    """A view of a dead letter; about: as in `message`."""
    return view_of(message(record_at(offset), **about))


records = st.builds(
    record_at,
    offset=st.integers(0, 2**62),
    partition=st.integers(0, 2**31 - 1),
    key=st.none() | st.binary(max_size=20),
    value=st.binary(max_size=50),
    headers=st.lists(st.tuples(st.text(max_size=9), st.binary(max_size=9)), max_size=4).map(tuple),
    timestamp=st.integers(1, 4_000_000_000_000) | st.integers(10**15, 10**17),
)


@given(records, st.sampled_from([r for r in REASONS if r not in originals.RANGES]), st.text())
def test_a_record_comes_back_as_it_was_with_one_header_more(record, reason, error):
    view = view_of(message(record, reason, error))
    address = dict(message(record).headers)["aead.address"].decode()
    assert (view.address, view.reason) == (address, reason)
    assert view.value_bytes == len(record.value)
    original = original_of(view, Wanted(again=True))
    came_from = (REPLAYED_FROM, f"images/{record.partition}/{record.offset}".encode())
    assert (original.topic, original.partition) == (record.topic, record.partition)
    assert (original.key, original.value) == (record.key, record.value)
    assert original.headers == (*record.headers, came_from)
    assert original.timestamp == record.timestamp


@pytest.mark.parametrize("timestamp", [-1, 0])
def test_a_record_without_a_time_is_sent_with_the_present_one(timestamp):
    view = view_of(message(record_at(1, timestamp=timestamp)))
    assert original_of(view, Wanted()).timestamp is None


@pytest.mark.parametrize(
    "change",
    [
        {"aead.topic": None},
        {"aead.topic": b"a/b"},
        {"aead.topic": b"\x1b[2J"},
        {"aead.partition": b"-1"},
        {"aead.offset": b"seven"},
        {"aead.offset": b"9" * 5000},
        {"aead.reason": b""},
    ],
)
def test_other_messages_are_no_dead_letters(change):
    headers = dict(message().headers) | change
    kept = tuple((name, value) for name, value in headers.items() if value is not None)
    assert view_of(Record("dead", 0, 0, NOON, None, b"", kept)) is None


REPLAYED = record_at(1, headers=((REPLAYED_FROM, b"images/2/0"),))
TOMBSTONE = record_at(1, value=None)
NOTHING = record_at(1, key=None, value=None)


@pytest.mark.parametrize(
    ("about", "wanted", "why"),
    [
        ({"reason": "unreadable", "next_offset": b"9"}, {}, originals.NO_BYTES),
        ({"reason": "expired", "next_offset": b"9"}, {}, originals.NO_BYTES),
        ({"reason": "oversized", "value_bytes_dropped": b"99"}, {}, originals.DROPPED),
        ({"record": TOMBSTONE, "reason": "tombstone"}, {}, originals.TOMBSTONES),
        ({"record": TOMBSTONE, "reason": "tombstone"}, {"tombstones": True}, None),
        ({"record": TOMBSTONE, "reason": "empty"}, {"tombstones": True}, originals.NO_BYTES),
        ({"record": NOTHING, "reason": "tombstone"}, {"tombstones": True}, originals.KEYLESS),
        ({"record": record_at(1, value=b""), "reason": "empty"}, {}, None),
        ({"record": REPLAYED}, {}, originals.REPLAYED),
        ({"record": REPLAYED}, {"again": True}, None),
        ({"record": Record("images.dead", 0, 1, NOON, b"k", b"v")}, {}, originals.LOOP),
        (
            {"record": Record("payroll", 0, 1, NOON, b"k", b"v")},
            {"topic": "images"},
            originals.OTHER_TOPIC,
        ),
    ],
)
def test_what_has_no_bytes_or_was_replayed_is_left_out_with_the_reason(about, wanted, why):
    outcome = original_of(view_of(message(**about)), Wanted(**wanted))
    assert outcome == why if why else not isinstance(outcome, str)


def test_filters_must_all_hold():
    views = [letter(i, reason=r, time=NOON + i) for i, r in enumerate(REASONS)]
    both = Selection(frozenset({"empty", "oversized", "expired"}), NOON + 2, NOON + 9, 2)
    assert [v.reason for v in views if both.takes(v)] == ["oversized"]
    assert not any(Selection(partition=1).takes(view) for view in views)
    assert all(Selection().takes(view) for view in views)


def test_a_repeat_is_found_once_and_counted():
    messages = [message(record_at(i % 5), place=(0, i)) for i in range(12)]
    messages.append(Record("dead", 0, 12, NOON, None, b"not ours"))
    tally = Tally()
    assert [view.offset for view in chosen(messages, Selection(), tally)] == [0, 1, 2, 3, 4]
    assert (tally.count, tally.repeats, tally.foreign, tally.forgot) == (5, 7, 1, False)


@pytest.mark.parametrize("most", [2, 10, 11])
def test_the_addresses_kept_are_bounded_and_the_last_half_is_never_forgotten(most):
    seen = Seen(most)
    for offset in range(100):
        assert seen.first(letter(offset))
        kept = [o for part in (seen._old, seen._new) for ours in part.values() for o in ours]
        assert len(kept) <= most
        recent = range(max(0, offset + 1 - most // 2), offset + 1)
        assert set(recent) <= set(kept)
    assert seen.forgot


@given(st.lists(st.integers(0, 30), max_size=40), st.integers(1, 45), st.integers(1, 40))
def test_the_newest_are_kept_as_far_as_memory_goes(times, limit, fits):
    views = [letter(i, time=NOON + t, place=(0, i)) for i, t in enumerate(times)]
    each = letter(0).held_bytes
    newest = Newest(limit, max_bytes=fits * each)
    for view in views:
        newest.add(view)
    expected = sorted(views, key=lambda view: view.order)[-min(limit, fits) :]
    # Addresses of two digits cost a few bytes more, so that one may be missing.
    kept = newest.views()
    assert kept == expected[len(expected) - len(kept) :]
    assert len(kept) >= len(expected) - 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-03-01T12:00", NOON),
        ("2026-03-01T12:00:00Z", NOON),
        ("2026-03-01T13:00:00.250+01:00", NOON + 250),
        ("2026-03-01", NOON - 12 * 3600 * 1000),
        ("1960-01-01", 0),
    ],
)
def test_times_are_utc_unless_they_say_otherwise(text, expected):
    assert milliseconds("--since", text) == expected


def test_the_table_shows_where_when_why_and_how_large():
    odd = letter(7, error="no JSON: \x1b[2J\nat 0" + "x" * 200)
    gap = letter(100, reason="expired", error="deleted", next_offset=b"120")
    lines = list(words.table([odd, view_of(message(record_at(8, value=None)))]))
    assert lines[0].split() == ["ADDRESS", "TIME", "REASON", "BYTES", "ERROR"]
    assert lines[1].startswith("images/2/7  2026-03-01T12:00:00.000+00:00  undecodable      1  no")
    assert "no JSON: \\x1b[2J at 0x" in lines[1]
    assert lines[2].split()[2:4] == ["undecodable", "-"]
    assert "images/2/100-119 " in list(words.table([gap]))[1]


def test_json_holds_all_that_is_known_and_values_only_when_asked():
    record = record_at(7, key=b"\xff", value=b"\x00\xff", headers=(("a", b"1"), ("a", b"\xe2")))
    view = view_of(message(record, place=(3, 11)))
    body = json.loads(words.as_json(view, values=True))
    assert base64.b64decode(body.pop("value")) == record.value
    assert body == json.loads(words.as_json(view.without_value(), values=False))
    assert (body["topic"], body["partition"], body["offset"]) == ("images", 2, 7)
    assert (body["key"], body["headers"]) == ("\\xff", [["a", "1"], ["a", "\\xe2"]])
    assert (body["value_bytes"], body["reason"]) == (2, "undecodable")
    assert body["dead_letter"]["offset"] == 11


def test_the_summary_counts_by_reason():
    tally = Tally()
    tally.reasons.update(undecodable=1100, non_finite=104)
    assert words.summary(tally, "t") == "1,204 dead letters: 1,100 undecodable, 104 non_finite"
    tally.repeats = 1
    assert words.summary(tally, "t").endswith("; 1 repeat of these left out")
    assert words.summary(Tally(), "t") == "t: no dead letters"
    assert words.summary(Tally(filtered=True), "t") == "t: no dead letters that match"


CONFIG = ("--config", "missing.yaml")


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        (["list", "--limit", "0"], "--limit must be from 1 to 1,000,000, got 0"),
        (["list", "--partition", "-1"], "--partition must be at least 0, got -1"),
        (["list", "--since", "yesterday"], "--since yesterday: not a time. Write it as 2026-"),
        (["list", "--since", "2026-02-01", "--until", "2026-01-01"], "must be later than --since"),
        (["list", "--values"], "--values needs --json"),
        (["replay"], "give --all, or at least one of --reason"),
        (["replay", "--all", "--partition", "0"], "give --all, or at least one of --reason"),
        (["list"], "missing.yaml"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(refused, arguments, fault):
    assert fault in refused("dead-letters", *arguments, *CONFIG)


def test_a_broker_that_cannot_be_reached_is_one_line(refused, monkeypatch, tmp_path):
    monkeypatch.setattr("monitor.stream.kafka_reader.CONNECT_SECONDS", 0.5)
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        server = f"127.0.0.1:{unused.getsockname()[1]}"
        kafka = f"kafka: {{topic: t, bootstrap_servers: '{server}'}}"
        (tmp_path / "c.yaml").write_text(f"model: m\n{kafka}\ncodec: {{name: raw}}\n")
        line = refused("dead-letters", "list", "--config", tmp_path / "c.yaml")
    assert line.startswith(f"aead-monitor: kafka.bootstrap_servers {server}: cannot reach a broker")


def test_every_command_of_the_page_is_understood():
    text = (ROOT / "docs" / "dead-letters.md").read_text(encoding="utf-8")
    lines = re.findall(r"^    aead-monitor (.+)$", text, flags=re.MULTILINE)
    actions = {parser().parse_args(shlex.split(line, comments=True)).action for line in lines}
    assert actions == {"list", "replay"}
