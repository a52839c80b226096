"""What training asks beside the error is what comes of it, against the plain network."""

from functools import cache

import pytest
import torch
from torch.func import jacrev, vmap

from models.architectures import build
from models.contractive import jacobian_norm
from models.denoising import Denoising
from models.reconstruction import errors_of
from tests.models.builders import digits, spec_of, vectors
from tests.models.test_training import run

HIDDEN = {"hidden": [48, 24]}


@cache
def fitted(name, of, **settings):
    """The model, and prepared records that it was not trained on. of: makes the records."""
    chosen = {**HIDDEN, **settings}
    model, _, held_out = run(
        of(600), name, epochs=50, batch_size=16, patience=50, architecture_settings=chosen
    )
    return model, held_out


def activity(model, x):
    """How far each code value is from zero, (n, code)."""
    with torch.inference_mode():
        return model.encode(x).abs()


@pytest.mark.parametrize("penalty", ["kl", "l1"])
def test_of_a_sparse_code_few_values_are_active(penalty):
    plain, x = fitted("dense", digits)
    sparse, _ = fitted("sparse", digits, penalty=penalty)
    assert activity(sparse, x).mean() < 0.5 * activity(plain, x).mean()
    assert (activity(sparse, x) > 0.2).double().mean() < 0.5
    # It still reproduces: a code of zeros would not.
    assert errors_of(sparse, x, "mse").mean() < 0.4 * float(x.var(0).mean())


def test_the_divergence_keeps_each_code_value_in_use_at_the_wanted_activity():
    sparse, x = fitted("sparse", digits, weight=1.0, activity=0.1)
    means = activity(sparse, x).mean(0)
    assert means.max() < 0.25
    assert means.min() > 0.02


def slope(model, x):
    """The squared Frobenius norm of each record's exact Jacobian, (n,)."""
    each = vmap(jacrev(lambda one: model.encode(one[None])[0]))(x)  # (n, code, *shape)
    return each.flatten(1).square().sum(1).detach()


def test_the_code_of_a_contractive_one_changes_little_where_records_do():
    plain, x = fitted("dense", vectors)
    flat, _ = fitted("contractive", vectors, weight=0.1)
    assert slope(flat, x).mean() < 0.5 * slope(plain, x).mean()
    assert errors_of(flat, x, "mse").mean() < 0.5 * float(x.var(0).mean())


def test_the_norm_of_the_jacobian_is_estimated_without_bias():
    torch.manual_seed(0)
    model = build("contractive", spec_of((6,)), {})
    x = torch.randn(1, 6)
    many = x.repeat(20_000, 1).requires_grad_()
    estimates = jacobian_norm(model.encode(many), many).detach()
    spread = float(estimates.std()) / len(many) ** 0.5
    assert float(estimates.mean()) == pytest.approx(float(slope(model, x)), abs=4 * spread)


def table(count):
    """Records of twelve columns, each of which the others tell."""
    return vectors(count, d=12)


def test_a_denoising_one_brings_back_what_was_replaced():
    plain, x = fitted("dense", table)
    denoising, _ = fitted("denoising", table)
    assert isinstance(denoising, Denoising)
    torch.manual_seed(1)
    with torch.inference_mode():
        copies = denoising.corrupted(x)
        lost = (copies - x).square().mean()
        gained = (denoising(copies) - x).square().mean()
        assert gained < 0.5 * (plain(copies) - x).square().mean()
        assert gained < 0.5 * lost


def test_what_is_replaced_is_a_value_of_another_record_in_its_place():
    torch.manual_seed(0)
    model = build("denoising", spec_of((3, 8, 8)), {"corruption": 0.25})
    x = torch.rand(40, 3, 8, 8)
    copies = model.corrupted(x)
    moved = copies != x
    assert 0.2 < moved.double().mean() < 0.3
    assert ((copies[:, None] == x[None]).any(1)).all()
    assert torch.equal(model.eval()(x), model(x))  # nothing is replaced in service


def test_a_memory_is_used_sparsely_and_nothing_is_put_together_of_anything_else():
    model, x = fitted("memory", digits, remembered=60)
    with torch.inference_mode():
        weights = model.weights(x)
        assert torch.allclose(weights.sum(1), torch.ones(len(x)), atol=1e-5)
        assert (weights > 0).double().mean() < 0.6
        assert ((weights > 0).any(0)).double().mean() > 0.2  # and not one for all records
        far = model.encode(100 * torch.randn_like(x))
        assert far.norm(dim=1).max() <= model.memory.norm(dim=1).max() * (1 + 1e-5)
    assert errors_of(model, x, "mse").mean() < 0.6 * float(x.var(0).mean())


def test_the_entropy_makes_a_record_use_fewer_codes():
    def used(entropy):
        model, x = fitted("memory", vectors, remembered=60, entropy=entropy)
        with torch.inference_mode():
            return torch.special.entr(model.weights(x)).sum(1).mean()

    assert used(0.1) < used(0.0)


def test_an_image_variational_one_draws_codes_and_keeps_its_mean_in_service():
    torch.manual_seed(0)
    model = build("convolutional-variational", spec_of((1, 16, 16)), {"dropout": 0.0})
    x = torch.rand(4, 1, 16, 16)
    model.eval()
    assert torch.equal(model(x), model.decode(model.distribution(x)[0]))
    distance = lambda a, b: (a - b).square().mean()  # noqa: E731
    assert not torch.equal(model.loss(x, distance), model.loss(x, distance))
    assert model.encode(1e3 * torch.randn_like(x)).abs().max() <= 4
