"""The command `aead-monitor`: finds the subcommand, and turns mistakes into one line.

Exit codes: 0 done, 2 a mistake of the user's, 1 a fault, 130 stopped by Ctrl-C. Nothing heavy is
imported here, so that `--help` answers at once; each command imports what it needs when it runs.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from models.errors import UserError
from models.threads import wait_quietly
from monitor.commands import COMMANDS
from monitor.commands.completion import SHELLS, PrintCompletion
from monitor.commands.grouped_help import GroupedHelp
from monitor.process.text import for_terminal
from monitor.version import __version__

_EPILOG = """\
examples:
  aead-monitor demo                                      see it work, nothing else needed
  aead-monitor train --data normal.npy --out model       learn what is normal
  aead-monitor run --config aead-monitor.yaml            watch a Kafka topic

`aead-monitor COMMAND --help` shows a command's options and examples. README.md is the guide,
the folder docs/ beside it explains everything else.
"""


def parser() -> argparse.ArgumentParser:
    """The parser with all subcommands."""
    top = argparse.ArgumentParser(
        prog="aead-monitor",
        description="Watches a stream of images or feature vectors for anomalies and drift.",
        epilog=_EPILOG,
        formatter_class=GroupedHelp,
    )
    top.add_argument("--version", action="version", version=f"aead-monitor {__version__}")
    top.add_argument(
        "--print-completion",
        action=PrintCompletion,
        choices=SHELLS,
        help="print a script that completes commands in your shell",
    )
    subparsers = top.add_subparsers(
        dest="command", metavar="COMMAND", required=True, title="commands"
    )
    for command in COMMANDS:
        command.add_parser(subparsers)
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a subcommand and return its exit code."""
    options = parser().parse_args(arguments)
    wait_quietly()
    try:
        return int(options.run(options))
    except UserError as error:
        for line in str(error).splitlines():
            print(f"aead-monitor: {for_terminal(line)}", file=sys.stderr)  # noqa: T201
        return 2
    except KeyboardInterrupt:
        print("aead-monitor: stopped", file=sys.stderr)  # noqa: T201
        return 130
    except BrokenPipeError:
        # The reader of our output has gone (`| head`): not a mistake worth a message.
        sys.stderr.close()
        return 1


if __name__ == "__main__":
    sys.exit(main())
