import pytest

from models.errors import TrainingError
from models.settings import TrainingSettings
from models.splits import split


@pytest.mark.parametrize(
    "settings",
    [
        {"epochs": 0},
        {"batch_size": 1},
        {"patience": 0},
        {"seed": -1},
        {"learning_rate": 0.0},
        {"learning_rate": float("nan")},
        {"weight_decay": -0.1},
        {"warmup_fraction": 1.0},
        {"validation_fraction": 0.0},
        {"calibration_fraction": 1.0},
        {"validation_fraction": 0.5, "calibration_fraction": 0.5},
        {"quantile": 1.0},
        {"error_metric": "cosine"},
        {"augment": ("flip", "blur")},
    ],
    ids=str,
)
def test_a_value_out_of_range_is_named(settings):
    with pytest.raises(TrainingError, match=next(iter(settings))):
        TrainingSettings(**settings)


@pytest.mark.parametrize(
    ("records", "batch_size", "epochs"), [(25, 8, 500), (3000, 60, 80), (60_000, 128, 20)]
)
def test_batch_size_and_epochs_suit_the_number_of_records(records, batch_size, epochs):
    completed = TrainingSettings().completed(records)
    assert (completed.batch_size, completed.epochs) == (batch_size, epochs)


def test_what_the_user_chose_stays():
    chosen = TrainingSettings(epochs=3, batch_size=7, patience=2)
    assert chosen.completed(1000) == chosen


@pytest.mark.parametrize("records", [50, 51, 100, 1797])
def test_a_split_uses_every_record_once_and_repeats(records):
    parts = split(records, TrainingSettings())
    together = [*parts.training, *parts.validation, *parts.calibration]
    assert sorted(together) == list(range(records))
    again = split(records, TrainingSettings())
    assert all(
        (a == b).all() for a, b in zip(vars(parts).values(), vars(again).values(), strict=True)
    )
    other = split(records, TrainingSettings(seed=1))
    assert list(other.calibration) != list(parts.calibration)


@pytest.mark.parametrize(("records", "sizes"), [(50, (25, 5, 20)), (1000, (700, 100, 200))])
def test_small_sets_still_calibrate(records, sizes):
    parts = split(records, TrainingSettings())
    assert tuple(map(len, vars(parts).values())) == sizes


def test_fewer_than_fifty_records_are_too_few():
    with pytest.raises(TrainingError, match="at least 50 records, got 49"):
        split(49, TrainingSettings())


def test_fractions_that_leave_too_little_to_train_on_are_refused():
    with pytest.raises(TrainingError, match="leave 9 to train on"):
        split(50, TrainingSettings(calibration_fraction=0.72, validation_fraction=0.05))
