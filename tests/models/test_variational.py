"""The variational autoencoder: drawn codes in training, the mean in service, the bound between."""

import math

import pytest
import torch
from torch.distributions import Normal, kl_divergence

from models import bundle
from models.architectures import build
from models.recipe import TrainingSettings, train
from models.reconstruction import errors_of
from models.variational import FARTHEST_MEAN, divergence
from tests.models.builders import digits, spec_of, vectors
from tests.models.losses import mean_squared
from tests.models.test_training import run


def model_of(shape=(6,), **settings):
    torch.manual_seed(0)
    return build("variational", spec_of(shape), settings)


def test_the_divergence_is_that_of_normal_distributions():
    mean, log_variance = torch.randn(5, 3), torch.randn(5, 3)
    expected = kl_divergence(Normal(mean, (log_variance / 2).exp()), Normal(0.0, 1.0)).sum(1)
    assert torch.allclose(divergence(mean, log_variance), expected, atol=1e-5)
    assert divergence(torch.zeros(2, 3), torch.zeros(2, 3)).tolist() == [0, 0]


def test_the_loss_is_the_negative_evidence_lower_bound_up_to_a_constant():
    """With beta 1, and a density of records with variance d / (2 d) around the reconstruction."""
    model, d = model_of(beta=1.0), 6
    x = torch.rand(8, d)
    torch.manual_seed(3)
    loss = model.loss(x, mean_squared)
    torch.manual_seed(3)
    mean, log_variance = model.distribution(x)
    posterior = Normal(mean, (log_variance / 2).exp())
    code = posterior.rsample()
    log_density = Normal(model.decode(code), math.sqrt(0.5)).log_prob(x).sum(1)
    bound = (log_density - kl_divergence(posterior, Normal(0.0, 1.0)).sum(1)).mean()
    constant = d / 2 * math.log(math.pi)
    assert float((loss * d + constant).detach()) == pytest.approx(-float(bound.detach()), rel=1e-4)


def test_in_training_a_code_is_drawn_and_in_service_it_is_the_mean():
    model = model_of()
    x = torch.rand(4, 6)
    assert not torch.equal(model.loss(x, mean_squared), model.loss(x, mean_squared))
    assert torch.equal(model(x), model(x))
    assert torch.equal(model(x), model.decode(model.distribution(x)[0]))


def test_without_the_divergence_the_spread_of_codes_goes_away():
    free, _, x = run(vectors(200), "variational", epochs=30, architecture_settings={"beta": 0.0})
    held = build_and_fit(beta=1.0)
    with torch.inference_mode():
        assert free.distribution(x)[1].mean() < held.distribution(x)[1].mean() - 1


def build_and_fit(**settings):
    model, _, _ = run(vectors(200), "variational", epochs=30, architecture_settings=settings)
    return model


def test_a_mean_far_away_is_bounded():
    model = model_of()
    assert model.encode(1e6 * torch.randn(50, 6)).abs().max() <= FARTHEST_MEAN
    assert torch.isfinite(model.loss(1e3 * torch.randn(50, 6), mean_squared))


def test_a_stream_along_a_learned_direction_is_not_reproduced_for_ever():
    records = vectors(400)
    model, history, validation = run(records, "variational", epochs=40)
    errors = [errors_of(model, validation * factor, "mse").mean() for factor in (1, 3, 9, 27)]
    assert errors == sorted(errors)
    assert errors[-1] > 100 * history.best_loss


def test_a_bundle_of_it_scores_as_the_model_that_was_trained(tmp_path):
    settings = TrainingSettings(
        architecture="variational", architecture_settings={"beta": 0.02}, epochs=3
    )
    made = train(digits(60), tmp_path / "bundle", settings)
    loaded = bundle.load(made.path)
    assert loaded.model.settings["beta"] == 0.02
    x = torch.from_numpy(made.input_spec.prepare(digits(60)))
    assert errors_of(loaded.model, x, "mse").tolist() == errors_of(made.model, x, "mse").tolist()
