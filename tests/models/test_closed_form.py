"""What is fitted in closed form, against NumPy."""

import numpy as np
import pytest
import torch

from models import closed_form
from models.closed_form import predicting, principal


def rows(n, d, seed=0):
    generator = np.random.default_rng(seed)
    return generator.normal(size=(n, d)) @ generator.normal(size=(d, d)) + 5


@pytest.mark.parametrize("n", [1, 3, 500])
def test_principal_directions_are_those_of_the_covariance(n):
    x = rows(n, 6)
    mean, variance, directions = (each.numpy() for each in principal(torch.from_numpy(x)))
    np.testing.assert_allclose(mean, x.mean(0))
    assert (np.diff(variance) >= 0).all()
    assert (variance >= 0).all()
    covariance = np.cov(x.T, bias=True) if n > 1 else np.zeros((6, 6))
    np.testing.assert_allclose(directions * variance @ directions.T, covariance, atol=1e-12)


def test_a_prediction_is_the_least_squares_of_all_blocks(monkeypatch):
    monkeypatch.setattr(closed_form, "_BLOCK", 64)
    codes, noise = rows(500, 3), rows(500, 4, seed=1)
    wanted = noise + codes @ np.arange(12.0).reshape(3, 4)
    found = predicting(torch.from_numpy(codes).float(), torch.from_numpy(wanted).float())
    with_offset = np.column_stack([np.ones(500), codes])
    expected = np.linalg.lstsq(with_offset, wanted, rcond=None)[0]
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-4, atol=1e-4)


def test_codes_that_never_vary_predict_the_mean():
    wanted = torch.from_numpy(rows(50, 4))
    found = predicting(torch.zeros(50, 2), wanted)
    np.testing.assert_allclose(found[0], wanted.mean(0), rtol=1e-6)
    np.testing.assert_allclose(found[1:], 0)
