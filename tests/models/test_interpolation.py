"""Curves: what is found in step is what torch's own search finds, bit for bit."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from models import interpolation
from models.interpolation import Interpolated, interpolated

LARGEST = float(np.finfo(np.float32).max)
SMALLEST = float(np.finfo(np.float32).smallest_subnormal)
EXTREMES = [-LARGEST, -1e30, -1.0, -SMALLEST, -0.0, 0.0, SMALLEST, 1e-38, 1.0, 1e30, LARGEST]


def in_torch(at, value, slope, x):
    """The same functions, with torch's search and nothing else that the module does."""
    x = x.contiguous()
    piece = torch.searchsorted(at, x, right=True)
    start = (piece - 1).clamp(min=0)
    return slope.gather(1, piece) * (x - at.gather(1, start)) + value.gather(1, start)


def table(rng, d, points):
    """Ascending points of d functions, many of them equal to their neighbours."""
    at = np.sort(rng.normal(size=(d, points)).round(1), axis=1)
    at[rng.random(d) < 0.2] = 0.5  # of some functions all
    slope = torch.tensor(rng.normal(size=(d, points + 1))).float()
    return torch.tensor(at).float(), torch.tensor(rng.normal(size=(d, points))).float(), slope


def asked(rng, at, count):
    """(d, count) and more: values anywhere, all points, and the next numbers beside them."""
    anywhere = torch.tensor(rng.normal(scale=2, size=(len(at), count))).float()
    above, below = (at.nextafter(torch.tensor(side)) for side in (np.inf, -np.inf))
    extremes = torch.tensor(EXTREMES).expand(len(at), -1)
    return torch.cat([anywhere, at, above, below, extremes], 1)


@pytest.fixture
def always(monkeypatch):
    """In step however few values there are."""
    monkeypatch.setattr(interpolation, "_MANY", 0)


@pytest.mark.usefixtures("always")
@pytest.mark.parametrize("d", [1, 3, 17])
@pytest.mark.parametrize("points", [*range(1, 41), 63, 64, 127, 128, 129, 254, 255, 256, 300])
def test_values_are_those_of_torchs_search_bit_for_bit(points, d):
    rng = np.random.default_rng(points)
    at, value, slope = table(rng, d, points)
    x = asked(rng, at, 40)
    expected = in_torch(at, value, slope, x)
    assert torch.equal(interpolated(at, value, slope, x), expected)
    assert torch.equal(interpolated(at, value, slope, x.T.contiguous().T), expected)
    assert torch.equal(interpolated(at, value, slope, x[:, :1]), expected[:, :1])


@pytest.mark.parametrize("points", [1, 2, 31, 128, 255])
def test_pieces_are_those_of_torchs_search(points):
    rng = np.random.default_rng(points)
    at, _, _ = table(rng, 5, points)
    x = asked(rng, at, 500)
    found = interpolation._up_to(at.numpy(), x.numpy())
    assert torch.equal(torch.from_numpy(found).long(), torch.searchsorted(at, x, right=True))


@pytest.mark.usefixtures("always")
def test_points_and_values_may_be_as_far_apart_as_numbers_are():
    """What is not finite then is no warning: it is as torch has it."""
    rng = np.random.default_rng(0)
    at = torch.tensor([EXTREMES, [-LARGEST] * 5 + [LARGEST] * 6]).sort(1).values
    value, slope = (torch.tensor(rng.normal(size=(2, n))).float() for n in (11, 12))
    slope[:, ::3] = LARGEST
    x = asked(rng, at, 100)
    x = torch.cat([x, torch.tensor([[np.inf, -np.inf, np.nan]] * 2)], 1)
    expected = in_torch(at, value, slope, x)
    assert not expected.isfinite().all()
    torch.testing.assert_close(
        interpolated(at, value, slope, x), expected, rtol=0, atol=0, equal_nan=True
    )


@pytest.mark.parametrize("rows", [1, 2, 300, 5000])
@pytest.mark.parametrize("d", [1, 6])
def test_any_number_of_rows_is_the_same(rows, d):
    rng = np.random.default_rng(rows)
    curves = Interpolated(d, 128)
    at, value, _ = table(rng, d, 128)
    curves.fit(at, value, -1.0, 2.0)
    x = torch.tensor(rng.normal(size=(rows, d))).float()
    alone = torch.cat([curves(row) for row in x.split(1 if rows < 1000 else 100)])
    assert torch.equal(curves(x), alone)
    assert torch.equal(curves(x), in_torch(curves.at, curves.value, curves.slope, x.T).T)


def test_new_weights_count_from_the_next_call_on():
    rng = np.random.default_rng(0)
    curves, x = Interpolated(4, 128), torch.tensor(rng.normal(size=(1000, 4))).float()
    for seed in range(3):
        at, value, _ = table(np.random.default_rng(seed), 4, 128)
        curves.fit(at, value, 0.0, 1.0)
        assert torch.equal(curves(x), in_torch(curves.at, curves.value, curves.slope, x.T).T)
    with torch.no_grad():
        curves.value.add_(1)
    assert torch.equal(curves(x), in_torch(curves.at, curves.value, curves.slope, x.T).T)


def test_many_values_have_gradients():
    rng = np.random.default_rng(0)
    curves = Interpolated(4, 128)
    at, value, _ = table(rng, 4, 128)
    curves.fit(at, value, -1.0, 1.0)
    x = torch.tensor(rng.normal(size=(1000, 4))).float().requires_grad_()
    curves(x).sum().backward()
    piece = torch.searchsorted(curves.at, x.detach().T.contiguous(), right=True)
    assert torch.equal(x.grad, curves.slope.gather(1, piece).T)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16])
def test_other_types_are_left_to_torch(dtype):
    rng = np.random.default_rng(0)
    at, value, slope = (each.to(dtype) for each in table(rng, 4, 128))
    x = torch.tensor(rng.normal(size=(4, 1000))).to(dtype)
    assert torch.equal(interpolated(at, value, slope, x), in_torch(at, value, slope, x))
