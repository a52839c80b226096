"""`aead-monitor mute`: no drift alert leaves for a while."""

from __future__ import annotations

import argparse
import time

_EXAMPLE = """\
example:
  aead-monitor mute 2h --reason "belts are changed" --config aead-monitor.yaml
  aead-monitor unmute --config aead-monitor.yaml

The running daemon notices within seconds; one that starts meanwhile is muted from the start. Drift
is judged as always. What comes back every week or is planned long before goes into the
configuration, as `mutes`.
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "mute",
        help="let no drift alert leave for a while: maintenance",
        description="Let no drift alert leave from now on, in place of what was muted by hand"
        " before. An episode that still fires in the end is told then.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("length", metavar="TIME", help="how long, such as 30m, 2h or 1d; 31d most")
    parser.add_argument("--reason", required=True, metavar="TEXT", help="shown wherever it mutes")
    parser.add_argument("--config", required=True, metavar="FILE", help="configuration (YAML)")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Write the file that mutes."""
    from monitor.config import file as config_file
    from monitor.errors import UserError
    from monitor.process.text import for_terminal
    from monitor.state.mute_file import MuteFile, checked_reason
    from monitor.state.mutes import BY_HAND, Once, seconds_of, shown
    from monitor.stream.json_values import isoformat

    file = MuteFile(config_file.load(options.config).state.directory)
    try:
        seconds = seconds_of(options.length)
    except ValueError as error:
        raise UserError(f"TIME {error}") from None
    try:
        reason = checked_reason(options.reason)
    except ValueError as error:
        raise UserError(f"--reason: {error}") from None
    now = float(int(time.time()))
    mute = Once(BY_HAND, reason, now, now + seconds)
    try:
        file.write(mute)
    except OSError as error:
        raise UserError(
            f"{file.path}: {error.strerror or error}. Look at state.directory, and run this as the"
            " user that the daemon runs as."
        ) from None
    print(for_terminal(f"muted until {isoformat(round(1000 * mute.until))}: {shown(reason)}"))
    return 0
