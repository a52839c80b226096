"""`aead-monitor dead-letters`: look at what could not be scored, and send it again."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from monitor.errors import REASONS, UserError

if TYPE_CHECKING:
    from monitor.commands.dead_letters.selection import Selection

SHOWN = 50
MOST = 1_000_000
_LIST = """\
example:
  aead-monitor dead-letters list --config aead-monitor.yaml
  aead-monitor dead-letters list --config aead-monitor.yaml --reason undecodable --limit 5
  aead-monitor dead-letters list --config aead-monitor.yaml --since 2026-03-01T12:00 --json
"""
_REPLAY = """\
example:
  aead-monitor dead-letters replay --config aead-monitor.yaml --reason oversized --dry-run
  aead-monitor dead-letters replay --config aead-monitor.yaml --reason oversized
  aead-monitor dead-letters replay --config aead-monitor.yaml --all

Each record goes back to the topic, partition and key that it came from, with its own headers and
timestamp. Ctrl-C stops after what was sent has arrived.
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "dead-letters",
        help="look at what could not be scored, and send it again",
        description="Look at the records that could not be scored, and send them again.",
        epilog=_LIST + _REPLAY.removeprefix("example:\n"),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    listing = _action(actions, "list", "print the newest dead letters", _LIST)
    listing.add_argument("--json", action="store_true", help="one JSON object a line")
    listing.add_argument(
        "--values", action="store_true", help="with --json: the original bytes, in base64"
    )
    listing.set_defaults(limit=SHOWN)
    replay = _action(actions, "replay", "send the original records to their topic again", _REPLAY)
    replay.add_argument("--all", action="store_true", help="send all that can be sent")
    replay.add_argument(
        "--again", action="store_true", help="also what became a dead letter after a replay"
    )
    replay.add_argument("--dry-run", action="store_true", help="only say what would be sent")


def _action(
    actions: argparse._SubParsersAction[argparse.ArgumentParser], name: str, text: str, epilog: str
) -> argparse.ArgumentParser:
    """A parser with the filters."""
    parser = actions.add_parser(
        name,
        help=text,
        description=f"{text[0].upper()}{text[1:]}.",
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--config", required=True, metavar="FILE", help="configuration (YAML)")
    parser.add_argument(
        "--reason", action="append", choices=REASONS, metavar="R", help="may be given repeatedly"
    )
    parser.add_argument("--since", metavar="TIME", help="became a dead letter then or later")
    parser.add_argument("--until", metavar="TIME", help="became a dead letter before then")
    parser.add_argument("--partition", type=int, metavar="N", help="of the record")
    parser.add_argument("--limit", type=int, metavar="N", help="the newest N only")
    parser.set_defaults(run=run)
    return parser


def run(options: argparse.Namespace) -> int:
    """List or replay."""
    from monitor.commands.dead_letters import listing, replaying

    selection = _selection(options)
    (listing if options.action == "list" else replaying).check(options)

    import logging

    from monitor.commands.dead_letters.topic import opened
    from monitor.config import file as config_file
    from monitor.daemon.assembly.kafka import build_connection

    # kafka-python logs what is said here in one line.
    logging.getLogger("kafka").setLevel(logging.CRITICAL)
    config = config_file.load(options.config)
    connection = build_connection(config.kafka)
    name = config.topic_for("dead_letter") or ""  # there is always one
    with opened(connection, name, config.kafka.fetch_max_bytes) as topic:
        if options.action == "list":
            return listing.run(options, topic, selection)
        return replaying.run(options, topic, selection, connection, config.kafka.topic)


def _selection(options: argparse.Namespace) -> Selection:
    """The filters; raises UserError for what cannot be meant."""
    from monitor.commands.dead_letters.selection import Selection, milliseconds

    if options.limit is not None and not 1 <= options.limit <= MOST:
        raise UserError(f"--limit must be from 1 to {MOST:,}, got {options.limit}")
    if options.partition is not None and options.partition < 0:
        raise UserError(f"--partition must be at least 0, got {options.partition}")
    since = milliseconds("--since", options.since)
    until = milliseconds("--until", options.until)
    if since is not None and until is not None and since >= until:
        raise UserError(f"--until {options.until} must be later than --since {options.since}")
    return Selection(frozenset(options.reason or ()), since, until, options.partition)
