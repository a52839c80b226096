"""Retraining requests in words. What comes out of a request is made printable first."""

from __future__ import annotations

from collections.abc import Iterator

from monitor.commands.dead_letters.words import printable
from monitor.retraining.deliveries import Delivery, Kept
from monitor.retraining.outbox import Listing
from monitor.stream.json_values import isoformat

REASON_WIDTH = 100
ERROR_WIDTH = 120
_TITLES = ("RECEIVER", "STATE", "ATTEMPTS", "NEXT", "LAST")


def lines(listing: Listing, now: float) -> Iterator[str]:
    """Each request with a table of its deliveries; then the damaged files."""
    for kept in listing.requests:
        yield _head(kept)
        yield f"  {printable(str(kept.document['reason']), REASON_WIDTH)}"
        yield from _table(kept, now)
    for line in listing.damaged:
        yield f"DAMAGED  {printable(line)}"


def _head(kept: Kept) -> str:
    document = kept.document
    return (
        f"{kept.id}  {isoformat(int(kept.created * 1000))}"
        f"  model {printable(str(document['model']), 60)}"
        f" version {printable(str(document['model_version']), 16)}"
        f"  policy {printable(str(document['policy']), 16)}"
    )


def _table(kept: Kept, now: float) -> Iterator[str]:
    if not kept.deliveries:
        yield "  no receiver was configured"
        return
    rows = [_TITLES, *(_row(name, item, now) for name, item in kept.deliveries.items())]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    for row in rows:
        left = "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=False))
        yield f"    {left}  {row[4]}".rstrip()


def _row(name: str, delivery: Delivery, now: float) -> tuple[str, str, str, str, str]:
    return (
        printable(name, 40),
        delivery.state,
        str(delivery.attempts),
        _next(delivery, now),
        printable(delivery.answer or delivery.last_error, ERROR_WIDTH),
    )


def _next(delivery: Delivery, now: float) -> str:
    if delivery.state != "waiting":
        return "-"
    return "now" if delivery.due(now) else f"in {delivery.next_attempt - now:.0f} s"
