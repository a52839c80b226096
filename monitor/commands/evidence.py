"""`aead-monitor evidence`: the records that a daemon keeps for people to look at."""

from __future__ import annotations

import argparse
from pathlib import Path

_EXAMPLE = """\
example:
  aead-monitor evidence export --config aead-monitor.yaml --out evidence

It reads the state folder; the daemon may run meanwhile. A running daemon tells the same at
/api/evidence.
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "evidence",
        help="take a copy of the records kept to be looked at",
        description="The top anomalies, recent normal records, and records before and after each"
        " drift, as far as the setting `evidence` has them kept.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    text = (
        "write evidence.json, evidence.csv and pictures to a folder; the daemon may run meanwhile"
    )
    action = actions.add_parser("export", help=text, description=text)
    action.add_argument("--config", required=True, metavar="FILE", help="configuration (YAML)")
    action.add_argument(
        "--out", required=True, type=Path, metavar="FOLDER", help="folder to make; it may be there"
        " if it is empty",
    )  # fmt: skip
    action.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Write what is kept."""
    from monitor.config import file as config_file
    from monitor.errors import UserError
    from monitor.evidence.export import export
    from monitor.process.text import for_terminal

    config = config_file.load(options.config)
    if config.evidence == "off":
        raise UserError("evidence is off in this configuration: nothing is kept. Set it to scores.")
    found = export(config.state.directory, config.evidence, options.out)
    for line in found.damaged:
        print(for_terminal(f"left out: {line}"))
    print(f"{found.entries} records and {found.pictures} pictures written to {options.out}")
    return 0
