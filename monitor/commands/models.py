"""`aead-monitor models`: the versions of a model, and which of them is current."""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from monitor.errors import UserError

if TYPE_CHECKING:
    from monitor.registry import Promotion, Registry, Version

SHORTEST_PREFIX = 4
_EXAMPLE = """\
example:
  aead-monitor models add model --promote --registry registry
  aead-monitor models list --config aead-monitor.yaml
  aead-monitor models promote 3f1c --reason "new camera" --config aead-monitor.yaml
  aead-monitor models rollback --config aead-monitor.yaml
  aead-monitor models history --config aead-monitor.yaml
"""
Actions = Any
"""argparse's collection of subparsers, which has no public type."""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "models",
        help="list, add, promote and roll back versions of a model",
        description="Look at a model registry, add versions, and say which is current.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    listing = _action(actions, "list", list_versions, "list all versions, oldest first")
    listing.add_argument("--json", action="store_true", help="print JSON")
    adding = _action(actions, "add", add, "verify a bundle and copy it into the registry")
    adding.add_argument("bundle", metavar="BUNDLE", help="folder written by train")
    adding.add_argument("--note", default="", metavar="TEXT", help="kept with the version")
    adding.add_argument("--promote", action="store_true", help="make it current, too")
    adding.add_argument("--reason", metavar="TEXT", help="with --promote: kept in the history")
    promoting = _action(actions, "promote", promote, "make a version current")
    promoting.add_argument(
        "version", metavar="VERSION", help="16 digits, or the first of them: 4 and more"
    )
    promoting.add_argument("--reason", required=True, metavar="TEXT", help="kept in the history")
    back = _action(actions, "rollback", rollback, "make the previous version current again")
    back.add_argument("--reason", default="rolled back by hand", metavar="TEXT")
    past = _action(actions, "history", history, "list promotions and rollbacks, oldest first")
    past.add_argument("--json", action="store_true", help="print JSON")
    for action in (adding, promoting, back):
        action.add_argument("--by", metavar="NAME", help="who does it; default: the login name")


def _action(actions: Actions, name: str, run: Any, text: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = actions.add_parser(
        name, help=text, description=f"{text[0].upper()}{text[1:]}."
    )
    place = parser.add_mutually_exclusive_group(required=True)
    place.add_argument("--config", metavar="FILE", help="configuration (YAML) with a registry")
    place.add_argument("--registry", metavar="PATH", help="folder that holds a registry")
    parser.set_defaults(run=run)
    return parser


def list_versions(options: argparse.Namespace) -> int:
    """Print all versions."""
    versions = _opened(options).versions()
    if options.json:
        print(json.dumps([_version_json(version) for version in versions], indent=2))
    elif versions:
        print("\n".join(_table(VERSION_COLUMNS, [_version_row(version) for version in versions])))
    else:
        print("no versions. Add one: aead-monitor models add BUNDLE --promote")
    return 0


def add(options: argparse.Namespace) -> int:
    """Add a bundle, and promote it if asked to."""
    if options.reason is not None and not options.promote:
        raise UserError("--reason needs --promote: it is the reason for that")
    registry = _opened(options)
    version = registry.add(Path(options.bundle), options.note)
    print(f"{version} is in the registry")
    if options.promote:
        _promote(registry, version, options.reason or "added", options.by)
    return 0


def promote(options: argparse.Namespace) -> int:
    """Make a version current."""
    registry = _opened(options)
    _promote(registry, _complete(registry, options.version), options.reason, options.by)
    return 0


def rollback(options: argparse.Namespace) -> int:
    """Go back to the previous version."""
    version = _opened(options).rollback(options.reason, _who(options.by))
    print(f"{version} is current again")
    return 0


def history(options: argparse.Namespace) -> int:
    """Print promotions and rollbacks."""
    from monitor.registry import promotion_json

    promotions = _opened(options).history()
    if options.json:
        print(json.dumps([promotion_json(promotion) for promotion in promotions], indent=2))
    elif promotions:
        rows = [_promotion_row(promotion) for promotion in promotions]
        print("\n".join(_table(PROMOTION_COLUMNS, rows)))
    else:
        print("nothing was promoted yet")
    return 0


def _opened(options: argparse.Namespace) -> Registry:
    """The registry that the options name; a folder that is none is refused, but for `add`."""
    from monitor.config import file as config_file
    from monitor.daemon.assembly.registry import open_registry
    from monitor.registry.embedded import EmbeddedRegistry

    if options.config is not None:
        return open_registry(config_file.load(options.config))
    folder = Path(options.registry)
    if options.action != "add" and not (folder / "versions").is_dir():
        raise UserError(
            f"{folder} holds no registry. Make one: aead-monitor models add BUNDLE --promote"
            f" --registry {folder}"
        )
    return EmbeddedRegistry(folder)


def _complete(registry: Registry, prefix: str) -> str:
    """The one version that begins so. Raises UserError."""
    if not re.fullmatch(r"[0-9a-f]{4,16}", prefix):
        raise UserError(
            f"{prefix!r:.80} is no version: give {SHORTEST_PREFIX} to 16 of 0-9 and a-f, as"
            " `aead-monitor models list` shows them"
        )
    found = [v.version for v in registry.versions() if v.version.startswith(prefix)]
    if len(found) == 1:
        return found[0]
    if not found:
        raise UserError(
            f"no version begins with {prefix}. `aead-monitor models list` shows those there are"
        )
    raise UserError(f"{prefix} is the beginning of {' and '.join(found)}. Give more digits")


def _promote(registry: Registry, version: str, reason: str, by: str | None) -> None:
    from monitor.registry import CURRENT

    before = registry.resolve(CURRENT)
    registry.promote(version, reason, _who(by))
    if before == version:
        print(f"{version} was current already")
    else:
        print(f"{version} is current" + (f", {before} is previous" if before else ""))


def _who(name: str | None) -> str:
    """The name given, or that of the user of this machine."""
    import getpass

    try:
        return name or getpass.getuser()
    except (KeyError, OSError):  # a container's user need not have a name
        return "unknown"


VERSION_COLUMNS = (
    "version",
    "added",
    "aliases",
    "architecture",
    "threshold",
    "calibration records",
    "note",
)
PROMOTION_COLUMNS = ("when", "kind", "version", "before", "by", "reason")


def _version_json(version: Version) -> dict[str, Any]:
    facts = version.facts
    return {
        "version": version.version,
        "added": version.added,
        "aliases": list(version.aliases),
        "architecture": facts and facts.architecture,
        "threshold": facts and facts.threshold,
        "calibration_records": facts and facts.calibration_records,
        "note": version.note,
    }


def _version_row(version: Version) -> list[str]:
    facts = version.facts
    about = ["", "", ""]
    if facts is not None:
        about = [facts.architecture, f"{facts.threshold:.6g}", f"{facts.calibration_records:,}"]
    return [version.version, version.added[:19], ", ".join(version.aliases), *about, version.note]


def _promotion_row(promotion: Promotion) -> list[str]:
    return [
        promotion.when[:19],
        promotion.kind,
        promotion.version,
        promotion.before or "",
        promotion.by,
        promotion.reason,
    ]


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Lines with the cells below their column's name."""
    whole = [columns, *rows]
    widths = [max(len(row[i]) for row in whole) for i in range(len(columns))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in whole
    ]
