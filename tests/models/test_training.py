import itertools

import numpy as np
import pytest
import torch

from models.architectures import build
from models.autoencoder import InputSpec
from models.course import learning_rate_factor
from models.dense import Dense
from models.errors import TrainingError
from models.reconstruction import errors_of
from models.settings import TrainingSettings
from models.training import fit, seeded
from tests.models.builders import digits, vectors

CPU = torch.device("cpu")


def run(records, name="dense", seed=0, listener=None, architecture_settings=None, **settings):
    """Train on the first three quarters; return model, history and the validation tensor."""
    spec = InputSpec.fit(records)
    x = torch.from_numpy(spec.prepare(records))
    cut = len(x) * 3 // 4
    with seeded(seed, CPU):
        model = build(name, spec, architecture_settings or {})
        chosen = TrainingSettings(seed=seed, **settings)
        history = fit(model, x[:cut], x[cut:], chosen, listener, clock=itertools.count().__next__)
    return model, history, x[cut:]


def same_weights(a, b):
    return all(
        torch.equal(x, y)
        for x, y in zip(a.state_dict().values(), b.state_dict().values(), strict=True)
    )


def plain_loop(records, seed, epochs, batch_size):
    """The weights after training as a text book writes it, without a hook."""
    spec = InputSpec.fit(records)
    x = torch.from_numpy(spec.prepare(records))[: len(records) * 3 // 4]
    generator = torch.Generator().manual_seed(seed)
    batches = -(-len(x) // batch_size)
    steps = epochs * batches
    with seeded(seed, CPU):
        model = build("dense", spec, {})
        matrices = [p for p in model.parameters() if p.ndim > 1]
        others = [p for p in model.parameters() if p.ndim <= 1]
        optimizer = torch.optim.AdamW(
            [{"params": matrices, "weight_decay": 1e-4}, {"params": others, "weight_decay": 0.0}],
            fused=True,
        )
        model.train()
        for step in range(steps):
            if step % batches == 0:
                parts = torch.tensor_split(torch.randperm(len(x), generator=generator), batches)
            for group in optimizer.param_groups:
                group["lr"] = 2e-3 * learning_rate_factor(step, steps, round(0.05 * steps))
            batch = x[parts[step % batches]]
            optimizer.zero_grad()
            (model(batch) - batch).square().mean().backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0, foreach=True)
            optimizer.step()
    return model


def test_without_a_hook_training_is_the_plain_loop_bit_for_bit():
    model, history, _ = run(vectors(80), epochs=3, batch_size=20, seed=4)
    assert history.best_epoch == 3
    assert same_weights(model, plain_loop(vectors(80), seed=4, epochs=3, batch_size=20))


def test_a_penalty_of_the_architecture_is_trained_on(monkeypatch):
    free, _, _ = run(vectors(200), epochs=10)

    def with_penalty(self, x, distance):
        code = self.encode(x)
        return distance(x, self.decode(code)) + 10 * code.square().mean()

    monkeypatch.setattr(Dense, "loss", with_penalty)
    held, history, x = run(vectors(200), epochs=10)
    with torch.inference_mode():
        assert held.encode(x).square().mean() < 0.1 * free.encode(x).square().mean()
    # What is told of the training set has the penalty in it, and the validation loss has not.
    assert history.best_loss == pytest.approx(errors_of(held, x, "mse").mean(), rel=1e-6)


def test_an_input_may_be_corrupted_before_it_is_reconstructed(monkeypatch):
    seen = []

    def denoising(self, x, distance):
        noisy = x + torch.randn_like(x)
        seen.append(noisy[0, 0].item())
        return distance(x, self(noisy))

    monkeypatch.setattr(Dense, "loss", denoising)
    first, _, _ = run(vectors(60), epochs=2)
    noise = seen[:]
    again, _, _ = run(vectors(60), epochs=2)
    assert seen[len(noise) :] == noise
    assert same_weights(first, again)


@pytest.mark.parametrize(
    ("name", "records", "augment"),
    [
        ("dense", vectors(80), ()),
        ("convolutional", digits(80), ("flip", "shift", "rotate")),
        ("variational", vectors(80), ()),
    ],
    ids=["dense", "convolutional", "variational"],
)
def test_the_same_seed_gives_the_same_weights_bit_for_bit(name, records, augment):
    first, _, _ = run(records, name, epochs=3, augment=augment)
    again, _, _ = run(records, name, epochs=3, augment=augment)
    other, _, _ = run(records, name, epochs=3, augment=augment, seed=1)
    assert same_weights(first, again)
    assert not same_weights(first, other)


def test_training_leaves_the_callers_random_numbers_alone():
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    run(vectors(60), epochs=1)
    assert torch.equal(torch.rand(3), expected)


def test_the_loss_falls():
    _, history, _ = run(vectors(300), epochs=40)
    assert history.best_loss < 0.2 * history.validation_losses[0]


def test_the_weights_of_the_best_epoch_are_kept():
    model, history, validation = run(vectors(60), epochs=60, learning_rate=0.03, patience=60)
    assert history.best_loss == min(history.validation_losses)
    assert history.validation_losses[history.best_epoch - 1] == history.best_loss
    assert history.best_epoch < 60
    assert errors_of(model, validation, "mse").mean() == pytest.approx(history.best_loss, rel=1e-6)
    assert not model.training


def test_training_stops_after_patience_epochs_without_improvement():
    _, history, _ = run(vectors(60), epochs=500, learning_rate=0.03, patience=4)
    assert history.ended == "early stop"
    assert len(history.losses) == history.best_epoch + 4


def interrupt_at(epoch):
    def listener(progress):
        if progress.epoch == epoch:
            raise KeyboardInterrupt

    return listener


def test_ctrl_c_keeps_the_best_so_far():
    model, history, validation = run(vectors(60), epochs=50, listener=interrupt_at(3))
    assert (history.ended, len(history.losses)) == ("interrupted", 3)
    assert errors_of(model, validation, "mse").mean() == pytest.approx(history.best_loss, rel=1e-6)


def test_ctrl_c_before_anything_was_learned_is_passed_on(monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("models.training.errors_of", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(vectors(60), epochs=5)


def test_a_loss_that_is_not_finite_at_once_is_an_error(monkeypatch):
    monkeypatch.setattr("models.training.errors_of", lambda *_: np.array([np.nan]))
    with pytest.raises(TrainingError, match=r"not finite after the first epoch.*below 0\.002"):
        run(vectors(60), epochs=5)


def test_a_loss_that_diverges_later_ends_training_with_the_best_weights(monkeypatch):
    validation_losses = iter([3.0, 2.0, np.inf])
    monkeypatch.setattr("models.training.errors_of", lambda *_: np.array([next(validation_losses)]))
    model, history, _ = run(vectors(60), epochs=5)
    assert (history.ended, history.best_epoch, history.best_loss) == ("diverged", 2, 2.0)
    assert all(torch.isfinite(p).all() for p in model.parameters())


def test_progress_tells_losses_and_the_time_left():
    seen = []
    _, history, _ = run(vectors(60), epochs=4, listener=seen.append)
    assert [p.epoch for p in seen] == [1, 2, 3, 4]
    assert [p.loss for p in seen] == history.losses
    assert [p.validation_loss for p in seen] == history.validation_losses
    # The clock ticks once an epoch, from its reading at the start.
    assert [p.seconds_left for p in seen] == [3, 2, 1, 0]


@pytest.mark.parametrize("count", [17, 33, 65])
def test_a_last_batch_of_one_record_does_not_break_batch_norm(count):
    records = digits(count)
    spec = InputSpec.fit(records)
    x = torch.from_numpy(spec.prepare(records))
    model = build("convolutional", spec, {})
    assert fit(model, x, x[:5], TrainingSettings(epochs=1, batch_size=16)).best_epoch == 1


def test_mae_is_trained_and_measured_when_asked_for():
    model, history, validation = run(vectors(80), epochs=2, error_metric="mae")
    with torch.inference_mode():
        expected = (model(validation) - validation).abs().mean()
    assert history.best_loss == pytest.approx(float(expected), rel=1e-5)


def test_the_learning_rate_rises_linearly_and_falls_along_a_cosine():
    factors = [learning_rate_factor(step, 100, 10) for step in range(100)]
    assert factors[:10] == pytest.approx(np.arange(1, 11) / 10)
    assert factors[10] == 1
    assert factors[55] == pytest.approx(0.5)
    assert factors[99] < 1e-3
    assert learning_rate_factor(0, 1, 0) == 1


def test_errors_do_not_depend_on_the_batch_size():
    model, _, x = run(digits(160), "convolutional", epochs=1)
    assert np.allclose(errors_of(model, x, "mse", 1), errors_of(model, x, "mse", 40), rtol=5e-6)
    assert errors_of(model, x[:0], "mse").size == 0
