"""A bundle comes back as it was saved, whole or not at all."""

import json

import numpy as np
import pytest
import torch

from models import bundle
from models.architectures import ARCHITECTURES
from models.bundle_files import MANIFEST, MODEL, REFERENCE
from models.errors import BundleError
from tests.models.builders import OWN_ERRORS
from tests.models.bundles import refusal, reseal, write


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_a_bundle_comes_back_as_it_was_saved(tmp_path, name):
    saved = write(tmp_path / "bundle", name)
    loaded = bundle.load(tmp_path / "bundle")
    assert loaded.version == saved.version
    assert (loaded.architecture, loaded.error_metric) == (name, OWN_ERRORS.get(name, "mse"))
    assert loaded.input_spec == saved.input_spec
    assert loaded.metadata == saved.metadata
    assert np.array_equal(loaded.reference.errors, saved.reference.errors)
    assert vars(loaded.reference)["threshold"] == saved.reference.threshold
    assert loaded.reference.note == saved.reference.note
    x = torch.rand(3, *loaded.input_spec.shape)
    assert torch.equal(loaded.model(x), saved.model(x))
    assert not loaded.model.training


def test_the_version_is_the_content(tmp_path, whole):
    same = write(tmp_path / "same")
    later = {"created": "2025-01-01T00:00:00+00:00", "metrics": {"epochs": 3, "seconds": 7.0}}
    slower = {"created": CREATED, "metrics": {"epochs": 3, "seconds": 9.0}}
    other = write(tmp_path / "other", metadata=later)
    assert same.version == bundle.load(whole).version != other.version
    assert write(tmp_path / "slower", metadata=slower).version == other.version
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


CREATED = "2024-01-01T00:00:00+00:00"


@pytest.mark.parametrize(
    "metadata",
    [
        {},
        {"created": None},
        {"created": 20240101},
        {"created": "yesterday"},
        {"created": "2024-13-01T00:00:00+00:00"},
        {"created": CREATED + "\x1b[2J"},
        {"created": CREATED, "data": {"source": "\x1b]0;owned\x07"}},
        {"created": CREATED, "versions": {"\x1b[31m": "1"}},
        {"created": CREATED, "notes": [["a\nb"]]},
        ["created"],
    ],
)
def test_a_bundle_that_says_of_itself_what_cannot_be_is_refused(tmp_path, metadata):
    folder = write(tmp_path / "bundle").path
    reseal(folder, metadata=metadata)
    assert "metadata" in refusal(folder)
    assert refusal(folder).isprintable()


def test_a_note_that_a_terminal_would_obey_is_refused(tmp_path):
    folder = write(tmp_path / "bundle").path
    described = json.loads((folder / "bundle.json").read_text())["reference"]
    reseal(folder, reference={**described, "note": "\x1b[2Jall is well"})
    assert "note holds control characters" in refusal(folder)
    assert refusal(folder).isprintable()


def test_an_older_bundle_is_replaced_and_nothing_is_left_behind(folder):
    (folder / "old.txt").write_text("old")
    made = write(folder, metadata={"created": "2026-01-01T00:00:00+00:00"})
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
