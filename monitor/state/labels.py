"""What people say of drift episodes: whether they were true, kept beside the snapshots."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Literal, get_args

from monitor.state.by_hand import ByHandFile

Answer = Literal["true", "false", "unknown"]
ANSWERS: Final[tuple[Answer, ...]] = get_args(Answer)
NAME: Final = "labels.json"
SCHEMA_VERSION: Final = 1
LONGEST_NOTE: Final = 500
"""Characters of a note."""
MOST: Final = 1000
"""Labels kept: ten times as many as episodes are remembered."""
LARGEST_BYTES: Final = 8 * 2**20
"""Room for so many notes at their longest, every character escaped."""


@dataclass(frozen=True, slots=True)
class Label:
    """answer: whether the episode was true. note: any text. labelled_at: in UTC, ISO 8601.

    Raises ValueError for a note that is too long.
    """

    answer: Answer
    note: str
    labelled_at: str

    def __post_init__(self) -> None:
        if len(self.note) > LONGEST_NOTE:
            raise ValueError(f"a note has at most {LONGEST_NOTE} characters, not {len(self.note)}")


class Labels:
    """The labels in a state's directory, by the episode's id, the oldest first."""

    def __init__(self, state: Path) -> None:
        self._file = ByHandFile(state, NAME, LARGEST_BYTES)

    @property
    def path(self) -> Path:
        """Of the file that holds them; it need not be there."""
        return self._file.path

    def read(self) -> dict[str, Label]:
        """All of them. Raises ValueError for a damaged file, OSError for one that is unreadable."""
        stored = self._file.read()
        return {} if stored is None else _labels(stored)

    def put(self, episode: str, label: Label, remembered: Collection[str]) -> None:
        """Label an episode, in place of what was said of it before.

        remembered: ids that the daemon still knows. When there are too many labels, the oldest of
        an episode that is not remembered goes. Raises ValueError for a file that is damaged,
        TimeoutError or OSError if it cannot be written.
        """

        def changed() -> dict[str, Any]:
            kept = {id: old for id, old in self.read().items() if id != episode} | {episode: label}
            forgotten = [id for id in kept if id not in remembered and id != episode]
            for id in forgotten[: max(0, len(kept) - MOST)]:
                del kept[id]
            body = {id: asdict(item) for id, item in kept.items()}
            return {"schema_version": SCHEMA_VERSION, "labels": body}

        self._file.change(changed)


def _labels(stored: Mapping[str, Any]) -> dict[str, Label]:
    version, found = stored.get("schema_version"), stored.get("labels")
    if version != SCHEMA_VERSION:
        raise ValueError(f"schema_version must be {SCHEMA_VERSION}")
    if not isinstance(found, dict) or len(found) > MOST:
        raise ValueError(f"labels must be an object of at most {MOST}")
    return {str(id): _label(item) for id, item in found.items()}


def _label(item: object) -> Label:
    if not isinstance(item, dict) or item.keys() != {"answer", "note", "labelled_at"}:
        raise ValueError("a label has answer, note and labelled_at")
    if item["answer"] not in ANSWERS:
        raise ValueError(f"an answer must be one of {', '.join(ANSWERS)}")
    if not all(isinstance(value, str) for value in item.values()):
        raise ValueError("a label's note and labelled_at must be text")
    return Label(**item)
