"""Reconstruction probability: how improbable a record is where the codes drawn for it lie."""

import math

import numpy as np
import pytest
import torch
from torch.distributions import Normal

from models.architectures import build
from models.recipe import train
from models.reconstruction_probability import DRAWS, LEAST, MOST_DRAWS
from models.settings import TrainingSettings
from tests.models.builders import digits, spec_of, vectors
from tests.models.scoring import assert_alike, errors_of
from tests.models.test_training import run

NAME = "reconstruction-probability"
HIGHEST = Normal(0.0, math.exp(LEAST / 2)).log_prob(torch.zeros(())).item()


def model_of(shape=(6,), **settings):
    torch.manual_seed(0)
    return build(NAME, spec_of(shape), settings).eval()


def uneven(count, seed=0):
    """Records (count, 6) of a hidden value: the last three follow it, the first three hardly."""
    rng = np.random.default_rng(seed)
    hidden = rng.normal(size=(count, 1))
    return np.repeat(hidden, 6, axis=1) + rng.normal(size=(count, 6)) * [1, 1, 1, 0.1, 0.1, 0.1]


@pytest.fixture(scope="module")
def learned(tmp_path_factory):
    """Of uneven records."""
    settings = TrainingSettings(architecture=NAME, epochs=60, patience=60)
    return train(uneven(2000), tmp_path_factory.mktemp("learned") / "model", settings)


@torch.inference_mode()
def test_the_error_is_the_mean_log_density_over_draws_of_the_code(learned):
    """Algorithm 4 of the paper, with draws of our own, many."""
    model, x = learned.model, torch.from_numpy(learned.input_spec.prepare(uneven(50, seed=2)))
    torch.manual_seed(1)
    mean, log_variance = model.distribution(x)
    codes = Normal(mean, (log_variance / 2).exp()).sample((5000,))  # (draws, 50, code)
    made = model.probable(codes.flatten(0, 1))
    values = Normal(made[0], (made[1] / 2).exp()).log_prob(x.repeat(5000, 1))
    expected = HIGHEST - values.mean(1).unflatten(0, (-1, 50)).mean(0)
    many = build(NAME, learned.input_spec, {**model.settings, "draws": MOST_DRAWS}).eval()
    weights = {**model.state_dict(), "draws": many.get_buffer("draws")}
    many.load_state_dict(weights)
    assert torch.allclose(many.errors(x), expected, rtol=0.02)
    assert torch.allclose(model.errors(x), expected, rtol=0.2)


@torch.inference_mode()
def test_the_error_is_never_below_zero_and_its_map_has_it_as_its_mean():
    model = model_of((3, 8, 8))
    x = torch.rand(5, 3, 8, 8)
    model.spread.bias.fill_(-1e3)  # as sure as it can be
    each = model.element_errors(x)
    assert each.shape == x.shape
    assert each.min() >= 0
    assert torch.allclose(each.flatten(1).mean(1), model.errors(x))


@pytest.mark.parametrize("draws", [1, 2, 7, DRAWS])
@torch.inference_mode()
def test_what_is_drawn_is_the_same_for_every_record_and_model(draws):
    model, x = model_of(draws=draws), torch.randn(9, 6)
    assert torch.equal(model.errors(x), model.errors(x))
    assert torch.allclose(model.errors(x[4:5]), model.errors(x)[4:5])
    torch.manual_seed(7)
    other = build(NAME, spec_of((6,)), {"draws": draws})
    assert torch.equal(other.get_buffer("draws"), model.get_buffer("draws"))
    if draws % 2 == 0:
        assert torch.allclose(model.get_buffer("draws").sum(0), torch.zeros(()), atol=1e-6)


def test_a_value_that_hardly_scatters_weighs_more(learned):
    """The same deviation, once of a value that usually has it and once of one that never does."""
    usual = np.zeros((1, 6))
    loose, tight = usual.copy(), usual.copy()
    loose[0, 0] += 1.0
    tight[0, 5] += 1.0
    found = errors_of(learned, np.concatenate([usual, loose, tight]))
    assert found[1] < found[0] + 0.3
    assert found[2] > found[0] + 2


def test_it_says_how_far_values_scatter(learned):
    """Of records that it did not learn from, 95% of each value lie within 1.96 spreads."""
    x = torch.from_numpy(learned.input_spec.prepare(uneven(2000, seed=1)))
    with torch.inference_mode():
        mean, log_variance = learned.model.probable(learned.model.encode(x))
        within = ((x - mean).abs() <= 1.96 * (log_variance / 2).exp()).double().mean(0)
    assert within.min() > 0.9
    assert within.max() < 0.99


def test_a_stream_along_a_learned_direction_becomes_more_improbable():
    model, _, held_out = run(vectors(400), NAME, epochs=40)
    with torch.inference_mode():
        errors = [float(model.errors(held_out * far).mean()) for far in (1, 3, 9, 27, 1e6)]
    assert errors == sorted(errors)
    assert math.isfinite(errors[-1])
    assert errors[3] > 10 * errors[0]


def test_a_bundle_of_it_scores_as_the_model_that_was_trained(tmp_path):
    settings = TrainingSettings(
        architecture=NAME, architecture_settings={"draws": 4, "beta": 0.5}, epochs=3
    )
    made = train(digits(60), tmp_path / "bundle", settings)
    assert (made.model.settings["draws"], made.model.settings["beta"]) == (4, 0.5)
    assert_alike(made, digits(60))


def test_the_card_says_what_the_error_is(learned):
    card = (learned.path / "README.md").read_text()
    assert "how improbable its values are where the codes drawn for it lie (nats a value)" in card
