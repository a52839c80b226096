"""A context by a column: cells, what is learned of them, the bundle, and what is refused."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models import bundle
from models.bundle_files import CONTEXT, MANIFEST
from models.channel_context_fit import fit_channels
from models.channel_sample import sampled
from models.context import places
from models.context_axes import Places
from models.context_column import CELLS, ContextColumn
from models.context_column_shapes import shapes_of
from models.context_fit import fit_context
from models.description import Description
from models.errors import CalibrationError, TrainingError
from models.input_spec import InputSpec
from models.recipe import train
from models.schema import Feature, Schema
from models.settings import TrainingSettings
from tests.models.bundles import edit_tensors, refusal, reseal

N = 4000
PLAIN = TrainingSettings("linear", calibration_fraction=0.5)
NAMES = ("load", "flow", "noise")


def column(values, kind="number", categories=(), missing=False):
    """Of one feature with these calibration values."""
    schema = Schema((Feature("load", kind, categories, missing),))
    records = np.asarray(values, dtype=np.float64)[:, None]
    return ContextColumn.learned("load", InputSpec.fit(records, schema), records)


def loads(seed=0, n=N):
    """A load that wanders slowly."""
    rng = np.random.default_rng(seed)
    return np.exp(0.5 * np.sin(np.cumsum(rng.standard_normal(n)) / 10))


def rows(load, seed=0):
    """Records whose flow follows from the load, but for a noise that grows with it."""
    rng = np.random.default_rng(seed)
    flow = 2 * load + 0.1 * load**2 * rng.standard_normal(load.size)
    return np.column_stack([load, flow, rng.standard_normal(load.size)])


def trained(out, records=None, context="field:load", names=NAMES):
    records = rows(loads()) if records is None else records
    described = Description(Schema.numbers(names), context=context)
    return train(records, out, PLAIN, described=described)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return trained(tmp_path_factory.mktemp("column") / "model")


def test_cells_of_a_number_are_narrow_where_records_are_and_where_they_are_few():
    values = np.random.default_rng(0).standard_normal(20_000)
    known = column(values)
    assert not known.few
    assert known.size < CELLS
    counts = np.bincount(known.cells(values), minlength=known.size)
    assert counts.max() < 1.2 * 2 * values.size / CELLS
    assert np.diff(known.values).max() < 1.01 * 2 * np.ptp(values) / CELLS
    assert known.cells(np.array([-1e9, 1e9])).tolist() == [0, known.size - 1]


def test_many_records_of_one_value_share_a_cell():
    known = column(np.concatenate([np.zeros(3000), np.linspace(1, 2, 1000)]))
    assert len(set(known.cells(np.zeros(5)).tolist())) == 1
    assert 2 <= known.size < CELLS


def test_few_values_have_a_cell_each_and_others_none():
    known = column([3.0, 1.5, 0.1] * 100)
    assert known.cells(np.array([0.1, 1.5, 3.0, 2.0, 0.0])).tolist() == [0, 1, 2, -1, -1]
    # Payloads may be float32 where the training file was float64.
    assert known.cells(np.array([0.1], dtype=np.float32).astype(np.float64)).tolist() == [0]


def test_a_category_is_named_by_its_values():
    known = column([0.0, 1.0, 2.0] * 100, "category", ("red", "blue"))
    assert [known.text(cell) for cell in range(3)] == ["load red", "load blue", "load (other)"]


@pytest.mark.parametrize("few", [True, False])
def test_missing_values_have_a_cell_where_calibration_had_some(few):
    values = np.arange(400.0) % (3 if few else 400)
    whole, holed = column(values), column([*values, np.nan], missing=True)
    assert whole.cells(np.array([np.nan])).tolist() == [-1]
    assert holed.cells(np.array([np.nan])).tolist() == [holed.size - 1]
    assert holed.text(holed.size - 1) == "missing"
    shapes = shapes_of(holed, holed.cells(np.array([*values, np.nan])))
    assert all(len(shape.functions) == holed.size for shape in shapes)


def test_what_cannot_be_is_refused():
    with pytest.raises(ValueError, match="same value in all"):
        column(np.ones(300))
    records = np.ones((300, 3))
    with pytest.raises(ValueError, match="no feature 'lode'; there are 'load', 'flow', 'noise'"):
        ContextColumn.learned("lode", InputSpec.fit(records, Schema.numbers(NAMES)), records)
    with pytest.raises(ValueError, match="'feature 0', 'feature 1', 'feature 2'"):
        ContextColumn.learned("load", InputSpec.fit(records), records)
    pictures = np.zeros((300, 8, 8), dtype=np.uint8)
    with pytest.raises(ValueError, match="pictures have no features"):
        ContextColumn.learned("load", InputSpec.fit(pictures), pictures)


def test_of_a_series_the_last_step_counts():
    series = np.arange(60.0).reshape(10, 3, 2)
    spec = InputSpec.fit(series, Schema.numbers(("a", "b")), None, "series")
    known = ContextColumn.learned("b", spec, series)
    assert known.of(series).tolist() == series[:, 2, 1].tolist()


@given(st.lists(st.floats(-1e30, 1e30), min_size=2, max_size=200), st.floats(allow_nan=True))
def test_every_value_has_a_cell_of_the_table_or_none(values, other):
    if len(set(values)) < 2 or not np.ptp(np.float64(values)) > 1e-9 * np.abs(values).max():
        return
    known = column(values)
    (cell,) = known.cells(np.array([other]))
    assert -1 <= cell < known.size
    assert (known.cells(np.array(values)) >= 0).all()


def test_errors_are_as_at_a_usual_value():
    load = loads()
    noise = np.exp(0.3 * np.random.default_rng(1).standard_normal(N))
    known = column(load)
    context, check = fit_context(load**2 * noise, load, "field:load", known)
    assert (context.kind, check["kind"], check["column"]["helps"]) == ("column", "column", True)
    fresh = loads(seed=5)
    adjusted = context.adjusted(fresh**2, fresh)
    assert np.log(adjusted).std() < 0.15 * np.log(fresh**2).std()
    unknown = context.in_cells(np.array([3.0]), np.array([-1]))
    assert unknown.tolist() == [3.0]


def test_a_load_that_stays_where_it_seldom_is_has_usual_errors():
    load = np.random.default_rng(0).standard_normal(20_000)
    noise = np.exp(0.1 * np.random.default_rng(1).standard_normal(20_000))
    context, _ = fit_context(np.exp(0.4 * load) * noise, load, "field:load", column(load))
    rare = np.array([-3.2, -2.8, 2.8, 3.2])
    assert context.adjusted(np.exp(0.4 * rare), rare) == pytest.approx(1, abs=0.06)


def test_a_jump_is_followed():
    load = np.random.default_rng(0).random(N)
    noise = np.exp(0.1 * np.random.default_rng(1).standard_normal(N))
    known = column(load)
    context, _ = fit_context(np.where(load > 0.5, 4.0, 1.0) * noise, load, "field:load", known)
    sides = context.adjusted(np.array([1.0, 4.0]), np.array([0.3, 0.7]))
    assert sides[0] == pytest.approx(sides[1], rel=0.05)


def test_a_column_that_explains_nothing_is_said_to_be_no_help():
    rng = np.random.default_rng(2)
    helped = []
    for _ in range(20):
        load, errors = rng.random(1000), np.exp(rng.standard_normal(1000))
        helped.append(fit_context(errors, load, "field:load", column(load))[1]["column"]["helps"])
    assert sum(helped) <= 2


def test_few_errors_are_too_few():
    load = np.random.default_rng(0).random(150)
    with pytest.raises(CalibrationError, match="a context by a column needs 200"):
        fit_context(np.ones(150), load, "field:load", column(load))


def test_channels_that_depend_on_it_are_found_and_the_column_itself_stays():
    load, rng = loads(), np.random.default_rng(0)
    values = rng.standard_normal((4, N)).astype(np.float32)
    values[0] = load
    values[2] += 3 * load
    values[3] *= load**2
    known, at = column(load), np.arange(N)
    sample, kept = sampled(load, True, (values, at), (values, at), column=known)
    found = fit_channels(sample, kept, ["load", "a", "b", "c"], known, ["load"])
    assert found.context.kept.tolist() == [2, 3]
    assert found.watchable.all()
    fresh = loads(seed=9)
    pure = np.stack([fresh, 0 * fresh, 3 * fresh, 0 * fresh], axis=1).astype(np.float32)
    made = found.context.adjusted(pure, fresh)
    assert np.array_equal(made[:, 0], pure[:, 0])
    assert made[:, 2].std() < 0.1 * pure[:, 2].std()
    assert np.array_equal(made[:, 4], pure[:, 2])


def test_a_bundle_is_read_as_it_was_written(made):
    again = bundle.load(made.path)
    assert again.version == made.version
    assert again.column.to_json() == made.column.to_json()
    assert again.channels.context.column is again.context.column is again.column
    assert not again.knows_hours
    assert json.loads((made.path / MANIFEST).read_text())["schema_version"] == 5
    fresh = rows(loads(seed=7), seed=7)
    at = again.column.of(fresh)
    errors = np.ones(N)
    assert np.array_equal(again.context.adjusted(errors, at), made.context.adjusted(errors, at))


def test_the_mean_of_the_column_over_a_window_stays_as_it_came(tmp_path):
    load = loads(n=8 * 600).reshape(600, 8)
    series = np.stack([load, 2 * load + 0.1 * rows(load.ravel())[:, 2].reshape(600, 8)], axis=2)
    described = Description(Schema.numbers(("load", "flow")), "series", context="field:load")
    settings = TrainingSettings("temporal", epochs=2, calibration_fraction=0.5)
    found = train(series, tmp_path / "model", settings, described=described)
    names = [view.name for view in found.channels.each]
    judged = {names[i] for i in found.channels.context.kept.tolist()}
    assert "flow" in judged
    assert "load" not in judged


def test_the_card_says_what_was_found_and_has_its_pictures(made):
    card = (made.path / "README.md").read_text()
    assert "the column load: errors swing by" in card
    assert "channels are judged by the column:" in card
    for name in ("context.png", "channels-by-hour.png"):
        assert (made.path / "plots" / name).read_bytes().startswith(b"\x89PNG")


def test_names_are_shown_as_text(tmp_path):
    name = "a|b<b>*\x1b[31m"
    found = trained(tmp_path / "model", names=(name, "flow", "noise"), context=f"field:{name}")
    card = (found.path / "README.md").read_text()
    assert "\x1b" not in card
    assert "<b>" not in card


def test_an_unknown_column_is_refused_before_the_work(tmp_path):
    with pytest.raises(TrainingError, match="there is no feature 'lode'"):
        trained(tmp_path / "model", context="field:lode")
    assert not (tmp_path / "model").exists()


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("feature", "lode"),
        ("few", 1),
        ("missing", None),
        ("values", [1.0]),
        ("values", [1.0, "2"]),
        ("values", [2.0, 1.0]),
        ("values", [float(i) for i in range(300)]),
        ("values", "many"),
    ],
)
def test_a_damaged_column_is_refused(made, tmp_path, key, value):
    def damage(document):
        document["context_column"][key] = value

    assert MANIFEST in refusal(edited(made, tmp_path, damage))


def test_a_table_without_its_column_is_refused(made, tmp_path):
    folder = edited(made, tmp_path, lambda document: document.pop("context_column"))
    assert "context of its channels is of another size" in refusal(folder)


def test_a_table_of_another_size_is_refused(made, tmp_path):
    folder = edited(made, tmp_path, lambda document: None)
    edit_tensors(folder, CONTEXT, lambda t: t.update(level=t["level"][:-1].clone()))
    assert CONTEXT in refusal(folder)


def edited(made, tmp_path, change):
    """A copy with another bundle.json, sealed again."""
    folder = tmp_path / "copy"
    folder.mkdir()
    for path in made.path.iterdir():
        if path.is_file():
            (folder / path.name).write_bytes(path.read_bytes())
    document = json.loads((folder / MANIFEST).read_text())
    change(document)
    (folder / MANIFEST).write_text(json.dumps(document))
    reseal(folder)
    return folder


def test_unknown_times_have_no_cell():
    assert places(np.array([-1, 0]), None)[0] == -1


@pytest.mark.parametrize("count", [3, 30, 64])
def test_a_picture_names_at_most_twelve_of_few_values(count):
    values = np.arange(600.0) % count
    drawn = Places.of(values, count, column(values))
    assert len(drawn.names) == len(drawn.ticks) <= 12
    assert drawn.names[1] == f"{drawn.ticks[1]:g}"
    assert drawn.records.tolist() == values.tolist()
