"""The notebooks run from beginning to end, and show what they say."""

from __future__ import annotations

import contextlib
import io
import json
import re
from pathlib import Path

import pytest

NOTEBOOKS = sorted((Path(__file__).parents[1] / "examples").glob("*.ipynb"))


def printed(notebook: Path) -> str:
    """What its cells print, run in order in one namespace."""
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    names: dict[str, object] = {}
    with contextlib.redirect_stdout(io.StringIO()) as out:
        for number, cell in enumerate(cells):
            if cell["cell_type"] == "code":
                exec(compile("".join(cell["source"]), f"cell {number}", "exec"), names)
    return out.getvalue()


def test_there_are_notebooks() -> None:
    assert [path.name for path in NOTEBOOKS] == ["drift_on_a_frame.ipynb"]


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_holds_no_output_of_an_earlier_run(notebook: Path) -> None:
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    assert all(not cell.get("outputs") for cell in cells)


def test_the_drift_on_a_frame_is_found_where_it_begins() -> None:
    lines = printed(NOTEBOOKS[0]).splitlines()
    events = [re.match(r"(\d+) (\w+) (.*)", line) for line in lines]
    fired = [e for e in events if e is not None and e[2] == "firing"]
    assert len(fired) == 1
    assert 3000 < int(fired[0][1]) < 3500
    assert "larger" in fired[0][3]
    assert "of today's records are anomalous" in lines[-1]
