"""The registry in a folder keeps the contract, and what is its own."""

from __future__ import annotations

import json
import shutil
import threading
from pathlib import Path

import pytest

from models.bundle import load
from models.bundle_files import MODEL
from monitor.errors import RegistryError, RegistryUnavailableError
from monitor.registry import CURRENT, PREVIOUS
from monitor.registry.embedded import LABEL, EmbeddedRegistry
from monitor.registry.files import copy_bounded, locked
from monitor.registry.promotions import ALIASES_FILE, HISTORY_FILE
from tests.monitor.registry.contract import RegistryContract, aliases, steps
from tests.monitor.registry.places import Place, flip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "registry"


@pytest.fixture
def place(folder: Path) -> Place:
    return Place({"path": str(folder)}, folder)


class TestEmbeddedRegistry(RegistryContract):
    """The contract."""


@pytest.fixture
def two(folder: Path, bundles: list[Path]) -> tuple[str, str]:
    """A registry in which two versions were promoted; the second is current."""
    registry = EmbeddedRegistry(folder)
    versions = [registry.add(bundle) for bundle in bundles[:2]]
    for version in versions:
        registry.promote(version, "r", "b")
    return versions[0], versions[1]


def test_people_find_links_to_what_is_current(folder: Path, two: tuple[str, str]) -> None:
    assert load(folder / CURRENT).version == two[1]
    assert load(folder / PREVIOUS).version == two[0]
    assert str((folder / CURRENT).readlink()) == f"versions/{two[1]}"


def test_links_are_never_believed_and_are_put_right(folder: Path, two: tuple[str, str]) -> None:
    (folder / CURRENT).unlink()
    (folder / PREVIOUS).unlink()
    (folder / CURRENT).symlink_to("/etc")
    registry = EmbeddedRegistry(folder)
    assert aliases(registry) == (two[1], two[0])
    registry.promote(two[1], "nothing new", "b")
    assert load(folder / CURRENT).version == two[1]
    assert load(folder / PREVIOUS).version == two[0]


def test_what_stands_in_the_way_of_a_link_is_not_overwritten(
    folder: Path, two: tuple[str, str]
) -> None:
    (folder / PREVIOUS).unlink()
    (folder / PREVIOUS).write_text("mine")
    registry = EmbeddedRegistry(folder)
    with pytest.raises(RegistryError, match=r"previous is in the way of a link\. Move it"):
        registry.rollback("r", "b")
    assert (folder / PREVIOUS).read_text() == "mine"
    assert aliases(registry) == (two[1], two[0])


def test_files_of_a_version_are_read_only(folder: Path, two: tuple[str, str]) -> None:
    version = folder / "versions" / two[0]
    assert version.stat().st_mode & 0o222 == 0
    assert not [path for path in version.rglob("*") if path.stat().st_mode & 0o222]


def test_reading_changes_no_file(folder: Path, two: tuple[str, str]) -> None:
    (folder / "lock").unlink()
    before = {p: p.lstat().st_mtime_ns for p in folder.rglob("*")}
    registry = EmbeddedRegistry(folder)
    registry.fetch(two[0])
    registry.versions()
    registry.history()
    registry.resolve(CURRENT)
    assert {p: p.lstat().st_mtime_ns for p in folder.rglob("*")} == before


def test_a_damaged_copy_is_put_right_by_adding_again(
    folder: Path, two: tuple[str, str], bundles: list[Path]
) -> None:
    flip(folder / "versions" / two[0] / MODEL)
    registry = EmbeddedRegistry(folder)
    assert registry.add(bundles[0]) == two[0]
    assert load(registry.fetch(two[0])).version == two[0]
    assert [p.name for p in (folder / "versions").iterdir() if p.name not in two] == []


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"added": "x"}'])
def test_a_damaged_label_says_what_to_do(
    folder: Path, two: tuple[str, str], bundles: list[Path], text: str
) -> None:
    label = folder / "versions" / two[0] / LABEL
    label.chmod(0o644)
    label.write_text(text)
    registry = EmbeddedRegistry(folder)
    with pytest.raises(RegistryError, match=r"added\.json: cannot be used .*Add the bundle again"):
        registry.versions()
    registry.add(bundles[0], "again")
    assert {v.version for v in registry.versions()} == set(two)


def test_a_link_in_place_of_a_version_is_none(
    folder: Path, two: tuple[str, str], tmp_path: Path
) -> None:
    version = folder / "versions" / two[0]
    shutil.copytree(version, tmp_path / "elsewhere")
    version.rename(folder / "versions" / "away")
    version.symlink_to(tmp_path / "elsewhere")
    registry = EmbeddedRegistry(folder)
    assert [v.version for v in registry.versions()] == [two[1]]
    with pytest.raises(RegistryError, match="holds no version"):
        registry.fetch(two[0])


@pytest.mark.parametrize("current", ["../../../etc", "x", 5, ["0" * 16]])
def test_an_edited_alias_leads_nowhere(folder: Path, two: tuple[str, str], current: object) -> None:
    path = folder / ALIASES_FILE
    path.write_text(json.dumps(json.loads(path.read_text()) | {"current": current}))
    with pytest.raises(RegistryError, match=r"aliases\.json is damaged .*promote a version"):
        EmbeddedRegistry(folder).resolve(CURRENT)


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", "[" * 50_000, "9" * 5000])
def test_damaged_aliases_say_what_to_do_and_promoting_again_goes_on_with_the_history(
    folder: Path, two: tuple[str, str], text: str
) -> None:
    (folder / ALIASES_FILE).write_text(text)
    registry = EmbeddedRegistry(folder)
    with pytest.raises(RegistryError, match=r"aliases\.json is damaged"):
        registry.promote(two[0], "r", "b")
    (folder / ALIASES_FILE).unlink()
    registry.promote(two[0], "after the damage", "b")
    assert aliases(registry) == (two[0], None)
    assert steps(registry) == [
        ("promote", two[0], None),
        ("promote", two[1], two[0]),
        ("promote", two[0], None),
    ]


@pytest.mark.parametrize("torn", [b"", b'{"number": 3, "ver', b"\xff\xfe"])
def test_a_torn_last_line_is_no_line(folder: Path, two: tuple[str, str], torn: bytes) -> None:
    history = folder / HISTORY_FILE
    history.write_bytes(history.read_bytes() + torn)
    registry = EmbeddedRegistry(folder)
    assert len(registry.history()) == 2
    registry.rollback("r", "b")
    assert steps(registry)[2:] == [("rollback", two[0], two[1])]
    assert len(history.read_bytes().splitlines()) == 3


def test_a_line_that_was_lost_is_made_from_the_aliases(folder: Path, two: tuple[str, str]) -> None:
    history = folder / HISTORY_FILE
    history.write_bytes(history.read_bytes()[:-5])
    registry = EmbeddedRegistry(folder)
    assert steps(registry)[1] == ("promote", two[1], two[0])
    registry.promote(two[1], "nothing new", "b")
    assert [json.loads(line)["number"] for line in history.read_text().splitlines()] == [1, 2]


def test_a_damaged_line_is_named_and_does_not_stop_a_rollback(
    folder: Path, two: tuple[str, str]
) -> None:
    history = folder / HISTORY_FILE
    first, second = history.read_text().splitlines(keepends=True)
    history.write_text(first[:20] + "\n" + second)
    registry = EmbeddedRegistry(folder)
    with pytest.raises(RegistryError, match=r"history\.jsonl: a line is damaged"):
        registry.history()
    assert registry.rollback("r", "b") == two[0]


def test_who_waits_too_long_for_the_lock_is_told_to_try_again(tmp_path: Path) -> None:
    with (
        locked(tmp_path / "lock"),
        pytest.raises(RegistryUnavailableError, match=r"by another process\. Try again"),
        locked(tmp_path / "lock", seconds=0.1),
    ):
        pass


def test_the_lock_is_passed_on(tmp_path: Path) -> None:
    held, entered = locked(tmp_path / "lock"), threading.Event()

    def wait() -> None:
        with locked(tmp_path / "lock", seconds=30):
            entered.set()

    with held:
        other = threading.Thread(target=wait)
        other.start()
        assert not entered.wait(0.2)
    other.join()
    assert entered.is_set()


def test_a_place_that_cannot_be_written_is_one_line(tmp_path: Path, bundles: list[Path]) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RegistryError, match=r"cannot be written: .*Name a folder that can be"):
        EmbeddedRegistry(tmp_path / "file" / "registry").add(bundles[0])


def test_a_file_that_grew_too_large_is_not_copied_whole(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x" * 101)
    with pytest.raises(RegistryError, match="larger than 100 bytes"):
        copy_bounded(tmp_path / "file", tmp_path / "copy", 100)
    copy_bounded(tmp_path / "file", tmp_path / "whole", 101)
