"""Imports go one way, from the rooms at the top of the house down to the ground."""

import ast
import itertools
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

FLOORS = (
    {"__main__"},
    {"cli"},
    {"commands"},
    {"demo", "retrain_job", "backtest"},
    {"daemon"},
    {"web", "model_in_use"},
    {"metrics", "registry", "evidence"},
    {"config"},
    {"pipeline"},
    {"retraining"},
    {"receivers", "state"},
    {"drift"},
    {"stream", "codecs"},
    {"process", "datasets"},
    {"pictures"},
    {"errors", "version", "__init__"},
)
"""From the top down. A room imports from itself and from the floors below, never from a
neighbour on its own floor: so there is no circle."""
FLOOR = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}
LOOSE_FILES = {"cli", "__main__", "__init__", "errors", "version"}

LIBRARIES = {
    "process": {"structlog", "rich", "filelock", "yaml"},
    "datasets": {"numpy", "pyarrow", "fsspec"},
    "pictures": {"numpy", "PIL", "simplejpeg"},
    "codecs": {
        "fastavro",
        "google",
        "pyarrow",
        "numpy",
        "PIL",
        "msgpack",
        "simdjson",
        "simplejpeg",
        "zstandard",
    },
    "drift": {"numpy", "scipy", "safetensors", "river"},
    "state": {"numpy"},
    "pipeline": {"numpy", "fastavro"},
}
"""The libraries that a room may use. What decides knows no network and no configuration."""


def imports(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def room_of(path: Path) -> str:
    return path.relative_to(ROOT / "monitor").parts[0].removesuffix(".py")


def rooms_used(path: Path) -> set[str]:
    pieces = [name.split(".") for name in imports(path)]
    return {piece[1] for piece in pieces if piece[0] == "monitor" and len(piece) > 1}


def monitor_files() -> list[Path]:
    return sorted((ROOT / "monitor").rglob("*.py"))


def test_monitor_holds_rooms_and_five_files_at_most() -> None:
    loose = {p.stem for p in (ROOT / "monitor").glob("*.py")}
    assert loose <= LOOSE_FILES


def test_every_room_has_a_floor() -> None:
    assert {room_of(path) for path in monitor_files()} <= FLOOR.keys()


def test_models_never_import_monitor() -> None:
    for path in (ROOT / "models").rglob("*.py"):
        assert not {name for name in imports(path) if name.split(".")[0] == "monitor"}, path


@pytest.mark.parametrize("path", monitor_files(), ids=lambda path: str(path.relative_to(ROOT)))
def test_a_room_imports_only_from_the_floors_below(path: Path) -> None:
    own = room_of(path)
    others = rooms_used(path) & FLOOR.keys() - {own}
    assert not {other for other in others if FLOOR[other] <= FLOOR[own]}


def arrows() -> dict[str, set[str]]:
    """The folders of monitor/ at any depth, and those that each one's files import from.

    A folder and what lies in it are one: `drift` and its `detectors` may know each other.
    """
    found: dict[str, set[str]] = {}
    for path in monitor_files():
        own = ".".join(path.parent.relative_to(ROOT).parts)
        used = {folder_of(name) for name in imports(path)} - {"", "monitor"}
        found.setdefault(own, set()).update(other for other in used if not related(own, other))
    return found


def related(one: str, other: str) -> bool:
    return f"{one}.".startswith(f"{other}.") or f"{other}.".startswith(f"{one}.")


def folder_of(name: str) -> str:
    """The folder that an imported name is in: `monitor.drift` for `monitor.drift.judge.Judge`."""
    pieces = name.split(".")
    if pieces[0] != "monitor":
        return ""
    while not ROOT.joinpath(*pieces).is_dir():
        pieces.pop()
    return ".".join(pieces)


def circles(arrows: dict[str, set[str]]) -> Iterator[tuple[str, str]]:
    """Pairs that reach each other."""
    reached = {start: _reach(arrows, start) for start in arrows}
    for one, other in itertools.combinations(sorted(arrows), 2):
        if other in reached[one] and one in reached[other]:
            yield one, other


def _reach(arrows: dict[str, set[str]], start: str) -> set[str]:
    seen: set[str] = set()
    waiting = [start]
    while waiting:
        for other in arrows.get(waiting.pop(), set()) - seen:
            seen.add(other)
            waiting.append(other)
    return seen


def test_the_search_finds_a_circle() -> None:
    assert list(circles({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}})) == [
        ("a", "b"), ("a", "c"), ("b", "c"),
    ]  # fmt: skip


def test_there_is_no_circle_between_folders() -> None:
    found = arrows()
    assert {"monitor.drift", "monitor.drift.detectors", "monitor.web"} <= found.keys()
    assert list(circles(found)) == []


@pytest.mark.parametrize("room", sorted(LIBRARIES))
def test_a_room_uses_no_library_but_its_own(room: str) -> None:
    known = {"monitor", "models", *sys.stdlib_module_names, *LIBRARIES[room]}
    for path in monitor_files():
        if room_of(path) == room:
            others = {name.split(".")[0] for name in imports(path)} - known
            assert not others, f"{path.relative_to(ROOT)} imports {', '.join(sorted(others))}"


def test_no_python_file_is_over_300_lines() -> None:
    long = {
        str(path.relative_to(ROOT)): lines
        for folder in ("models", "monitor", "tests", "benchmarks", "examples", "deploy")
        for path in (ROOT / folder).rglob("*.py")
        if (lines := len(path.read_text(encoding="utf-8").splitlines())) > 300
    }
    assert not long
