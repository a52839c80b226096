"""Data and a model of vectors, and the command line as a user meets it."""

import numpy as np
import pytest

from models.description import Description
from models.recipe import train
from models.schema import Schema
from models.settings import TrainingSettings
from monitor.cli import main

FEATURES = ("speed", "torque", "heat", "load")


@pytest.fixture
def refused(capsys):
    """Runs a command that must fail with exit code 2, and returns its one line."""

    def run(*arguments):
        assert main([str(argument) for argument in arguments]) == 2
        captured = capsys.readouterr()
        assert captured.out == ""
        assert captured.err.count("\n") == 1, captured.err
        return captured.err.strip()

    return run


def machine(count, seed=0):
    """Four readings of a machine that depend on one hidden value."""
    generator = np.random.default_rng(seed)
    hidden = generator.uniform(0, 3, size=(count, 1))
    noise = generator.normal(scale=0.05, size=(count, 4))
    return np.hstack([hidden, 2 * hidden, np.sin(hidden), 5 - hidden]) + noise


@pytest.fixture(scope="session")
def machine_bundle(tmp_path_factory):
    """A bundle for vectors with named columns."""
    folder = tmp_path_factory.mktemp("machine") / "model"
    settings = TrainingSettings(epochs=10, device="cpu")
    train(machine(400), folder, settings, described=Description(Schema.numbers(FEATURES)))
    return folder
