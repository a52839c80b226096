"""Weights from elsewhere become a bundle, or are refused with all that does not fit."""

import numpy as np
import pytest
import safetensors.torch
import torch

from models.architectures import ARCHITECTURES, SOLVED, build
from models.bundle import load
from models.conduct import Conduct
from models.errors import GivenModelError
from models.given import Normal
from models.recipe import train
from models.settings import TrainingSettings
from models.weights_import import import_weights
from tests.data import digit_images
from tests.models.builders import OWN_ERRORS, spec_of, vectors
from tests.models.bundles import SERIES, SPEC
from tests.models.scoring import errors_of


def saved(model, path, prefix=""):
    tensors = {prefix + name: each.contiguous() for name, each in model.state_dict().items()}
    safetensors.torch.save_file(tensors, path)
    return path


@pytest.fixture
def trained(tmp_path):
    """A model that was trained here, as if elsewhere, and records as its network takes them."""
    settings = TrainingSettings(epochs=30, device="cpu")
    bundle = train(vectors(400), tmp_path / "elsewhere", settings, Conduct(card=False))
    return bundle, bundle.input_spec.prepare(vectors(300, seed=1))


@pytest.mark.parametrize("prefix", ["", "module.", "_orig_mod."])
def test_the_errors_are_those_that_the_weights_give(prefix, trained, tmp_path):
    bundle, prepared = trained
    path = saved(bundle.model, tmp_path / "weights.safetensors", prefix)
    made = import_weights(path, tmp_path / "model", Normal(prepared), "dense", {}, "none")
    np.testing.assert_allclose(
        errors_of(made, prepared), errors_of(bundle, vectors(300, seed=1)), rtol=1e-3
    )
    assert made.reference.count == 150
    assert made.metadata["given"]["explained"] > 0.5
    assert load(tmp_path / "model").version == made.version
    assert "weights.safetensors" in (tmp_path / "model" / "README.md").read_text()


def test_records_can_be_normalised_as_train_does(trained, tmp_path):
    path = saved(trained[0].model, tmp_path / "weights.safetensors")
    records = vectors(300, seed=1)
    made = import_weights(path, tmp_path / "model", Normal(records), "dense", {}, "data")
    assert made.input_spec.offset == pytest.approx(records.mean(0), rel=0.05)
    assert made.metadata["given"]["explained"] > 0.5


def test_weights_that_do_not_belong_to_the_records_explain_nothing(tmp_path):
    torch.manual_seed(0)
    path = saved(build("dense", spec_of((4,)), {}), tmp_path / "weights.safetensors")
    made = import_weights(path, tmp_path / "model", Normal(vectors(300)), "dense", {}, "data")
    assert made.metadata["given"]["explained"] < 0.1


@pytest.mark.parametrize("name", [name for name in ARCHITECTURES if name not in SOLVED])
def test_every_trained_architecture_is_taken(name, tmp_path):
    torch.manual_seed(0)
    series = name == "temporal"
    path = saved(build(name, SERIES if series else SPEC, {}), tmp_path / "weights.safetensors")
    records = digit_images(120)
    if series:
        records = np.random.default_rng(0).normal(size=(120, 16, 2))
    normal = Normal(records, layout="series" if series else "")
    made = import_weights(path, tmp_path / "model", normal, name, {}, "data")
    assert made.architecture == name
    assert np.isfinite(errors_of(made, records)).all()


@pytest.mark.parametrize("name", SOLVED)
def test_a_solved_architecture_is_to_be_trained(name, tmp_path):
    path = saved(build(name, SPEC, {}), tmp_path / "weights.safetensors")
    with pytest.raises(GivenModelError, match="train it instead"):
        import_weights(path, tmp_path / "model", Normal(digit_images(100)), name, {}, "data")


@pytest.mark.parametrize("name", [name for name in OWN_ERRORS if name not in SOLVED])
def test_another_error_than_its_own_is_refused(name, tmp_path):
    path = saved(build(name, SPEC, {}), tmp_path / "weights.safetensors")
    with pytest.raises(GivenModelError, match="has an error of its own: leave out mae"):
        import_weights(
            path, tmp_path / "model", Normal(digit_images(100)), name, {}, "data", metric="mae"
        )


def refusal(path, tmp_path, settings=None):
    with pytest.raises(GivenModelError) as caught:
        import_weights(
            path, tmp_path / "model", Normal(vectors(100)), "dense", settings or {}, "data"
        )
    assert not (tmp_path / "model").exists()
    return str(caught.value)


def test_every_mismatch_is_listed(tmp_path):
    tensors = dict(build("dense", spec_of((4,)), {}).state_dict())
    names = list(tensors)
    tensors["head.weight"] = torch.zeros(2, 3)
    del tensors[names[0]]
    tensors[names[1]] = torch.zeros(5)
    tensors[names[2]] = tensors[names[2]].half()
    tensors[names[3]] = torch.full_like(tensors[names[3]], torch.nan)
    safetensors.torch.save_file(tensors, tmp_path / "weights.safetensors")
    lines = refusal(tmp_path / "weights.safetensors", tmp_path).splitlines()
    assert "does not fit dense with hidden [" in lines[0]
    assert [line.split()[0] for line in lines[1:]] == [
        "missing", "unexpected", "other", "other", "not",
    ]  # fmt: skip
    assert "'head.weight' float32 [2, 3]" in lines[2]
    assert f"{names[1]} float32 [5], not float32" in lines[3]
    assert "float16" in lines[4]


def test_a_long_list_is_cut(tmp_path):
    tensors = {f"layer{i}.weight": torch.zeros(1) for i in range(100)}
    safetensors.torch.save_file(tensors, tmp_path / "weights.safetensors")
    lines = refusal(tmp_path / "weights.safetensors", tmp_path).splitlines()
    assert len(lines) == 22
    assert lines[-1].startswith("and ")


def test_a_pickle_is_refused_with_what_to_do(tmp_path):
    model = build("dense", spec_of((4,)), {})
    torch.save(model.state_dict(), tmp_path / "weights.pt")
    line = refusal(tmp_path / "weights.pt", tmp_path)
    assert "is a pickle, which is not read" in line
    assert "weights_only=True" in line
    torch.save(
        model.state_dict(), tmp_path / "old.safetensors", _use_new_zipfile_serialization=False
    )
    assert "is a pickle" in refusal(tmp_path / "old.safetensors", tmp_path)


@pytest.mark.parametrize("data", [b"", b"not tensors at all", b"\xff" * 100])
def test_a_file_of_something_else_is_refused(data, tmp_path):
    (tmp_path / "weights.safetensors").write_bytes(data)
    assert "not a whole safetensors file" in refusal(tmp_path / "weights.safetensors", tmp_path)


def test_a_missing_file_and_wrong_settings_are_refused(tmp_path):
    assert "is not a file" in refusal(tmp_path / "away.safetensors", tmp_path)
    path = saved(build("dense", spec_of((4,)), {}), tmp_path / "weights.safetensors")
    assert "unknown setting 'depth'" in refusal(path, tmp_path, {"depth": 3})
