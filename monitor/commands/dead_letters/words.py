"""Dead letters in words, tables and JSON. What comes out of a message is made printable first."""

from __future__ import annotations

import base64
import json
from collections import Counter
from collections.abc import Iterator, Sequence

from monitor.commands.dead_letters.originals import Original
from monitor.commands.dead_letters.selection import REMEMBERED, Tally
from monitor.commands.dead_letters.view import DeadLetterView
from monitor.process.text import escaped, printable_line
from monitor.stream.json_values import isoformat

ERROR_WIDTH = 80
_TITLES = ("ADDRESS", "TIME", "REASON", "BYTES", "ERROR")


def table(views: Sequence[DeadLetterView]) -> Iterator[str]:
    """One line for each, under titles."""
    rows = [_TITLES, *(_row(view) for view in views)]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    bytes_width = max(len(row[3]) for row in rows)
    for row in rows:
        left = "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=False))
        yield f"{left}  {row[3].rjust(bytes_width)}  {row[4]}".rstrip()


def _row(view: DeadLetterView) -> tuple[str, str, str, str, str]:
    return (
        _offsets(view),
        isoformat(view.time),
        printable(view.reason),
        "-" if view.value_bytes is None else f"{view.value_bytes:,}",
        printable(view.error, ERROR_WIDTH),
    )


def _offsets(view: DeadLetterView) -> str:
    """The address, with the last offset of those that it stands for."""
    if view.next_offset is None or view.next_offset <= view.offset + 1:
        return view.address
    return f"{view.address}-{view.next_offset - 1}"


def as_json(view: DeadLetterView, values: bool) -> str:
    """One line of JSON. values: with the original bytes, in base64."""
    body = {
        "topic": view.topic,
        "partition": view.partition,
        "offset": view.offset,
        "next_offset": view.next_offset,
        "timestamp": None if view.timestamp is None else isoformat(view.timestamp),
        "reason": view.reason,
        "error": view.error,
        "key": _text(view.key),
        "headers": [[name, _text(value)] for name, value in view.headers],
        "value_bytes": view.value_bytes,
        "dead_letter": {
            "topic": view.message.topic,
            "partition": view.message.partition,
            "offset": view.message.offset,
            "timestamp": isoformat(view.time),
        },
    }
    if values:
        value = view.message.value
        body["value"] = None if value is None else base64.b64encode(value).decode()
    return json.dumps(body)


def summary(tally: Tally, topic: str) -> str:
    """How many of which reason; repeats and what is not ours are said beside."""
    what = f"{counted(tally.count, 'dead letter')}{_by_reason(tally.reasons)}"
    if not tally.count:
        what = f"{topic}: no dead letters{' that match' if tally.filtered else ''}"
    notes = []
    if tally.repeats:
        notes.append(f"{counted(tally.repeats, 'repeat')} of these left out")
    if tally.foreign:
        notes.append(f"{counted(tally.foreign, 'message')} without the headers of a dead letter")
    if tally.forgot:
        notes.append(f"repeats more than {REMEMBERED // 2:,} dead letters apart were not noticed")
    return "; ".join([what, *notes])


def _by_reason(reasons: Counter[str]) -> str:
    parts = [f"{count:,} {printable(reason)}" for reason, count in _most_first(reasons)]
    return ": " + ", ".join(parts)


def _most_first(counts: Counter[str]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


def to_send(view: DeadLetterView, original: Original, partition: int | None) -> str:
    """What a dry run says of one."""
    where = "any partition" if partition is None else f"partition {partition}"
    size = "no value" if original.value is None else f"{len(original.value):,} bytes"
    key = "no key" if original.key is None else f"key {printable(_text(original.key) or '', 40)!r}"
    return (
        f"{view.address}  {printable(view.reason)}  {size}, {key},"
        f" {counted(len(original.headers), 'header')} -> {original.topic}, {where}"
    )


def left_out(reasons: Counter[str]) -> str:
    """How many were not sent, and why."""
    parts = [f"{count:,} {why}" for why, count in _most_first(reasons)]
    return f"left out {reasons.total():,}: {'; '.join(parts)}"


def counted(count: int, noun: str) -> str:
    """A number and its noun."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def printable(text: str, width: int = 256) -> str:
    """One line without control characters, which could play tricks on a terminal."""
    return printable_line(text, width, escaped)


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode("utf-8", "backslashreplace")
