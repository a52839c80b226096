"""What is kept of weights is never that of weights of before."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from models.architectures import build
from models.memory import Memory
from models.solved import give, weight
from models.surprisal import Surprisals
from tests.models.builders import around_a_line, spec_of

X = torch.linspace(-1, 6, 50)


def fitted(seed):
    """The surprisals of three kinds of errors."""
    surprisals = Surprisals(3)
    generator = torch.Generator().manual_seed(seed)
    surprisals.fit(torch.rand(3, 500, generator=generator).square() * 4)
    return surprisals


def alone(surprisals):
    """Of each kind by itself, which keeps nothing."""
    return torch.stack([kind(X * (i + 1)) for i, kind in enumerate(surprisals.kinds)])


def together(surprisals):
    return surprisals([X * (i + 1) for i in range(3)])


def loaded(surprisals):
    surprisals.load_state_dict(fitted(1).state_dict())


def loaded_by_reference(surprisals):
    surprisals.load_state_dict(fitted(1).state_dict(), assign=True)


def a_part_loaded(surprisals):
    surprisals.kinds[1].load_state_dict(fitted(1).kinds[1].state_dict())


def a_part_loaded_by_reference(surprisals):
    surprisals.kinds[1].inner.load_state_dict(fitted(1).kinds[1].inner.state_dict(), assign=True)


def fitted_again(surprisals):
    surprisals.fit([X.square(), X.square() + 1])


def given(surprisals):
    give(surprisals.kinds[2].spread, torch.tensor([7.0]))


def given_twice(surprisals):
    """The second may get the memory that the first one left."""
    for spread in (5.0, 6.0, 7.0):
        give(surprisals.kinds[2].spread, torch.tensor([spread]))


def moved(surprisals):
    surprisals.double().float()
    give(surprisals.kinds[0].start, torch.tensor([0.1]))


@pytest.mark.parametrize(
    "change",
    [
        loaded,
        loaded_by_reference,
        a_part_loaded,
        a_part_loaded_by_reference,
        fitted_again,
        given,
        given_twice,
        moved,
    ],
)
def test_new_weights_count_from_the_next_call_on(change):
    surprisals = fitted(0)
    before = together(surprisals)
    assert torch.equal(before, alone(surprisals))
    change(surprisals)
    assert torch.equal(together(surprisals), alone(surprisals))
    assert not torch.equal(together(surprisals), before)


def test_a_copy_has_its_own():
    surprisals = fitted(0)
    before = together(surprisals)
    copied = copy.deepcopy(surprisals)
    assert torch.equal(together(copied), before)
    loaded(copied)
    assert torch.equal(together(copied), alone(copied))
    assert torch.equal(together(surprisals), before)
    given(surprisals)
    assert torch.equal(together(surprisals), alone(surprisals))
    assert torch.equal(together(copied), alone(copied))


def test_fewer_errors_than_kinds_are_of_the_first_ones():
    surprisals = fitted(0)
    assert torch.equal(surprisals([X, 2 * X]), alone(surprisals)[:2])


def test_what_is_kept_is_no_weight():
    surprisals = fitted(0)
    names = set(surprisals.state_dict())
    together(surprisals)
    assert set(surprisals.state_dict()) == names
    assert {name.split(".", 2)[2] for name in names} == {
        "inner.at", "inner.value", "inner.slope", "start", "spread",
    }  # fmt: skip


def test_a_memory_forgets_with_its_records():
    memory = Memory(3, 20)
    records = torch.rand(40, 3)
    for change in (
        lambda: memory.fit(records, seed=0),
        lambda: memory.fit(2 * records, seed=1),
        lambda: memory.load_state_dict({k: v + 1 for k, v in memory.state_dict().items()}),
    ):
        change()
        distances = torch.cdist(records, memory.remembered).square()
        (logits,), own = memory.attend(records)
        torch.testing.assert_close(
            logits - own[:, None], -distances / memory.width, rtol=1e-4, atol=1e-4
        )


@pytest.mark.parametrize("first", [torch.inference_mode, torch.no_grad])
def test_gradients_pass_through_what_inference_has_kept(first):
    model = build("ladder", spec_of((6,)), {}).eval()
    records = torch.tensor(around_a_line(200), dtype=torch.float32)
    model.solve(records, 0.1, seed=0)
    with first():
        expected = model.errors(records)
    x = records.clone().requires_grad_()
    errors = model.errors(x)
    torch.testing.assert_close(errors, expected, rtol=1e-6, atol=0)
    errors.sum().backward()
    assert x.grad.isfinite().all()
    assert x.grad.abs().sum() > 0


def test_a_weight_of_inference_may_be_kept_too():
    with torch.inference_mode():
        surprisals = fitted(0)
        surprisals.kinds[0].start = nn.Parameter(weight(1) * 0.5, requires_grad=False)
        assert torch.equal(together(surprisals), alone(surprisals))
    assert torch.equal(together(surprisals), alone(surprisals))
