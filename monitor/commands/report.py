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
    from monitor.commands.remembered import remembered
    from monitor.config import file as config_file
    from monitor.errors import UserError
    from monitor.retraining.past_episode import episode_json, episodes_of
    from monitor.version import __version__
    from monitor.web.pages.rendering import report
    from monitor.web.timeline import Timeline

    config = config_file.load(options.config)
    chronicle = remembered(config.state.directory)
    episodes = [episode_json(each) for each in episodes_of(chronicle)]
    episode = _chosen(episodes, options.episode)
    timeline = Timeline(config.state.directory)
    timeline.load()
    listed, pictures = _evidence(config.state.directory, config.evidence)
    status = {
        "version": __version__,
        "topic": config.kafka.topic,
        "group": config.kafka.group,
        "servers": config.kafka.bootstrap_servers,
        "changes": chronicle.get("changes", []),
        "evidence": listed,
    }
    out = Path(options.out)
    try:
        write_whole(out, report(status, episode, timeline, pictures).encode())
    except OSError as error:
        raise UserError(f"--out: cannot write {out}: {error.strerror}.") from None
    print(f"wrote {out}: episode {episode['id']}, {out.stat().st_size / 1000:,.0f} kB")
    return 0


def _evidence(folder: Path, mode: str) -> tuple[Mapping[str, Any], dict[str, str]]:
    """Records to look at, and their pictures as addresses that hold them."""
    import base64
    import sys

    from monitor.evidence.export import read
    from monitor.evidence.keeper import listed, picture_of

    if mode not in ("scores", "records"):
        return {"mode": "off", "entries": []}, {}
    ring, damaged = read(folder, "records" if mode == "records" else "scores")
    for line in damaged:
        print(f"left out: {line}", file=sys.stderr)
    found = listed(mode, ring)
    pictures = {each["id"]: picture_of(ring, each["id"]) for each in found["entries"]}
    coded = {
        id: f"data:image/png;base64,{base64.b64encode(png).decode()}"
        for id, png in pictures.items()
        if png is not None
    }
    return found, coded


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
