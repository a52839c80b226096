"""The registry in MLflow keeps the contract, on a real server, and what is its own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from models.bundle import load
from models.bundle_files import LIMITS, MANIFEST, MODEL, OPTIONAL
from monitor.errors import RegistryError
from monitor.process import failpoints
from monitor.registry import CURRENT, PREVIOUS, mlflow_models
from monitor.registry.mlflow_models import ARTEFACTS
from tests.monitor.registry.contract import PAGES, RegistryContract, aliases, steps
from tests.monitor.registry.mlflow_place import MlflowPlace
from tests.monitor.registry.places import flip
from tests.monitor.registry.server import MlflowServer, free_port

if TYPE_CHECKING:
    pass


@pytest.fixture
def place(mlflow_server: MlflowServer, tmp_path: Path) -> MlflowPlace:
    return MlflowPlace(mlflow_server, tmp_path / "cache")


class TestMlflowRegistry(RegistryContract):
    """The contract."""


class Killed(BaseException):
    """The process ends here."""


def kill_at(monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    def reach(reached: str) -> None:
        if reached == place:
            raise Killed(place)

    monkeypatch.setattr(failpoints, "obey", reach)


@pytest.fixture
def two(place: MlflowPlace, bundles: list[Path]) -> tuple[str, str]:
    """Two versions were promoted; the second is current."""
    registry = place.open()
    versions = [registry.add(bundle) for bundle in bundles[:2]]
    for version in versions:
        registry.promote(version, "r", "b")
    return versions[0], versions[1]


def test_a_version_is_a_run_of_plain_files(place: MlflowPlace, bundles: list[Path]) -> None:
    version = place.open().add(bundles[0], "a note")
    (run,) = place.client.search_runs([place.experiment])
    assert run.info.status == "FINISHED"
    folder = place.files / place.experiment / run.info.run_id / "artifacts"
    names = {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()}
    assert names == {f"{ARTEFACTS}/{name}" for name in [*LIMITS.keys() - OPTIONAL, *PAGES]}
    (stored,) = place.client.search_model_versions(f"name = '{place.name}'")
    assert stored.tags["aead_version"] == version
    assert stored.tags["aead_note"] == "a note"
    assert int(stored.tags["aead_size_bytes"]) > 1000


@pytest.mark.parametrize("at", ["promotion_recorded", "previous_set"])
def test_a_promotion_that_was_cut_off_leaves_the_old_version_current(
    at: str, place: MlflowPlace, two: tuple[str, str], bundles: list[Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    third = place.open().add(bundles[2])
    kill_at(monkeypatch, at)
    with pytest.raises(Killed):
        place.open().promote(third, "r", "b")
    monkeypatch.undo()
    assert place.open().resolve(CURRENT) == two[1]
    place.open().promote(third, "again", "b")
    assert aliases(place.open()) == (third, two[1])


@pytest.mark.parametrize("at", ["promotion_recorded", "previous_set"])
def test_a_rollback_after_a_promotion_that_was_cut_off_goes_to_the_version_before(
    at: str, place: MlflowPlace, two: tuple[str, str], bundles: list[Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    third = place.open().add(bundles[2])
    kill_at(monkeypatch, at)
    with pytest.raises(Killed):
        place.open().promote(third, "r", "b")
    monkeypatch.undo()
    assert place.open().rollback("r", "b") == two[0]
    assert aliases(place.open()) == (two[0], two[1])


@pytest.mark.parametrize("at", ["promotion_recorded", "previous_set"])
def test_a_rollback_that_was_cut_off_can_be_done_again(
    at: str, place: MlflowPlace, two: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    kill_at(monkeypatch, at)
    with pytest.raises(Killed):
        place.open().rollback("r", "b")
    monkeypatch.undo()
    assert place.open().resolve(CURRENT) == two[1]
    assert place.open().rollback("again", "b") == two[0]
    assert aliases(place.open()) == (two[0], two[1])


def test_adding_that_was_cut_off_leaves_a_run_and_can_be_done_again(
    place: MlflowPlace, bundles: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    kill_at(monkeypatch, "run_written")
    with pytest.raises(Killed):
        place.open().add(bundles[0])
    monkeypatch.undo()
    assert place.open().versions() == []
    version = place.open().add(bundles[0])
    assert [v.version for v in place.open().versions()] == [version]
    assert len(place.client.search_runs([place.experiment])) == 2


def test_only_the_newest_promotions_are_kept(
    place: MlflowPlace, two: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mlflow_models, "MOST_PROMOTIONS", 3)
    for _ in range(3):
        place.open().rollback("r", "b")
    one, other = two
    expected = [("rollback", one, other), ("rollback", other, one), ("rollback", one, other)]
    assert steps(place.open()) == expected


def test_the_cache_is_bounded_and_what_was_used_last_stays(
    place: MlflowPlace, bundles: list[Path]
) -> None:
    one, two, three = (place.open().add(bundle) for bundle in bundles)
    size = sum(p.stat().st_size for p in bundles[0].rglob("*") if p.is_file())
    registry = place.open(cache_bytes=int(2.5 * size))
    for version in (one, two, one, three):
        registry.fetch(version)
    assert {p.name for p in (place.cache / "versions").iterdir()} == {one, three}
    place.open(cache_bytes=1).fetch(two)
    assert {p.name for p in (place.cache / "versions").iterdir()} == {two}


def test_what_was_damaged_in_the_cache_is_fetched_again(
    place: MlflowPlace, two: tuple[str, str]
) -> None:
    folder = place.open().fetch(two[0])
    flip(folder / MODEL)
    assert load(place.open().fetch(two[0])).version == two[0]


def test_the_cache_serves_while_the_server_is_away(
    place: MlflowPlace, two: tuple[str, str]
) -> None:
    place.open().fetch(two[0])
    place.uri = f"http://127.0.0.1:{free_port()}"
    assert load(place.open().fetch(two[0])).version == two[0]


def test_a_whole_bundle_under_a_wrong_version_is_refused(
    place: MlflowPlace, bundles: list[Path]
) -> None:
    version = place.open().add(bundles[0])
    for name in LIMITS.keys() - OPTIONAL:
        for path in place.stored(name):
            path.write_bytes((bundles[1] / name).read_bytes())
    with pytest.raises(RegistryError, match="it was tampered with"):
        place.open().fetch(version)
    assert list((place.cache / "versions").iterdir()) == []


@pytest.mark.parametrize("name", ["model.pkl", "MLmodel", "deep/bundle.json"])
def test_a_file_that_is_no_bundles_is_refused(
    place: MlflowPlace, bundles: list[Path], name: str
) -> None:
    version = place.open().add(bundles[0])
    (manifest,) = place.stored(MANIFEST)
    (manifest.parent / name).parent.mkdir(exist_ok=True)
    (manifest.parent / name).write_bytes(b"\x80")
    with pytest.raises(RegistryError, match="is no file of a bundle: refused"):
        place.open().fetch(version)


def test_a_version_of_somebody_else_is_left_out_and_never_current(
    place: MlflowPlace, two: tuple[str, str]
) -> None:
    run = place.client.search_runs([place.experiment])[0].info.run_id
    other = place.client.create_model_version(place.name, f"runs:/{run}/bundle", run)
    place.client.set_registered_model_alias(place.name, CURRENT, other.version)
    assert {v.version for v in place.open().versions()} == set(two)
    with pytest.raises(RegistryError, match=r"current is version 3, which .* has not written"):
        place.open().resolve(CURRENT)
    assert place.open().resolve(PREVIOUS) == two[0]


@pytest.mark.parametrize(("tag", "value"), [("aead_added", "soon"), ("aead_threshold", "low")])
def test_an_edited_tag_says_what_to_do(
    place: MlflowPlace, two: tuple[str, str], tag: str, value: str
) -> None:
    place.client.set_model_version_tag(place.name, "1", tag, value)
    with pytest.raises(RegistryError, match="version 1 in MLflow: a tag is missing or was changed"):
        place.open().versions()


@pytest.mark.parametrize("text", ["", "{}", "[" * 90_000, '{"version": "../x"}'])
def test_an_edited_record_names_its_tag(
    place: MlflowPlace, two: tuple[str, str], text: str
) -> None:
    place.client.set_registered_model_tag(place.name, "aead_promotion_000", text)
    with pytest.raises(RegistryError, match="tag aead_promotion_000 is no promotion"):
        place.open().history()
