"""`aead-monitor dead-letters list`."""

from __future__ import annotations

import argparse
import sys

from monitor.commands.dead_letters import words
from monitor.commands.dead_letters.progress import bar
from monitor.commands.dead_letters.selection import Newest, Selection, Tally, chosen
from monitor.commands.dead_letters.topic import DeadLetterTopic
from monitor.errors import UserError


def check(options: argparse.Namespace) -> None:
    """Refuse options that do not go together."""
    if options.values and not options.json:
        raise UserError("--values needs --json: bytes do not fit into a table")


def run(options: argparse.Namespace, topic: DeadLetterTopic, selection: Selection) -> int:
    """Read all that is meant, keep the newest, print them and the counts."""
    tally, newest = Tally(), Newest(options.limit)
    spans = topic.spans(selection.since)
    with bar("reading", spans) as progress:
        for view in chosen(progress.watch(topic.messages(spans)), selection, tally):
            newest.add(view if options.values else view.without_value())
    views = newest.views()
    if options.json:
        for view in views:
            print(words.as_json(view, options.values))
    elif views:
        print("\n".join(words.table(views)))
    # Programs that read the lines of JSON want nothing else among them.
    out = sys.stderr if options.json else sys.stdout
    print(words.summary(tally, topic.name), file=out)
    if len(views) < tally.count:
        print(_shown(len(views), options.limit), file=out)
    return 0


def _shown(count: int, limit: int) -> str:
    if count < limit:
        return f"the newest {count:,} are shown: more do not fit into memory"
    return f"the newest {count:,} are shown: --limit N shows more"
