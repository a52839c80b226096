"""`aead-monitor episodes`: the drift episodes that a daemon remembers, and which were true."""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from monitor.retraining.past_episode import Episode
    from monitor.state.labels import Label, Labels

_EXAMPLE = """\
example:
  aead-monitor episodes --config aead-monitor.yaml
  aead-monitor episodes --config aead-monitor.yaml label 0123456789ab false --note "a new lamp"
  aead-monitor episodes --precision --config aead-monitor.yaml

It reads the newest snapshot; the daemon may run meanwhile. A running daemon tells the episodes,
without what people say of them, at /api/episodes.
"""
_LABEL = """\
Say whether an episode was true, in place of what was said of it before. The daemon may run
meanwhile. true: the stream had changed, and you want to be told. false: it had not, or not in a
way that matters.
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "episodes",
        help="list the drift episodes, and say which were true",
        description="List the last drift episodes: since when, how far, how long, what came of it.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--config", metavar="FILE", help="configuration (YAML); required")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument(
        "--precision", action="store_true", help="print how many of the labelled episodes were true"
    )
    parser.set_defaults(run=run)
    actions = parser.add_subparsers(metavar="ACTION")
    label = actions.add_parser(
        "label", help="say whether an episode was true", description=_LABEL,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    label.add_argument("id", metavar="ID", help="of the episode, as `episodes` prints it")
    label.add_argument("answer", choices=("true", "false", "unknown"), help="what you found")
    label.add_argument("--note", metavar="TEXT", default="", help="why; 500 characters at most")
    # What was given before `label` counts too.
    label.add_argument(
        "--config", metavar="FILE", default=argparse.SUPPRESS, help="configuration (YAML)"
    )
    label.set_defaults(run=label_one)


def run(options: argparse.Namespace) -> int:
    """Print the episodes, the oldest first, or how many were true."""
    from monitor.retraining.past_episode import episode_json

    folder, labels = _state(options)
    episodes = _episodes(folder)
    if options.precision:
        from monitor.commands.episodes import precision

        return precision.told(_known(labels), [e.id for e in episodes], as_json=options.json)
    known = _known(labels, strict=False)
    if options.json:
        body = [episode_json(e) | {"label": _label_json(known.get(e.id))} for e in episodes]
        print(json.dumps(body, indent=2))
    elif not episodes:
        print(f"no drift episodes in {folder}")
    else:
        from monitor.process.text import for_terminal

        for episode in episodes:
            print(for_terminal("\n".join(_lines(episode, known.get(episode.id)))))
    return 0


def label_one(options: argparse.Namespace) -> int:
    """Label one episode."""
    from datetime import UTC, datetime

    from monitor.errors import UserError
    from monitor.state.labels import Label

    folder, labels = _state(options)
    ids = [episode.id for episode in _episodes(folder)]
    if options.id not in ids and options.id not in _known(labels):
        raise UserError(_unknown(options.id, ids, folder))
    now = datetime.now(tz=UTC).isoformat(timespec="seconds")
    try:
        label = Label(options.answer, options.note, now)
    except ValueError as error:
        raise UserError(f"--note: {error}") from None
    try:
        labels.put(options.id, label, ids)
    except ValueError as error:
        raise UserError(_damaged(labels, error)) from None
    except OSError as error:
        raise UserError(
            f"{labels.path}: {error.strerror or error}."
            " Run this as the user that the daemon runs as."
        ) from None
    print(f"{options.id}: {options.answer}")
    return 0


def _state(options: argparse.Namespace) -> tuple[Path, Labels]:
    from monitor.config import file as config_file
    from monitor.errors import UserError
    from monitor.state.labels import Labels

    if options.config is None:
        raise UserError("--config FILE is required: the configuration that the daemon runs with")
    folder = config_file.load(options.config).state.directory
    return folder, Labels(folder)


def _known(labels: Labels, *, strict: bool = True) -> Mapping[str, Label]:
    """What people have said. strict: raises UserError for a damaged file, else says so."""
    from monitor.errors import UserError

    try:
        return labels.read()
    except (ValueError, OSError) as error:
        if strict:
            raise UserError(_damaged(labels, error)) from None
        print(f"aead-monitor: no labels are shown: {_damaged(labels, error)}", file=sys.stderr)
        return {}


def _damaged(labels: Labels, error: Exception) -> str:
    return f"{labels.path}: {error}. Remove the file, or put a good one there."


def _unknown(id: str, ids: list[str], folder: Path) -> str:
    import difflib

    if not ids:
        return f"no episode {id!r}: there are no drift episodes in {folder}"
    (nearest,) = difflib.get_close_matches(id, ids, n=1, cutoff=0.0)
    return (
        f"no episode {id!r} in {folder}. The nearest is {nearest}; `aead-monitor episodes` prints"
        " those there are"
    )


def _episodes(folder: Path) -> list[Episode]:
    """Of the newest snapshot that can be read; raises UserError if there is none."""
    from monitor.commands.remembered import remembered
    from monitor.retraining.past_episode import episodes_of

    return episodes_of(remembered(folder))


def _label_json(label: Label | None) -> dict[str, str] | None:
    from dataclasses import asdict

    return None if label is None else asdict(label)


def _kind(episode: Episode) -> str:
    """What kind of drift: of the inputs that the model still fits, or how the errors changed."""
    return "input drift" if episode.kind == "input" else episode.direction


def _lines(episode: Episode, label: Label | None) -> list[str]:
    from monitor.retraining.segment_history import SILENCE
    from monitor.stream.json_values import isoformat

    begun = "not known" if episode.onset is None else isoformat(episode.onset)
    end = "it lasts"
    if episode.ended_at is not None:
        end = f"{episode.ending} {isoformat(episode.ended_at)}, after {episode.seconds:,.0f} s"
    peak = f"  peak {episode.peak_ratio:.2f} times the reference's median"
    lines = [
        f"{episode.id}  model {episode.model_version[:8]}  {_kind(episode)}"
        f"{'' if episode.kind == SILENCE else peak}",
        f"  began {begun}, fired {isoformat(episode.fired_at)}; {end}",
        f"  {episode.explanation}",
    ]
    if episode.onset_offsets:
        first = ", ".join(f"{t}/{p}/{offset}" for t, p, offset in episode.onset_offsets[:8])
        lines.append(f"  first records of it, about: {first}")
    if episode.channels:
        moved = ", ".join(episode.channels)
        lines.append(f"  channels that moved, the likeliest cause first: {moved}")
    if episode.request:
        lines.append(f"  retraining request {episode.request}")
    if label is not None:
        from monitor.commands.dead_letters.words import printable

        note = f": {printable(label.note, 4000)}" if label.note else ""
        lines.append(f"  labelled {label.answer} {printable(label.labelled_at, 40)}{note}")
    return lines
