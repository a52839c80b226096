"""`aead-monitor models`: list, add, promote, rollback, history."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from models.bundle import load
from models.bundle_files import MODEL
from monitor.cli import main
from monitor.registry.embedded import EmbeddedRegistry
from tests.models.bundles import write
from tests.monitor.registry.places import flip

Run = Callable[..., str]
Refused = Callable[..., str]


@pytest.fixture(scope="session")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two bundles."""
    folder = tmp_path_factory.mktemp("pair")
    one, two = (
        write(
            folder / name,
            metadata={"created": f"{year}-01-01T00:00:00+00:00", "data": {"source": name}},
        ).path
        for name, year in (("one", 2024), ("two", 2025))
    )
    return one, two


@pytest.fixture
def registry(tmp_path: Path) -> Path:
    return tmp_path / "registry"


@pytest.fixture
def config(tmp_path: Path, registry: Path) -> Path:
    path = tmp_path / "aead-monitor.yaml"
    path.write_text("registry: {path: registry}\nkafka: {topic: in}\ncodec: {name: json}\n")
    return path


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], registry: Path) -> Run:
    """Runs `models` on the registry; returns what it printed."""

    def models(*arguments: object) -> str:
        words = [str(argument) for argument in arguments]
        assert main(["models", *words, "--registry", str(registry)]) == 0
        return capsys.readouterr().out

    return models


def test_a_first_version_is_added_and_promoted_in_one_command(
    run: Run, pair: tuple[Path, Path], registry: Path
) -> None:
    version = load(pair[0]).version
    printed = run("add", pair[0], "--note", "the first", "--promote", "--reason", "to begin")
    assert printed == f"{version} is in the registry\n{version} is current\n"
    assert load(registry / "current").version == version


def test_the_list_is_a_table_for_people(run: Run, pair: tuple[Path, Path]) -> None:
    run("add", pair[0], "--note", "the first", "--promote")
    run("add", pair[1])
    bundle = load(pair[0])
    head, first, second = run("list").splitlines()
    assert head.split("  ")[0] == "version"
    for cell in (bundle.version, "current", "dense", f"{bundle.reference.threshold:.6g}", "50"):
        assert cell in first
    assert first.endswith("the first")
    assert second.startswith(load(pair[1]).version)


def test_the_list_is_json_for_programs(run: Run, pair: tuple[Path, Path]) -> None:
    run("add", pair[0], "--note", "the first", "--promote")
    (found,) = json.loads(run("list", "--json"))
    bundle = load(pair[0])
    assert datetime.fromisoformat(found.pop("added"))
    assert found == {
        "version": bundle.version,
        "aliases": ["current"],
        "architecture": "dense",
        "threshold": bundle.reference.threshold,
        "calibration_records": 50,
        "note": "the first",
    }


def test_four_digits_are_enough_and_a_rollback_is_one_command(
    run: Run, pair: tuple[Path, Path]
) -> None:
    one, two = (load(bundle).version for bundle in pair)
    run("add", pair[0], "--promote")
    run("add", pair[1])
    printed = run("promote", two[:4], "--reason", "new camera", "--by", "ann")
    assert printed == f"{two} is current, {one} is previous\n"
    assert run("promote", two, "--reason", "again") == f"{two} was current already\n"
    assert run("rollback") == f"{one} is current again\n"
    _, first, second, third = run("history").splitlines()
    assert first.endswith("added")
    assert second.endswith("ann   new camera")
    assert third.endswith("rolled back by hand")
    assert "rollback" in third
    found = json.loads(run("history", "--json"))
    assert [(p["version"], p["before"]) for p in found] == [(one, None), (two, one), (one, two)]


def test_the_registry_of_a_configuration_is_used(
    config: Path, registry: Path, pair: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["models", "add", str(pair[0]), "--config", str(config)]) == 0
    assert [v.version for v in EmbeddedRegistry(registry).versions()] == [load(pair[0]).version]
    assert main(["models", "list", "--config", str(config)]) == 0
    assert load(pair[0]).version in capsys.readouterr().out


def test_an_empty_registry_says_what_to_do(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["models", "list", "--config", str(config)]) == 0
    assert main(["models", "history", "--config", str(config)]) == 0
    assert capsys.readouterr().out == (
        "no versions. Add one: aead-monitor models add BUNDLE --promote\nnothing was promoted yet\n"
    )


def test_a_folder_that_is_no_registry_is_not_made_one(refused: Refused, tmp_path: Path) -> None:
    line = refused("models", "list", "--registry", tmp_path / "typo")
    assert "typo holds no registry. Make one: aead-monitor models add" in line
    assert not (tmp_path / "typo").exists()


def test_a_configuration_without_a_registry_says_what_to_write(
    refused: Refused, tmp_path: Path
) -> None:
    path = tmp_path / "aead-monitor.yaml"
    path.write_text("model: ./model\nkafka: {topic: in}\ncodec: {name: json}\n")
    line = refused("models", "list", "--config", path)
    assert line.endswith("Give registry instead of model: registry: {path: ./registry}")


@pytest.mark.parametrize(
    ("version", "message"),
    [
        ("abc", "'abc' is no version: give 4 to 16 of 0-9 and a-f"),
        ("../../x", "'../../x' is no version"),
        ("ffffffffffffffff", "no version begins with ffffffffffffffff."),
    ],
)
def test_a_version_that_is_none_is_one_line(
    refused: Refused, run: Run, pair: tuple[Path, Path], registry: Path, version: str, message: str
) -> None:
    run("add", pair[0])
    line = refused("models", "promote", version, "--reason", "r", "--registry", registry)
    assert line.startswith(f"aead-monitor: {message}")


def test_digits_that_two_versions_begin_with_are_not_enough(
    refused: Refused, run: Run, pair: tuple[Path, Path], registry: Path
) -> None:
    run("add", pair[0])
    version = load(pair[0]).version
    alike = version[:15] + ("0" if version[15] != "0" else "1")
    shutil.copytree(registry / "versions" / version, registry / "versions" / alike)
    line = refused("models", "promote", version[:8], "--reason", "r", "--registry", registry)
    assert line.endswith("Give more digits")
    assert version in line
    assert alike in line


def test_a_damaged_bundle_is_one_line(
    refused: Refused, pair: tuple[Path, Path], tmp_path: Path, registry: Path
) -> None:
    broken = shutil.copytree(pair[0], tmp_path / "broken")
    flip(broken / MODEL)
    line = refused("models", "add", broken, "--promote", "--registry", registry)
    assert f"{MODEL}: its content does not match the hash" in line


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["add", "BUNDLE", "--reason", "r"], "--reason needs --promote"),
        (["rollback"], "no previous version to go back to"),
    ],
)
def test_a_mistake_is_one_line(
    refused: Refused, run: Run, pair: tuple[Path, Path], registry: Path,
    arguments: list[str], message: str,
) -> None:  # fmt: skip
    run("add", pair[0])
    words: list[Any] = [pair[0] if word == "BUNDLE" else word for word in arguments]
    assert message in refused("models", *words, "--registry", registry)


@pytest.mark.parametrize("place", [[], ["--registry", "x", "--config", "y"]])
def test_the_registry_is_named_once(place: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["models", "list", *place])
    assert caught.value.code == 2
