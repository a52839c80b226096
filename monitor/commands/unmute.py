"""`aead-monitor unmute`: drift alerts leave again."""

from __future__ import annotations

import argparse
import time

_EXAMPLE = """\
example:
  aead-monitor unmute --config aead-monitor.yaml

The running daemon notices within seconds. What `mutes` in the configuration mutes stays muted.
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "unmute",
        help="take back a mute by hand",
        description="Take back what was muted by hand. An episode that still fires is told now.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--config", required=True, metavar="FILE", help="configuration (YAML)")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Remove the file that mutes, and say what mutes still."""
    from monitor.config import file as config_file
    from monitor.errors import UserError
    from monitor.process.text import for_terminal
    from monitor.state.mute_file import MuteFile
    from monitor.state.mutes import mute_at
    from monitor.stream.json_values import isoformat

    config = config_file.load(options.config)
    file = MuteFile(config.state.directory)
    try:
        there = file.remove()
    except OSError as error:
        raise UserError(
            f"{file.path}: {error.strerror or error}. Look at state.directory, and run this as the"
            " user that the daemon runs as."
        ) from None
    print("no longer muted by hand" if there else f"nothing is muted by hand in {file.path.parent}")
    still = mute_at([mute.planned() for mute in config.mutes], time.time())
    if still is not None:
        until = isoformat(round(1000 * still.until))
        text = f"the configuration mutes until {until}: {still.name}: {still.reason}"
        print(for_terminal(text))
    return 0
