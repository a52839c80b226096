"""What every registry must do, wherever it keeps its bundles: one suite for all of them."""

from __future__ import annotations

import json
import shutil
from datetime import datetime
from pathlib import Path

import pytest

from models.bundle import load
from models.bundle_files import LIMITS, MANIFEST, MODEL, OPTIONAL
from models.errors import BundleError, UserError
from monitor.errors import RegistryError
from monitor.registry import CURRENT, PREVIOUS, Promotion, Registry
from tests.monitor.registry.places import Place, flip
from tests.monitor.registry.worker import Workers

PAGES = ["README.md", "plots/loss.png"]
NO_VERSIONS = ["", "../../etc", "0123456789ABCDEF", "0" * 15, "0" * 17, "0" * 16 + "\n", "current"]
UNKNOWN = "0" * 16


def aliases(registry: Registry) -> tuple[str | None, str | None]:
    return registry.resolve(CURRENT), registry.resolve(PREVIOUS)


def steps(registry: Registry) -> list[tuple[str, str, str | None]]:
    return [(p.kind, p.version, p.before) for p in registry.history()]


def check_chain(history: list[Promotion], registry: Registry) -> None:
    """Each promotion begins where the one before it ended, and the last is what is current."""
    assert [p.before for p in history] == [None, *(p.version for p in history[:-1])]
    assert aliases(registry) == (history[-1].version, history[-1].before)


class RegistryContract:
    """Subclasses give the fixture `place`."""

    def test_an_empty_registry_has_nothing(self, place: Place) -> None:
        registry = place.open()
        assert registry.versions() == []
        assert aliases(registry) == (None, None)
        assert registry.history() == []

    def test_a_bundle_comes_back_as_it_was_added(self, place: Place, bundles: list[Path]) -> None:
        version = place.open().add(bundles[0], "the first")
        assert version == load(bundles[0]).version
        folder = place.open().fetch(version)
        for name in [*LIMITS.keys() - OPTIONAL, *PAGES]:
            assert (folder / name).read_bytes() == (bundles[0] / name).read_bytes()

    def test_versions_tell_what_they_are_oldest_first(
        self, place: Place, bundles: list[Path]
    ) -> None:
        registry = place.open()
        added = [registry.add(bundles[i], f"note {i}") for i in (2, 0, 1)]
        registry.promote(added[0], "r", "b")
        registry.promote(added[1], "r", "b")
        found = place.open().versions()
        assert [v.version for v in found] == added
        assert [v.note for v in found] == ["note 2", "note 0", "note 1"]
        assert [v.aliases for v in found] == [(PREVIOUS,), (CURRENT,), ()]
        assert all(datetime.fromisoformat(v.added).utcoffset() is not None for v in found)
        facts, bundle = found[0].facts, load(bundles[2])
        assert facts is not None
        assert facts.architecture == bundle.architecture
        assert facts.threshold == bundle.reference.threshold
        assert facts.calibration_records == bundle.reference.count
        assert facts.size_bytes == sum(
            (bundles[2] / name).stat().st_size for name in LIMITS.keys() - OPTIONAL
        )

    def test_adding_again_changes_nothing(self, place: Place, bundles: list[Path]) -> None:
        version = place.open().add(bundles[0], "the first")
        before = place.open().versions()
        assert place.open().add(bundles[0], "another note") == version
        assert place.open().versions() == before

    def test_a_promotion_moves_both_aliases(self, place: Place, bundles: list[Path]) -> None:
        one, two = (place.open().add(bundle) for bundle in bundles[:2])
        assert aliases(place.open()) == (None, None)
        place.open().promote(one, "to begin with", "ann")
        assert aliases(place.open()) == (one, None)
        place.open().promote(two, "a new\n camera\x1b[2J", "bob")
        assert aliases(place.open()) == (two, one)
        first, second = place.open().history()
        assert (first.version, first.before, first.by) == (one, None, "ann")
        assert (second.version, second.before, second.kind) == (two, one, "promote")
        assert second.reason == "a new camera?[2J"
        assert first.when < second.when

    def test_promoting_what_is_current_changes_nothing(
        self, place: Place, bundles: list[Path]
    ) -> None:
        registry = place.open()
        one, two = (registry.add(bundle) for bundle in bundles[:2])
        registry.promote(one, "r", "b")
        registry.promote(two, "r", "b")
        registry.promote(two, "again", "b")
        assert aliases(registry) == (two, one)
        assert len(registry.history()) == 2

    def test_a_rollback_swaps_and_a_second_one_swaps_back(
        self, place: Place, bundles: list[Path]
    ) -> None:
        registry = place.open()
        one, two = (registry.add(bundle) for bundle in bundles[:2])
        registry.promote(one, "r", "b")
        registry.promote(two, "r", "b")
        assert place.open().rollback("worse", "ann") == one
        assert aliases(place.open()) == (one, two)
        assert place.open().rollback("no", "ann") == two
        assert aliases(place.open()) == (two, one)
        assert steps(place.open())[2:] == [("rollback", one, two), ("rollback", two, one)]

    def test_without_a_previous_version_there_is_no_way_back(
        self, place: Place, bundles: list[Path]
    ) -> None:
        registry = place.open()
        with pytest.raises(RegistryError, match="no previous version to go back to"):
            registry.rollback("r", "b")
        one = registry.add(bundles[0])
        registry.promote(one, "r", "b")
        with pytest.raises(RegistryError, match="no previous version to go back to"):
            registry.rollback("r", "b")
        assert aliases(registry) == (one, None)
        assert len(registry.history()) == 1

    def test_an_unknown_version_is_refused(self, place: Place, bundles: list[Path]) -> None:
        registry = place.open()
        registry.promote(registry.add(bundles[0]), "r", "b")
        before = aliases(registry), registry.history()
        with pytest.raises(RegistryError, match=f"holds no version {UNKNOWN}"):
            registry.fetch(UNKNOWN)
        with pytest.raises(RegistryError, match=f"holds no version {UNKNOWN}"):
            registry.promote(UNKNOWN, "r", "b")
        assert (aliases(registry), registry.history()) == before

    @pytest.mark.parametrize("name", NO_VERSIONS)
    def test_a_name_that_is_no_version_is_refused(self, place: Place, name: str) -> None:
        registry = place.open()
        with pytest.raises(RegistryError, match="is no version"):
            registry.fetch(name)
        with pytest.raises(RegistryError, match="is no version"):
            registry.promote(name, "r", "b")

    def test_an_alias_that_is_none_is_our_mistake(self, place: Place) -> None:
        with pytest.raises(ValueError, match="alias must be one of"):
            place.open().resolve("../current")

    def test_a_damaged_bundle_is_not_added(
        self, place: Place, bundles: list[Path], tmp_path: Path
    ) -> None:
        broken = shutil.copytree(bundles[0], tmp_path / "broken")
        flip(broken / MODEL)
        with pytest.raises(BundleError, match="does not match the hash"):
            place.open().add(broken)
        assert place.open().versions() == []

    def test_what_was_damaged_in_the_registry_is_neither_fetched_nor_promoted(
        self, place: Place, bundles: list[Path]
    ) -> None:
        registry = place.open()
        one = registry.add(bundles[0])
        place.damage(one)
        with pytest.raises(BundleError, match="does not match the hash"):
            registry.fetch(one)
        with pytest.raises(BundleError, match="does not match the hash"):
            registry.promote(one, "r", "b")
        assert aliases(registry) == (None, None)
        assert registry.history() == []

    def test_a_manifest_with_another_version_is_noticed(
        self, place: Place, bundles: list[Path]
    ) -> None:
        one = place.open().add(bundles[0])
        for path in list(place.stored(MANIFEST)):
            path.chmod(0o644)
            path.write_bytes((bundles[1] / MANIFEST).read_bytes())
        with pytest.raises(UserError, match=r"holds version|tampered"):
            place.open().fetch(one)

    @pytest.mark.parametrize("name", [MODEL, "README.md", "plots/loss.png", "plots"])
    def test_a_link_in_a_bundle_is_not_followed(
        self, place: Place, bundles: list[Path], tmp_path: Path, name: str
    ) -> None:
        folder = shutil.copytree(bundles[0], tmp_path / "linked")
        (folder / name).rename(tmp_path / "elsewhere")
        (folder / name).symlink_to(tmp_path / "elsewhere")
        with pytest.raises(RegistryError, match=r"is a link\. Put the"):
            place.open().add(folder)
        assert place.open().versions() == []

    def test_only_the_files_of_a_bundle_are_taken(
        self, place: Place, bundles: list[Path], tmp_path: Path
    ) -> None:
        folder = shutil.copytree(bundles[0], tmp_path / "more")
        (folder / "secret.key").write_text("secret")
        (folder / "plots" / ".hidden.png").write_text("secret")
        (folder / "secret.link").symlink_to("/etc/passwd")
        registry = place.open()
        fetched = registry.fetch(registry.add(folder))
        names = {str(p.relative_to(fetched)) for p in fetched.rglob("*") if p.is_file()}
        assert names - {"added.json"} == {*LIMITS.keys() - OPTIONAL, *PAGES}
        assert not list(place.stored("secret*"))

    def test_two_processes_that_promote_at_once_leave_one_history(
        self, place: Place, bundles: list[Path], workers: Workers
    ) -> None:
        registry = place.open()
        versions = [registry.add(bundle) for bundle in bundles]
        turns = [f"promote={version}" for version in versions] * 2
        assert workers.run(place.section, turns, turns[1:]) == [0, 0]
        history = registry.history()
        check_chain(history, registry)
        assert len({p.by for p in history}) == 2, json.dumps(steps(registry))
