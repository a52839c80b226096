"""`aead-monitor state`: what a daemon has saved, and how to forget it."""

from __future__ import annotations

import argparse
import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from monitor.state.snapshot import Snapshot

_EXAMPLE = """\
example:
  aead-monitor state show --config aead-monitor.yaml
  aead-monitor state reset --config aead-monitor.yaml

After a reset drift detection begins anew; records are read on from the group's offsets.
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "state",
        help="show or forget a daemon's snapshots",
        description="Show what a daemon has saved in its state.directory, or forget it.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    for name, run, text in (
        ("show", show, "print what the snapshots hold; the daemon may run meanwhile"),
        ("reset", reset, "remove the snapshots; the daemon must not run"),
    ):
        action = actions.add_parser(name, help=text, description=text)
        action.add_argument("--config", required=True, metavar="FILE", help="configuration (YAML)")
        action.set_defaults(run=run)
        if name == "show":
            action.add_argument("--json", action="store_true", help="print JSON")


def show(options: argparse.Namespace) -> int:
    """Print all snapshots, the newest first."""
    from monitor.config import file as config_file
    from monitor.state.folder import NAMES

    folder = config_file.load(options.config).state.directory
    found = [_described(folder / name) for name in NAMES if (folder / name).exists()]
    if options.json:
        print(json.dumps(found, indent=2))
        return 0
    if not found:
        print(f"no snapshots in {folder}")
    for item in found:
        _print(item)
    return 0


def reset(options: argparse.Namespace) -> int:
    """Remove all snapshots."""
    from monitor.config import file as config_file
    from monitor.errors import UserError
    from monitor.state.folder import StateFolder

    folder = StateFolder(config_file.load(options.config).state.directory)
    folder.open()
    try:
        removed = folder.reset()
    except OSError as error:
        raise UserError(
            f"state.directory: cannot remove snapshots: {error}. Remove the files named snapshot*"
            " by hand"
        ) from None
    finally:
        folder.close()
    print(f"{removed} snapshots removed from {folder.folder}")
    return 0


def _described(path: Path) -> dict[str, Any]:
    from monitor.state.folder import read

    try:
        snapshot = read(path)
        return {"file": path.name, "damaged": None, **_contents(snapshot)}
    except (ValueError, KeyError, OSError) as error:
        return {"file": path.name, "damaged": str(error)}


def _contents(snapshot: Snapshot) -> dict[str, Any]:
    from monitor.drift.judge_state import decode
    from monitor.pipeline.step import MEMORY_SCHEMA
    from monitor.state.ledger import Ledger

    memory = decode(snapshot.memory, MEMORY_SCHEMA)
    ledger, judge = Ledger(), memory["judge"]
    ledger.restore(memory["ledger"])
    return {
        "writer": snapshot.writer,
        "sequence": snapshot.sequence,
        "model_version": snapshot.model_version,
        "fingerprint": snapshot.fingerprint,
        "memory_sha256": hashlib.sha256(snapshot.memory).hexdigest(),
        "rows_judged": judge["rows"],
        "drift_state": judge["episodes"]["state"],
        "partitions": [
            {
                "partition": str(p),
                "next_offset": totals.next_offset,
                "committed": snapshot.commits.get(p),
                "scored": totals.scored,
                "dead_lettered": totals.dead_lettered,
                "rows": totals.rows,
                "anomalous": totals.anomalous,
            }
            for p, totals in sorted(ledger.totals.items())
        ],
    }


def _print(item: dict[str, Any]) -> None:
    from monitor.process.text import for_terminal

    if item["damaged"]:
        print(for_terminal(f"{item['file']}: DAMAGED: {item['damaged']}"))
        return
    print(
        f"{item['file']}: sequence {item['sequence']}, model {item['model_version'][:8]},"
        f" {item['rows_judged']:,} rows judged, drift state {item['drift_state']},"
        f" state {item['writer']}"
    )
    for row in item["partitions"]:
        committed = "not ours" if row["committed"] is None else f"committed {row['committed']:,}"
        print(
            f"  {row['partition']}: {row['scored']:,} scored, {row['dead_lettered']:,} dead"
            f" letters, next offset {row['next_offset']:,}, {committed}"
        )
