"""A training that was stopped goes on to the very bundle that it would have become."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch

from models.checkpoint import ABOUT, STATE, folder_of
from models.conduct import Conduct
from models.errors import TrainingError
from models.recipe import train
from models.settings import TrainingSettings
from tests.models.builders import digits, vectors

QUICK = TrainingSettings(epochs=9, device="cpu", threads=1)


def stop_after(epoch):
    def listener(progress):
        if progress.epoch == epoch:
            raise KeyboardInterrupt

    return listener


def conduct(out: Path, epoch: int | None = None, resume: bool = False) -> Conduct:
    listener = None if epoch is None else stop_after(epoch)
    return Conduct(listener, card=False, checkpoint=folder_of(out), resume=resume)


CASES = {
    "dense": (vectors(120), QUICK),
    "dropout, batch norm, augmented": (
        digits(80),
        replace(QUICK, architecture="convolutional", augment=("flip", "shift", "rotate")),
    ),
    "random codes": (vectors(120), replace(QUICK, architecture="variational")),
    "corrupted": (vectors(120), replace(QUICK, architecture="denoising")),
    "early stop": (vectors(60), replace(QUICK, epochs=400, learning_rate=0.03, patience=4)),
}


@pytest.mark.parametrize(("records", "settings"), CASES.values(), ids=CASES)
def test_stopped_twice_it_becomes_the_same_bundle(tmp_path, records, settings):
    whole = train(records, tmp_path / "whole", settings, Conduct(card=False))
    out = tmp_path / "model"
    first = train(records, out, settings, conduct(out, 3))
    assert first.metadata["metrics"]["ended"] == "interrupted"
    assert folder_of(out).is_dir()
    second = train(records, out, settings, conduct(out, 5, resume=True))
    assert second.metadata["metrics"]["epochs"] == 5
    torch.manual_seed(12345)  # whatever the caller's random numbers are
    third = train(records, out, settings, conduct(out, resume=True))
    assert third.metadata["history"] == whole.metadata["history"]
    assert third.version == whole.version
    assert not folder_of(out).exists()


def test_stopped_within_an_epoch_it_is_trained_again_from_its_beginning(tmp_path, monkeypatch):
    records = vectors(400)
    settings = replace(QUICK, epochs=5, batch_size=16)
    whole = train(records, tmp_path / "whole", settings, Conduct(card=False))
    steps = []

    from models.course import Course

    step = Course._step

    def stops(self, batch):
        steps.append(len(batch))
        if len(steps) == 45:  # of 18 an epoch: in the third
            raise KeyboardInterrupt
        return step(self, batch)

    out = tmp_path / "model"
    monkeypatch.setattr(Course, "_step", stops)
    assert train(records, out, settings, conduct(out)).metadata["metrics"]["epochs"] == 2
    assert train(records, out, settings, conduct(out, resume=True)).version == whole.version


def test_stopped_after_the_last_epoch_nothing_is_left_to_train(tmp_path):
    whole = train(vectors(60), tmp_path / "whole", QUICK, Conduct(card=False))
    out = tmp_path / "model"
    train(vectors(60), out, QUICK, conduct(out, 9))
    assert train(vectors(60), out, QUICK, conduct(out, resume=True)).version == whole.version


def test_stopped_before_the_first_epoch_is_over_nothing_is_left(tmp_path, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    out = tmp_path / "model"
    monkeypatch.setattr("models.training.errors_of", interrupted)
    with pytest.raises(KeyboardInterrupt):
        train(vectors(60), out, QUICK, conduct(out))
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def stopped(tmp_path):
    """Where the bundle of a stopped training is."""
    out = tmp_path / "model"
    train(vectors(60), out, QUICK, conduct(out, 3))
    return out


@pytest.mark.parametrize(
    ("records", "settings", "said"),
    [
        (vectors(60, seed=1), QUICK, r"data\.sha256 was"),
        (vectors(70), QUICK, r"data\.records was 60, and is 70"),
        (vectors(60), replace(QUICK, epochs=20), r"settings\.epochs was 9, and is 20"),
        (vectors(60), replace(QUICK, seed=3), r"settings\.seed was 0, and is 3"),
        (
            vectors(60),
            replace(QUICK, architecture="sparse"),
            r'settings\.architecture was null, and is "sparse"',
        ),
    ],
)
def test_of_other_data_or_settings_it_is_refused_with_the_difference(
    stopped, records, settings, said
):
    before = (stopped / "bundle.json").read_bytes()
    with pytest.raises(TrainingError, match=said):
        train(records, stopped, settings, conduct(stopped, resume=True))
    assert (stopped / "bundle.json").read_bytes() == before
    assert folder_of(stopped).is_dir()


def test_of_another_torch_it_is_refused(stopped, monkeypatch):
    monkeypatch.setattr(torch, "__version__", "9.9")
    with pytest.raises(TrainingError, match=r'and is "9\.9"'):
        train(vectors(60), stopped, QUICK, conduct(stopped, resume=True))


def test_without_a_checkpoint_there_is_nothing_to_go_on_from(tmp_path):
    out = tmp_path / "model"
    with pytest.raises(TrainingError, match="no checkpoint to go on from"):
        train(vectors(60), out, QUICK, conduct(out, resume=True))


def test_trained_anew_an_old_checkpoint_goes(stopped):
    train(vectors(60), stopped, QUICK, conduct(stopped))
    assert not folder_of(stopped).exists()


def test_what_is_no_checkpoint_is_not_overwritten(tmp_path):
    out = tmp_path / "model"
    folder_of(out).mkdir()
    (folder_of(out) / "thesis.tex").write_text("years of work")
    with pytest.raises(TrainingError, match="other files"):
        train(vectors(60), out, QUICK, conduct(out))
    assert (folder_of(out) / "thesis.tex").read_text() == "years of work"


def edited(folder: Path, **changes: object) -> None:
    about = json.loads((folder / ABOUT).read_text())
    (folder / ABOUT).write_text(json.dumps({**about, **changes}))


def tensors_changed(folder: Path, change) -> None:
    """With a hash that fits, as whoever crafts one would."""
    import hashlib

    tensors = safetensors.torch.load_file(folder / STATE)
    change(tensors)
    data = safetensors.torch.save(tensors)
    (folder / STATE).write_bytes(data)
    edited(folder, sha256=hashlib.sha256(data).hexdigest())


DAMAGE = {
    "no JSON": lambda f: (f / ABOUT).write_text("{"),
    "a list": lambda f: (f / ABOUT).write_text("[]"),
    "another schema": lambda f: edited(f, schema_version=2),
    "losses of words": lambda f: edited(f, losses=["a", "b", "c"]),
    "fewer losses": lambda f: edited(f, losses=[1.0]),
    "losses not finite": lambda f: edited(f, losses=[float("nan")] * 3),
    "no best epoch": lambda f: edited(f, best_epoch=0),
    "a best epoch to come": lambda f: edited(f, best_epoch=4),
    "no identity": lambda f: edited(f, identity=None),
    "a choice of another kind": lambda f: edited(f, choice=3),
    "cut off": lambda f: (f / STATE).write_bytes((f / STATE).read_bytes()[:-8]),
    "gone": lambda f: (f / STATE).unlink(),
    "no tensors": lambda f: tensors_changed(f, lambda t: t.clear() or t.update(a=torch.ones(1))),
    "a tensor less": lambda f: tensors_changed(f, lambda t: t.pop("random.cpu")),
    "another shape": lambda f: tensors_changed(
        f, lambda t: t.update({"random.cpu": torch.ones(2)})
    ),
    "random numbers of none": lambda f: tensors_changed(f, lambda t: t["random.cpu"].fill_(255)),
    "an order of none": lambda f: tensors_changed(f, lambda t: t["random.order"].fill_(255)),
    "not finite": lambda f: tensors_changed(f, lambda t: t["optimizer.0.exp_avg"].fill_(np.nan)),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_one_is_refused_in_one_line(stopped, damage):
    damage(folder_of(stopped))
    with pytest.raises(TrainingError, match="without --resume") as caught:
        train(vectors(60), stopped, QUICK, conduct(stopped, resume=True))
    assert "\n" not in str(caught.value)
