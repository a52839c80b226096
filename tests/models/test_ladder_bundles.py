"""Bundles of the ladder: as they were saved, in batches of any size, and what was left out."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from models import bundle
from models.architectures import build
from models.bundle_files import manifest
from models.errors import TrainingError
from models.ladder import MAX_VALUES
from models.recipe import train
from models.settings import TrainingSettings
from tests.models.builders import around_a_line, spec_of
from tests.models.scoring import assert_alike

LADDER = TrainingSettings(architecture="ladder", device="cpu")


@pytest.mark.parametrize("lacked", [("strange", "excess"), ("excess",)], ids=str)
def test_a_bundle_of_before_is_read_as_it_was(tmp_path, lacked):
    settings = {"memory": 50, **dict.fromkeys(lacked, 0)}
    made = train(
        around_a_line(200), tmp_path / "bundle", replace(LADDER, architecture_settings=settings)
    )
    document = json.loads((made.path / "bundle.json").read_text())
    for name in lacked:
        del document["architecture_settings"][name]
    kept = {key: value for key, value in document.items() if key not in ("version", "sha256")}
    contents = {name: (made.path / name).read_bytes() for name in document["sha256"]}
    (made.path / "bundle.json").write_bytes(manifest(kept, contents))
    x = 50 * torch.rand(9, 6)
    assert torch.equal(bundle.load(made.path).model.errors(x), made.model.errors(x))


def test_fewer_records_than_memory_are_all_remembered(tmp_path):
    made = train(around_a_line(60), tmp_path / "bundle", replace(LADDER, contamination=0.0))
    settings = made.model.settings
    assert (settings["memory"], settings["strange"]) == (36, 4)
    loaded = bundle.load(made.path)
    x = torch.rand(5, 6)
    assert torch.equal(loaded.model.errors(x), made.model.errors(x))


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    records = np.concatenate([around_a_line(1000), np.full((10, 6), 30.0)])
    return train(records, tmp_path_factory.mktemp("bundles") / "ladder", LADDER), records


def test_a_bundle_scores_as_before_it_was_saved_in_batches_of_any_size(made):
    built, records = made
    assert_alike(built, records)


def test_the_same_records_and_seed_give_the_same_bundle(made, tmp_path):
    built, records = made
    assert train(records, tmp_path / "again", LADDER).version == built.version


def test_the_card_lists_what_was_left_out(made):
    built, _ = made
    left_out = built.metadata["left_out"]
    assert left_out["share"] == 0.1
    assert left_out["count"] == len(left_out["rows"]) == 80
    strangest = set(left_out["rows"][:5])
    assert strangest <= set(range(1000, 1010))
    card = (built.path / "README.md").read_text()
    assert "80 records (10.000%" in card
    assert f"| {left_out['rows'][0]:,} |" in card
    assert (built.path / "plots" / "left-out.png").read_bytes().startswith(b"\x89PNG")
    assert not (built.path / "plots" / "loss.png").exists()
    assert "surprisal" in card


def test_clean_records_are_all_learned_from(tmp_path):
    made = train(around_a_line(100), tmp_path / "bundle", replace(LADDER, contamination=0.0))
    assert made.metadata["left_out"]["count"] == 0
    assert "No record was left out" in (made.path / "README.md").read_text()


def test_contamination_says_how_many_the_threshold_lets_stand_out(tmp_path):
    settings = replace(LADDER, contamination=0.1)
    made = train(around_a_line(1000), tmp_path / "bundle", settings)
    assert made.reference.quantile == 0.9
    assert made.metadata["left_out"]["count"] == 160


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"architecture": "dense", "contamination": 0.1}, "leaves no records out"),
        ({"architecture": "ladder", "precision": "bfloat16"}, "leave out precision"),
        ({"epochs": 3, "error_metric": "mae"}, "leave out epochs, error_metric"),
        ({"architecture_settings": {"memory": 0}}, "memory must be a whole number"),
        ({"architecture_settings": {"strange": -1}}, "strange must be a whole number"),
        ({"architecture_settings": {"strange": False}}, "strange must be a whole number"),
    ],
    ids=str,
)
def test_what_does_not_fit_is_refused(tmp_path, settings, reason):
    with pytest.raises(TrainingError, match=reason):
        train(around_a_line(60), tmp_path / "bundle", replace(LADDER, **settings))
    assert not (tmp_path / "bundle").exists()


@pytest.mark.parametrize("share", [-0.1, 0.5, 1.0])
def test_a_contamination_that_is_none_is_refused(share):
    with pytest.raises(TrainingError, match=r"contamination must be a number from 0 to 0.5"):
        TrainingSettings(contamination=share)


def test_large_records_are_refused():
    with pytest.raises(ValueError, match=r"at most 4,096 values, got 4,097; use dense"):
        build("ladder", spec_of((MAX_VALUES + 1,)), {})


def test_a_bundle_with_another_error_than_the_models_is_refused(made, tmp_path):
    from tests.models.bundles import refusal, reseal, write

    write(tmp_path / "bundle", "ladder")
    reseal(tmp_path / "bundle", error_metric="mse")
    assert "does not fit architecture 'ladder'" in refusal(tmp_path / "bundle")
    assert json.loads((made[0].path / "bundle.json").read_text())["error_metric"] == "surprisal"
