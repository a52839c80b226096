"""A copy of the evidence in a state folder, for other programs: JSON, CSV and PNG."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from monitor.errors import UserError
from monitor.evidence.folder import FOLDER, INDEX, EvidenceFolder
from monitor.evidence.keeper import Mode, listed, picture_of
from monitor.evidence.ring import Ring
from monitor.process.text import for_terminal

COLUMNS: Final = (
    "id", "kind", "episode", "channel", "model_version", "topic", "partition", "offset", "row",
    "timestamp", "segment", "key", "error", "threshold", "p_value", "features", "place", "picture",
    "left_out",
)  # fmt: skip
TRIES: Final = 3
"""A daemon may replace a picture between our looks at the index and at the picture."""
_FORMULA: Final = ("=", "+", "-", "@")


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written. damaged: a line for each file that cannot be used."""

    entries: int
    pictures: int
    damaged: tuple[str, ...]


def export(state: Path, mode: Mode, out: Path) -> Exported:
    """Write evidence.json, evidence.csv and a PNG for each picture to a folder.

    state: of the daemon, which may run. Raises UserError if there is no evidence, or the folder is
    there and not empty, or cannot be written.
    """
    if not (state / FOLDER / INDEX).exists():
        raise UserError(
            f"no evidence in {state / FOLDER}. The daemon writes it every few seconds; look at"
            " state.directory."
        )
    ring, damaged = read(state, mode)
    body = listed(mode, ring)
    try:
        out.mkdir(parents=True, exist_ok=True)
        if any(out.iterdir()):
            raise UserError(f"--out: {out} is not empty. Name a folder that is not there yet.")
        pictures = _write(out, ring, body)
    except OSError as error:
        raise UserError(f"--out: cannot write to {out}: {error.strerror}.") from None
    return Exported(len(body["entries"]), pictures, tuple(damaged))


def read(state: Path, mode: Mode) -> tuple[Ring, list[str]]:
    """What is kept, and what cannot be used of it."""
    for _ in range(TRIES):
        damaged: list[str] = []
        ring = EvidenceFolder(state).read(
            lambda path, reason, told=damaged: told.append(f"{path}: {reason}"),  # type: ignore[misc]
            contents=mode == "records",
        )
        if not damaged:
            break
    return ring, damaged


def _write(out: Path, ring: Ring, body: dict[str, Any]) -> int:
    pictures = 0
    for entry in body["entries"]:
        picture = picture_of(ring, entry["id"])
        if picture is not None:
            entry["picture"] = f"{entry['id']}.png"
            (out / entry["picture"]).write_bytes(picture)
            pictures += 1
    (out / "evidence.json").write_text(json.dumps(body, indent=2) + "\n", encoding="utf-8")
    (out / "evidence.csv").write_text(_csv(body["entries"]), encoding="utf-8", newline="")
    return pictures


def _csv(entries: list[Mapping[str, Any]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    for entry in entries:
        writer.writerow([_cell(entry[name]) for name in COLUMNS])
    return text.getvalue()


def _cell(value: Any) -> Any:
    """Texts on one line, and none that a spreadsheet takes for a formula."""
    if value is None:
        return ""
    if isinstance(value, list | dict):
        return json.dumps(value)
    if not isinstance(value, str):
        return value
    line = for_terminal(value).replace("\n", "\\n").replace("\t", "\\t")
    return f"'{line}" if line.startswith(_FORMULA) else line
