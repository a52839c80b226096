"""`aead-monitor requests`: what became of retraining requests, and what a person decides."""

from __future__ import annotations

import argparse
import json
import time
from typing import TYPE_CHECKING

from monitor.errors import UserError

if TYPE_CHECKING:
    from monitor.retraining.deliveries import Kept
    from monitor.retraining.outbox import Outbox

_EXAMPLE = """\
example:
  aead-monitor requests list --config aead-monitor.yaml
  aead-monitor requests retry 0123456789abcdef --config aead-monitor.yaml
  aead-monitor requests ack 0123456789abcdef --config aead-monitor.yaml

The daemon may run meanwhile; it takes up a change within a second.
"""
_TEXTS = {
    "list": "print all requests and where they have been delivered",
    "retry": "have a held, parked or waiting request delivered now",
    "ack": "say that you have taken care of a request: no further delivery",
}


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "requests",
        help="look at retraining requests, and decide on them",
        description="Look at retraining requests, and decide on them.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    for name, text in _TEXTS.items():
        action = actions.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.")
        action.add_argument("--config", required=True, metavar="FILE", help="configuration (YAML)")
        if name == "list":
            action.add_argument("--json", action="store_true", help="print JSON")
        else:
            action.add_argument("id", metavar="ID", help="of the request, as `list` prints it")
        if name == "retry":
            action.add_argument("--receiver", metavar="NAME", help="this receiver alone")
        action.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """List, or change one request."""
    from monitor.config import file as config_file
    from monitor.retraining.outbox import Outbox

    folder = config_file.load(options.config).state.directory / "requests"
    # What is damaged is part of what is printed.
    outbox = Outbox(folder, on_damage=lambda path, why: None)
    try:
        if options.action == "list":
            return _list(outbox, options.json)
        return _decide(outbox, options)
    except OSError as error:
        raise UserError(
            f"{outbox.folder}: {error.strerror or error}."
            " Run this as the user that the daemon runs as."
        ) from None


def _list(outbox: Outbox, as_json: bool) -> int:
    from monitor.commands.requests import words
    from monitor.retraining.deliveries import to_json

    listing = outbox.listing()
    if as_json:
        body = {
            "requests": [to_json(kept) for kept in listing.requests],
            "damaged": list(listing.damaged),
        }
        print(json.dumps(body, indent=2))
        return 0
    if not listing.requests and not listing.damaged:
        print(f"no requests in {outbox.folder}")
    for line in words.lines(listing, time.time()):
        print(line)
    return 0


def _decide(outbox: Outbox, options: argparse.Namespace) -> int:
    from monitor.retraining.deliveries import OPEN, Delivery

    before = _found(outbox, options.id)
    retries = options.action == "retry"
    names = tuple(before.deliveries)
    if retries and options.receiver is not None:
        names = (_checked(before, options.receiver),)
    change = Delivery.retried if retries else Delivery.acknowledged
    changed = [name for name in names if before.deliveries[name].state in OPEN]
    if changed:
        outbox.change(before.id, tuple(changed), change)
    _say(before.id, changed, "due now" if retries else "acknowledged")
    return 0


def _say(id: str, changed: list[str], what: str) -> None:
    print(f"{id}: {', '.join(changed)} {what}" if changed else f"{id}: nothing is left to deliver")


def _found(outbox: Outbox, id: str) -> Kept:
    listing = outbox.listing()
    for kept in listing.requests:
        if kept.id == id:
            return kept
    for line in listing.damaged:
        if line.startswith(f"{id}.json"):
            raise UserError(f"{outbox.folder}/{line}. Remove the file, or put a good one there.")
    raise UserError(
        f"no request {id!r} in {outbox.folder}. `aead-monitor requests list` prints those there are"
    )


def _checked(kept: Kept, name: str) -> str:
    if name not in kept.deliveries:
        known = ", ".join(kept.deliveries) or "none"
        raise UserError(f"--receiver {name!r}: the receivers of {kept.id} are: {known}")
    return name
