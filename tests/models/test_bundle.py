"""A bundle comes back as it was saved, whole or not at all."""

import numpy as np
import pytest
import torch

from models import bundle
from models.architectures import ARCHITECTURES
from models.bundle_files import MANIFEST, MODEL, REFERENCE
from models.errors import BundleError
from tests.models.bundles import SPEC, refusal, write


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_a_bundle_comes_back_as_it_was_saved(tmp_path, name):
    saved = write(tmp_path / "bundle", name)
    loaded = bundle.load(tmp_path / "bundle")
    assert loaded.version == saved.version
    assert (loaded.architecture, loaded.error_metric) == (name, "mse")
    assert loaded.input_spec == SPEC
    assert loaded.metadata == saved.metadata
    assert np.array_equal(loaded.reference.errors, saved.reference.errors)
    assert vars(loaded.reference)["threshold"] == saved.reference.threshold
    assert loaded.reference.note == saved.reference.note
    x = torch.rand(3, 1, 8, 8)
    assert torch.equal(loaded.model(x), saved.model(x))
    assert not loaded.model.training


def test_the_version_is_the_content(tmp_path, whole):
    same = write(tmp_path / "same")
    other = write(tmp_path / "other", metadata={"created": "2025-01-01T00:00:00+00:00"})
    assert same.version == bundle.load(whole).version != other.version
    assert len(same.version) == 16
    assert int(same.version, 16)


def test_json_and_safetensors_are_all_there_is(whole):
    assert sorted(p.name for p in whole.iterdir()) == sorted([MANIFEST, MODEL, REFERENCE])


def test_pages_are_written_beside_and_do_not_count(tmp_path, whole):
    made = write(
        tmp_path / "bundle",
        pages=lambda b: {"README.md": b.version.encode(), "plots/a.png": b"png"},
    )
    assert made.version == bundle.load(whole).version
    assert (made.path / "README.md").read_text() == made.version
    (made.path / "README.md").unlink()
    assert bundle.load(made.path).version == made.version


def test_an_older_bundle_is_replaced_and_nothing_is_left_behind(folder):
    (folder / "old.txt").write_text("old")
    made = write(folder, metadata={"created": "later"})
    assert bundle.load(folder).version == made.version
    assert not (folder / "old.txt").exists()
    assert [p.name for p in folder.parent.iterdir()] == ["bundle"]


def test_a_folder_that_is_no_bundle_is_not_overwritten(tmp_path):
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(BundleError, match=r"holds other files.*Choose a new folder"):
        write(tmp_path)
    assert (tmp_path / "thesis.tex").read_text() == "years of work"


def test_a_file_is_not_overwritten(tmp_path):
    (tmp_path / "model").write_text("precious")
    with pytest.raises(BundleError, match="is not a folder"):
        write(tmp_path / "model")


def test_a_failed_save_leaves_the_older_bundle(folder):
    before = bundle.load(folder).version

    def broken(_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write(folder, pages=broken)
    assert bundle.load(folder).version == before
    assert [p.name for p in folder.parent.iterdir()] == ["bundle"]


def test_a_place_that_cannot_be_written_is_the_users_mistake(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(BundleError, match="cannot write the bundle"):
        write(tmp_path / "file" / "model")


def test_a_missing_folder_is_named(tmp_path):
    assert "no such folder" in refusal(tmp_path / "nothing")
