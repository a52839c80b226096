"""A crash at any step leaves a whole registry, and the step can be done again."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from models.bundle import load
from monitor.errors import RegistryError
from monitor.process import failpoints
from monitor.process.failpoints import REGISTRY_PLACES
from monitor.registry import CURRENT, PREVIOUS
from monitor.registry.embedded import EmbeddedRegistry
from tests.monitor.registry.contract import aliases, check_chain, steps
from tests.monitor.registry.worker import Workers


@pytest.fixture
def begun(tmp_path: Path, bundles: list[Path]) -> EmbeddedRegistry:
    """A registry with two versions, the second current."""
    registry = EmbeddedRegistry(tmp_path / "registry")
    for bundle in bundles[:2]:
        registry.promote(registry.add(bundle), "r", "b")
    return registry


def check_whole(registry: EmbeddedRegistry) -> None:
    """All that a reader can see is consistent, without anything being repaired first."""
    for version in registry.versions():
        assert load(registry.fetch(version.version)).version == version.version
    check_chain(registry.history(), registry)


def check_tidy(registry: EmbeddedRegistry) -> None:
    """Nothing is left over, and the links say what counts."""
    versions = {v.version for v in registry.versions()}
    assert {path.name for path in (registry.folder / "versions").iterdir()} == versions
    names = {"versions", "lock", "aliases.json", "history.jsonl", CURRENT, PREVIOUS}
    assert {path.name for path in registry.folder.iterdir()} - {".aliases.json.tmp"} == names
    linked = [str((registry.folder / name).readlink()) for name in (CURRENT, PREVIOUS)]
    assert linked == [f"versions/{version}" for version in aliases(registry)]
    assert len((registry.folder / "history.jsonl").read_text().splitlines()) == len(
        registry.history()
    )


@pytest.mark.parametrize("place", REGISTRY_PLACES)
def test_a_process_killed_at_any_step_leaves_a_whole_registry(
    place: str, begun: EmbeddedRegistry, bundles: list[Path], tmp_path: Path, workers: Workers
) -> None:
    before, third = aliases(begun), load(bundles[2]).version
    orders = tmp_path / "orders"
    orders.write_text(f"{place} kill\n")
    section = {"path": str(begun.folder)}
    actions = [f"add={bundles[2]}", f"promote={third}"]
    assert workers.run(section, actions, orders=orders) == [-signal.SIGKILL]
    check_whole(begun)
    assert aliases(begun) in (before, (third, before[0]))
    begun.add(bundles[2])
    begun.promote(third, "again", "b")
    check_whole(begun)
    check_tidy(begun)
    assert aliases(begun) == (third, before[0])
    assert steps(begun)[2:] == [("promote", third, before[0])]
    assert begun.rollback("r", "b") == before[0]
    check_tidy(begun)


@pytest.mark.parametrize("place", REGISTRY_PLACES)
def test_a_full_disk_at_any_step_is_one_line_and_leaves_a_whole_registry(
    place: str, begun: EmbeddedRegistry, bundles: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    before, third = aliases(begun), load(bundles[2]).version

    def reach(reached: str) -> None:
        if reached == place:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(failpoints, "obey", reach)
    with pytest.raises(RegistryError, match="cannot be written: No space left on device"):
        begun.promote(begun.add(bundles[2]), "r", "b")
    check_whole(begun)
    monkeypatch.undo()
    begun.promote(begun.add(bundles[2]), "again", "b")
    check_whole(begun)
    check_tidy(begun)
    assert aliases(begun) == (third, before[0])
