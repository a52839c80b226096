"""A candidate is trained as the current model was, unless a file says otherwise."""

from dataclasses import replace
from pathlib import Path

import pytest

from models.architectures import ARCHITECTURES
from models.bundle import Bundle, load
from models.errors import UserError
from monitor.retrain_job.settings import quick, settings_for


@pytest.fixture(scope="module")
def current(digits_bundle: Path) -> Bundle:
    return load(digits_bundle)


def write(folder: Path, text: str) -> Path:
    path = folder / "settings.yaml"
    path.write_text(text)
    return path


def test_it_inherits_architecture_and_settings(current: Bundle) -> None:
    settings = settings_for(current, 1200, None, "cpu")
    stored = current.metadata["settings"]
    assert settings.architecture == current.architecture
    assert settings.architecture_settings == current.model.settings
    assert settings.batch_size == stored["batch_size"]
    assert settings.ordered
    assert settings.device == "cpu"


@pytest.mark.parametrize(("records", "times"), [(1200, 1), (600, 2), (4800, 0.25)])
def test_it_takes_as_many_steps_as_the_current_model(
    current: Bundle, records: int, times: float
) -> None:
    before = current.metadata["settings"]["epochs"]
    epochs = settings_for(current, records, None, "cpu").epochs
    assert epochs == pytest.approx(before * times, abs=1)


def test_a_file_changes_some_of_it(current: Bundle, tmp_path: Path) -> None:
    path = write(tmp_path, "epochs: 3\nquantile: 0.95\naugment: [shift]\n")
    settings = settings_for(current, 500, path, "cpu")
    assert (settings.epochs, settings.quantile, settings.augment) == (3, 0.95, ("shift",))
    assert settings.architecture_settings == current.model.settings


def test_another_architecture_begins_with_its_own_settings(current: Bundle, tmp_path: Path) -> None:
    other = next(name for name in ARCHITECTURES if name != current.architecture)
    settings = settings_for(current, 500, write(tmp_path, f"architecture: {other}"), "cpu")
    assert (settings.architecture, settings.architecture_settings) == (other, {})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("epoch: 3", "Did you mean epochs"),
        ("ordered: false", "no setting of training"),
        ("epochs: many", "epochs must be a whole number"),
        ("- 1", "write names and values"),
        ("a: [", "not YAML"),
        ("x: " + "y" * 70_000, "write names and values"),
        ("learning_rate: fast", "settings: "),
    ],
)
def test_a_wrong_file_is_one_line(current: Bundle, tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(UserError, match=said) as caught:
        settings_for(current, 500, write(tmp_path, text), "cpu")
    assert "\n" not in str(caught.value)


def test_a_bundle_that_does_not_know_how_it_was_trained_will_do(current: Bundle) -> None:
    settings = settings_for(replace(current, metadata={}), 500, None, "cpu")
    assert (settings.epochs, settings.architecture) == (None, current.architecture)


def test_the_first_model_is_a_quick_one(current: Bundle) -> None:
    settings = settings_for(current, 300, None, "cpu")
    assert quick(settings, 200).epochs == settings.epochs // 4
