"""Evidence in which everything is there that may be there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from monitor.evidence.kept import Contents
from tests.monitor.builders import reference
from tests.monitor.evidence.watched import Watched, calm, drifted


def evidence(folder: Path) -> dict[str, Any]:
    """What `/api/evidence` answers; written to folder/evidence, too."""
    folder.mkdir()
    subject = Watched(folder, "records")
    subject.feed([*calm(20_000), 9 * reference().threshold], batch=500)
    subject.feed(drifted(2000), start=20_001)
    subject.look()
    rows = subject.keeper._ring.rows
    of_series = {
        "name": "x", "share": 0.5, "value": 1.5, "expected": 1.0, "steps": [0, 1],
        "worst_step": 1, "every": 1, "course": [1.0], "expected_course": [1.0],
    }  # fmt: skip
    box = {"left": 0, "top": 0, "width": 1, "height": 1}
    place = {"box": box, "share": 0.5, "area": 0.5, "unplaced": {"NAME": 0.5}, "rest": 0.5}
    first, second, third, *_ = rows.values()
    first.show(Contents([of_series]))
    second.show(Contents(place=place, picture=b"\x89PNG\r\n\x1a\n"))
    third.show(Contents(left_out="rate"))
    subject.keeper._changed = True
    subject.close()
    return subject.keeper.listed()
