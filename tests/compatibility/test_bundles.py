"""Bundles, and a registry with both, that were written before are read as they were meant."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file

from models import bundle
from models.bundle_files import MANIFEST, MODEL, REFERENCE
from models.explanation import Explanation
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
def test_a_bundle_of_before_says_what_carries_an_error(name: str) -> None:
    records = np.array(BUNDLES[name]["records"], dtype=TYPES[name])
    for found in Scorer(bundle.load(FOLDER / name), "cpu").explainer(3).explain(records):
        assert isinstance(found, Explanation)
        assert (found.place is None) == (name == "dense")
        assert 0 <= found.rest < 1


@pytest.mark.parametrize("name", sorted(BUNDLES))
def test_a_bundle_of_before_that_is_saved_again_says_the_same(name: str, tmp_path: Path) -> None:
    loaded = bundle.load(FOLDER / name)
    bundle.save(
        tmp_path / name,
        model=loaded.model,
        input_spec=loaded.input_spec,
        reference=loaded.reference,
        error_metric=loaded.error_metric,
        metadata=loaded.metadata,
    )
    assert document(tmp_path / name) == document(FOLDER / name)
    for file in (MODEL, REFERENCE):
        then, now = (load_file(folder / name / file) for folder in (FOLDER, tmp_path))
        assert then.keys() == now.keys()
        for tensor, values in then.items():
            assert now[tensor].dtype == values.dtype, tensor
            assert np.array_equal(now[tensor], values), tensor


def document(folder: Path) -> dict[str, Any]:
    """bundle.json without the hashes, which depend on how safetensors lays out a file, and the
    schema's version."""
    found: dict[str, Any] = json.loads((folder / MANIFEST).read_text())
    return {
        key: value
        for key, value in found.items()
        if key not in ("version", "sha256", "schema_version")
    }


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
