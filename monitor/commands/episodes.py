"""`aead-monitor episodes`: the drift episodes that a daemon remembers."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from monitor.retraining.past_episode import Episode

_EXAMPLE = """\
example:
  aead-monitor episodes --config aead-monitor.yaml

It reads the newest snapshot; the daemon may run meanwhile. A running daemon tells the same at
/api/episodes.
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "episodes",
        help="list the drift episodes",
        description="List the last drift episodes: since when, how far, how long, what came of it.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--config", required=True, metavar="FILE", help="configuration (YAML)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print the episodes, the oldest first."""
    from monitor.config import file as config_file
    from monitor.retraining.past_episode import episode_json

    folder = config_file.load(options.config).state.directory
    episodes = _episodes(folder)
    if options.json:
        print(json.dumps([episode_json(episode) for episode in episodes], indent=2))
    elif not episodes:
        print(f"no drift episodes in {folder}")
    else:
        from monitor.process.text import for_terminal

        for episode in episodes:
            print(for_terminal("\n".join(_lines(episode))))
    return 0


def _episodes(folder: Path) -> list[Episode]:
    """Of the newest snapshot that can be read; raises UserError if there is none."""
    from monitor.drift.judge_state import decode
    from monitor.errors import UserError
    from monitor.pipeline.step import MEMORY_SCHEMA
    from monitor.retraining.past_episode import episodes_of
    from monitor.state.folder import newest

    snapshot = newest(folder)
    if snapshot is None:
        raise UserError(
            f"no snapshot that can be read in {folder}. The daemon writes one every few seconds;"
            " look at state.directory."
        )
    return episodes_of(decode(snapshot.memory, MEMORY_SCHEMA).get("chronicle", {"episodes": []}))


def _kind(episode: Episode) -> str:
    """What kind of drift: of the inputs that the model still fits, or how the errors changed."""
    return "input drift" if episode.kind == "input" else episode.direction


def _lines(episode: Episode) -> list[str]:
    from monitor.stream.json_values import isoformat

    begun = "not known" if episode.onset is None else isoformat(episode.onset)
    end = "it lasts"
    if episode.ended_at is not None:
        end = f"{episode.ending} {isoformat(episode.ended_at)}, after {episode.seconds:,.0f} s"
    lines = [
        f"{episode.id}  model {episode.model_version[:8]}  {_kind(episode)}"
        f"  peak {episode.peak_ratio:.2f} times the reference's median",
        f"  began {begun}, fired {isoformat(episode.fired_at)}; {end}",
        f"  {episode.explanation}",
    ]
    if episode.onset_offsets:
        first = ", ".join(f"{t}/{p}/{offset}" for t, p, offset in episode.onset_offsets[:8])
        lines.append(f"  first records of it, about: {first}")
    if episode.channels:
        lines.append(f"  channels that moved, the surest first: {', '.join(episode.channels)}")
    if episode.request:
        lines.append(f"  retraining request {episode.request}")
    return lines
