"""`aead-monitor report`: one episode of drift as a file for a ticket."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_EXAMPLE = """\
example:
  aead-monitor report 75b24e733e9a --config aead-monitor.yaml --out report.html
  aead-monitor report latest --config aead-monitor.yaml --out report.html

It reads what the daemon keeps in state.directory; the daemon may run meanwhile. `aead-monitor
episodes` lists the episodes. The file needs nothing else: no script, nothing that is loaded.
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "report",
        help="write one drift episode as a page",
        description="Write all that is known of a drift episode as one HTML file.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("episode", metavar="EPISODE", help="its id, or latest")
    parser.add_argument("--config", required=True, metavar="FILE", help="configuration (YAML)")
    parser.add_argument("--out", required=True, metavar="FILE", help="the file to write (.html)")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Write the report."""
    from pathlib import Path

    from models.files import write_whole
    from monitor.config import file as config_file
    from monitor.errors import UserError
    from monitor.retraining.past_episode import episode_json, episodes_of
    from monitor.version import __version__
    from monitor.web.pages.rendering import report
    from monitor.web.timeline import Timeline

    config = config_file.load(options.config)
    chronicle = _chronicle(config.state.directory)
    episodes = [episode_json(each) for each in episodes_of(chronicle)]
    episode = _chosen(episodes, options.episode)
    timeline = Timeline(config.state.directory)
    timeline.load()
    status = {
        "version": __version__,
        "topic": config.kafka.topic,
        "group": config.kafka.group,
        "servers": config.kafka.bootstrap_servers,
        "changes": chronicle.get("changes", []),
    }
    out = Path(options.out)
    try:
        write_whole(out, report(status, episode, timeline).encode())
    except OSError as error:
        raise UserError(f"--out: cannot write {out}: {error.strerror}.") from None
    print(f"wrote {out}: episode {episode['id']}, {out.stat().st_size / 1000:,.0f} kB")
    return 0


def _chronicle(folder: Path) -> Mapping[str, Any]:
    """What the newest snapshot remembers of episodes; raises UserError if there is none."""
    from monitor.drift.judge_state import decode
    from monitor.errors import UserError
    from monitor.pipeline.step import MEMORY_SCHEMA
    from monitor.state.folder import newest

    snapshot = newest(folder)
    if snapshot is None:
        raise UserError(
            f"no snapshot that can be read in {folder}. The daemon writes one every few seconds;"
            " look at state.directory."
        )
    found = decode(snapshot.memory, MEMORY_SCHEMA).get("chronicle", {"episodes": []})
    return dict(found)


def _chosen(episodes: Sequence[Mapping[str, Any]], wanted: str) -> Mapping[str, Any]:
    """The episode of an id, or of the first digits of it; raises UserError if there is none."""
    from monitor.errors import UserError

    if not episodes:
        raise UserError("there are no drift episodes yet.")
    if wanted == "latest":
        return episodes[-1]
    found = [each for each in episodes if str(each["id"]).startswith(wanted)]
    if len(found) == 1:
        return found[0]
    known = ", ".join(str(each["id"]) for each in episodes[-5:])
    problem = "is not one of" if not found else "is the beginning of several of"
    raise UserError(f"{wanted!r} {problem} the {len(episodes)} episodes. The last are {known}.")
