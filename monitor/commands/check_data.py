"""`aead-monitor check-data`: what data files hold, before anything is learned from them."""

from __future__ import annotations

import argparse

from monitor.commands.data_options import add_data, reading

_EXAMPLE = """\
example:
  aead-monitor check-data --data readings.csv
  aead-monitor check-data --data export/ --time timestamp --label fault --json

Reads as `train` does and says what it understood: records, features with their types and ranges,
what is missing, what was left out and why, which columns look like a label, an id or a counter,
and which say the same. Exit code 2 if the data cannot be learned from as they are: the columns are
shown all the same, with all that is to be settled.
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "check-data",
        help="see what a data file holds",
        description="Say what data files hold and how they would be learned from.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_data(parser, "look at", learning=True)
    parser.add_argument("--json", action="store_true", help="print it as JSON")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Read, and print what was understood."""
    import json

    from monitor.datasets import learning
    from monitor.datasets.account import undecided
    from monitor.datasets.plan import UndecidedError
    from monitor.process.progress import Bars
    from monitor.process.text import for_terminal

    try:
        with Bars() as bars:
            asked = reading(options, watch=bars.count)
            account = learning.look(options.data, asked)
    except UndecidedError as question:
        if not options.json:
            print(for_terminal(undecided(question.columns)), flush=True)
        raise
    if options.json:
        print(json.dumps(account.to_json(), indent=2, allow_nan=False))
        return 0
    for line in account.text().splitlines():
        print(for_terminal(line))
    for warning in account.warnings():
        asked.say(for_terminal(f"warning: {warning}"))
    return 0
