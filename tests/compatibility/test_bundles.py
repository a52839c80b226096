"""Bundles, and a registry with both, that were written before are read as they were meant."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from models import bundle
from models.bundle_files import MANIFEST, MODEL, REFERENCE
from monitor.pipeline.scorer import Scorer
from monitor.registry import CURRENT, PREVIOUS
from monitor.registry.embedded import EmbeddedRegistry
from tests.compatibility.before import EXPECTED, FOLDER

BUNDLES, REGISTRY = EXPECTED["bundles"], EXPECTED["registry"]
TYPES = {"dense": np.float64, "convolutional": np.uint8}


@pytest.mark.parametrize("name", sorted(BUNDLES))
def test_a_bundle_of_before_gives_the_scores_that_it_gave(name: str) -> None:
    expected = BUNDLES[name]
    scores = Scorer(bundle.load(FOLDER / name), "cpu").score(
        np.array(expected["records"], dtype=TYPES[name])
    )
    assert scores.model_version == expected["version"]
    # Sums of float32 differ a little between processors and versions of torch.
    assert scores.reconstruction_error.tolist() == pytest.approx(expected["errors"], rel=1e-4)
    assert scores.p_value.tolist() == pytest.approx(expected["p_values"], abs=0.02)


@pytest.mark.parametrize("name", sorted(BUNDLES))
def test_a_bundle_of_before_that_is_saved_again_is_the_same_to_the_byte(
    name: str, tmp_path: Path
) -> None:
    loaded = bundle.load(FOLDER / name)
    again = bundle.save(
        tmp_path / name,
        model=loaded.model,
        input_spec=loaded.input_spec,
        reference=loaded.reference,
        error_metric=loaded.error_metric,
        metadata=loaded.metadata,
    )
    assert again.version == BUNDLES[name]["version"]
    for file in (MANIFEST, MODEL, REFERENCE):
        assert (tmp_path / name / file).read_bytes() == (FOLDER / name / file).read_bytes(), file


@pytest.fixture
def registry(tmp_path: Path) -> EmbeddedRegistry:
    """A copy that may be written to."""
    shutil.copytree(FOLDER / "registry", tmp_path / "registry", symlinks=True)
    return EmbeddedRegistry(tmp_path / "registry")


def test_a_registry_of_before_holds_what_it_held(registry: EmbeddedRegistry) -> None:
    assert registry.resolve(CURRENT) == REGISTRY["current"]
    assert registry.resolve(PREVIOUS) == REGISTRY["previous"]
    history = [[p.kind, p.version, p.before, p.when, p.by, p.reason] for p in registry.history()]
    assert history == REGISTRY["history"]
    versions = [[v.version, v.added, list(v.aliases), v.note] for v in registry.versions()]
    assert versions == REGISTRY["versions"]
    for version, *_ in REGISTRY["versions"]:
        assert bundle.load(registry.fetch(version)).version == version


def test_a_registry_of_before_goes_on(registry: EmbeddedRegistry) -> None:
    assert registry.rollback("too slow", "ann") == REGISTRY["previous"]
    assert registry.resolve(CURRENT) == REGISTRY["previous"]
    assert registry.add(FOLDER / "dense") == BUNDLES["dense"]["version"]
    assert len(registry.versions()) == len(REGISTRY["versions"])
    registry.promote(REGISTRY["current"], "after all", "bob")
    kinds = [promotion.kind for promotion in registry.history()]
    assert kinds == [*(kind for kind, *_ in REGISTRY["history"]), "rollback", "promote"]
    assert bundle.load(registry.folder / CURRENT).version == REGISTRY["current"]
