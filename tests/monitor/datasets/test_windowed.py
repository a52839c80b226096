"""Windows over series, of tables and arrays of single steps."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from models.description import Description
from models.recipe import TrainingSettings, train
from models.windows import Window, windows_of
from monitor.datasets import fitting, learning, parts
from monitor.datasets.request import Reading
from monitor.errors import DataError

SILENT = Reading(say=lambda text: None)


def table(folder: Path, steps: int, machines: int = 3) -> tuple[Path, np.ndarray, list[str]]:
    """Steps of several machines, by turns; the second channel is 10^7 times the first."""
    rng, count = np.random.default_rng(steps), steps * machines
    time = np.repeat(np.arange(steps), machines)
    values = np.column_stack([np.sin(time / 5), 1e7 * np.cos(time / 5)])
    values = np.round(values + 0.1 * rng.normal(size=(count, 2)) * (1, 1e7), 4)
    names = [f"m{i % machines}" for i in range(count)]
    lines = [f"{name},{a:.4f},{b:.4f}" for name, (a, b) in zip(names, values, strict=True)]
    path = folder / f"steps{steps}.csv"
    path.write_text("machine,small,large\n" + "\n".join(lines) + "\n")
    return path, values, names


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory):
    folder, window = tmp_path_factory.mktemp("windowed"), Window(16, 4, "machine")
    path, _, _ = table(folder, 300)
    learned = learning.read([str(path)], SILENT, window)
    described = Description(learned.data.schema, "series", window)
    settings = TrainingSettings(epochs=2)
    return train(learned.data.records, folder / "bundle", settings, described=described)


def test_a_table_of_steps_becomes_windows_of_each_series(tmp_path: Path) -> None:
    path, values, names = table(tmp_path, 60)
    window = Window(8, 3, "machine")
    learned = learning.read([str(path)], SILENT, window)
    expected, last = windows_of(values, window, names)
    assert np.allclose(learned.data.records, expected)
    assert learned.data.schema.names == ("small", "large")
    assert learned.data.index.tolist() == last.tolist()
    assert learned.data.carried["machine"] == [names[i] for i in last]
    assert learned.account.windows == len(last)
    assert "windows      " in learned.account.text()


def test_a_model_of_windows_makes_them_of_a_file_as_training_did(bundle, tmp_path: Path) -> None:
    path, values, names = table(tmp_path, 50)
    found = parts.joined(fitting.blocks([str(path)], None, bundle.input_spec, SILENT))
    expected, last = windows_of(values, bundle.input_spec.window, names)
    assert np.allclose(found.records, expected)
    assert found.index.tolist() == last.tolist()


def test_columns_of_steps_are_taken_by_name(bundle, tmp_path: Path) -> None:
    path, values, names = table(tmp_path, 40)
    lines = [line.split(",") for line in path.read_text().split()]
    path.write_text("\n".join(f"{large},{machine},{small}" for machine, small, large in lines))
    found = parts.joined(fitting.blocks([str(path)], None, bundle.input_spec, SILENT))
    assert np.allclose(found.records, windows_of(values, bundle.input_spec.window, names)[0])


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda text: text.replace("machine", "engine"), "no column 'machine'"),
        (lambda text: "\n".join(text.split()[:30]), "no series has the 16 steps"),
        (lambda text: text.replace("small", "tiny"), "no column 'small'"),
    ],
)
def test_what_makes_no_windows_is_refused(bundle, tmp_path: Path, change, fault: str) -> None:
    path, _, _ = table(tmp_path, 40)
    path.write_text(change(path.read_text()))
    with pytest.raises(DataError, match=fault):
        list(fitting.blocks([str(path)], None, bundle.input_spec, SILENT))


def test_an_array_of_steps_is_one_series(tmp_path: Path) -> None:
    steps = np.random.default_rng(0).normal(size=(100, 3)).astype(np.float32)
    np.save(tmp_path / "steps.npy", steps)
    learned = learning.read([str(tmp_path / "steps.npy")], SILENT, Window(10, 5))
    assert np.array_equal(learned.data.records, windows_of(steps, Window(10, 5))[0])
    with pytest.raises(DataError, match="no column 'machine'"):
        learning.read([str(tmp_path / "steps.npy")], SILENT, Window(10, 5, "machine"))


def test_pictures_are_no_steps(tmp_path: Path) -> None:
    np.save(tmp_path / "pictures.npy", np.zeros((100, 8, 8), dtype=np.uint8))
    with pytest.raises(DataError, match="windows are made of vectors"):
        learning.read([str(tmp_path / "pictures.npy")], SILENT, Window(10, 5))
