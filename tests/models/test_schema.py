import json

import numpy as np
import pytest

from models.errors import ShapeError
from models.input_spec import InputSpec
from models.schema import OTHER, Feature, Schema

NAN = np.nan
MIXED = Schema(
    (
        Feature("speed"),
        Feature("colour", "category", ("red", "blue")),
        Feature("heat", missing=True),
        Feature("open", "boolean"),
        Feature("zone", "category", ("a",), missing=True),
    )
)
ROWS = np.array([[5.0, 0, 20, 1, 0], [6.0, 1, NAN, 0, NAN], [7.0, 2, 22, 1, 1]])


def test_the_network_sees_a_column_for_each_value_and_one_for_what_is_missing():
    assert MIXED.columns == (
        "speed", "colour=red", "colour=blue", f"colour={OTHER}", "heat", "heat is missing", "open",
        "zone=a", f"zone={OTHER}", "zone is missing",
    )  # fmt: skip
    expected = [
        [5, 1, 0, 0, 20, 0, 1, 1, 0, 0],
        [6, 0, 1, 0, NAN, 1, 0, 0, 0, 1],
        [7, 0, 0, 1, 22, 0, 1, 0, 1, 0],
    ]
    assert np.array_equal(MIXED.expand(ROWS), expected, equal_nan=True)


def test_columns_of_zeros_and_ones_are_known():
    assert MIXED.binary.tolist() == [False, *[True] * 3, False, *[True] * 5]
    assert Schema((Feature("open", "boolean"), Feature("x"))).binary.tolist() == [True, False]


@pytest.mark.parametrize("code", [-1, 2, 3, 1e9])
def test_a_code_beyond_the_values_is_another_value(code):
    rows = np.array([[0.0, code, 0, 0, 0]])
    assert MIXED.expand(rows)[0, 1:4].tolist() == ([1, 0, 0] if code < 0 else [0, 0, 1])


def test_plain_records_are_not_copied():
    rows = np.zeros((3, 2), dtype=np.float32)
    assert Schema((Feature("x"), Feature("open", "boolean"))).expand(rows) is rows


@pytest.mark.parametrize("shape", [(3, 4), (3, 10), (5,), (1, 5, 1)])
def test_rows_of_another_width_are_refused(shape):
    with pytest.raises(ShapeError, match="rows of 5 features"):
        MIXED.expand(np.zeros(shape))


@pytest.mark.parametrize(
    ("feature", "number", "text"),
    [(0, 5.25, "5.25"), (1, 1, "blue"), (1, 2, OTHER), (1, 9, OTHER), (2, NAN, "missing"),
     (3, 1, "true"), (3, 0, "false")],
)  # fmt: skip
def test_values_are_told_in_words(feature, number, text):
    assert MIXED.features[feature].text(number) == text


def test_values_are_coded_as_they_are_told():
    colour = MIXED.features[1]
    assert [colour.code(value) for value in ("red", "blue", "green")] == [0, 1, 2]


@pytest.mark.parametrize(
    ("make", "fault"),
    [
        (lambda: Schema.numbers(("a", "b", "a")), "a repeat"),
        (lambda: Feature("a", "date"), "kind must be"),
        (lambda: Feature("a", "category"), "a category has values"),
        (lambda: Feature("a", "number", ("x",)), "a category has values"),
        (lambda: Feature("a", "category", ("x", "x")), "there twice"),
        (lambda: Feature("a", "category", tuple(map(str, range(5000)))), "more than"),
    ],
)
def test_what_cannot_be_a_schema_is_refused(make, fault):
    with pytest.raises(ValueError, match=fault):
        make()


def test_json_brings_it_back():
    assert Schema.from_json(json.loads(json.dumps(MIXED.to_json()))) == MIXED


@pytest.mark.parametrize(
    "change",
    [
        {"name": 1},
        {"kind": "date"},
        {"categories": "ab"},
        {"categories": [1]},
        {"missing": 1},
        {"x": 1},
    ],
    ids=str,
)
def test_crafted_json_is_refused(change):
    document = MIXED.to_json()
    document[1].update(change)
    with pytest.raises(ValueError, match=r"."):
        Schema.from_json(document)


def mixed(count, seed=0):
    rng = np.random.default_rng(seed)
    rows = np.column_stack(
        [rng.normal(5, 1, count), rng.integers(0, 2, count), rng.normal(20, 2, count),
         rng.integers(0, 2, count), np.zeros(count)]
    )  # fmt: skip
    rows[rng.random(count) < 0.2, 2] = NAN
    return rows


def test_the_spec_prepares_columns_and_a_missing_value_is_the_usual_one():
    spec = InputSpec.fit(mixed(500), MIXED)
    assert (spec.shape, spec.record_shape, spec.features) == ((10,), (5,), MIXED.names)
    prepared = spec.prepare(ROWS)
    assert np.isfinite(prepared).all()
    assert prepared[1, 4] == 0
    # What training never saw is far away, and no further than a bounded number of units.
    assert 10 < prepared[2, 3] <= 20
    assert InputSpec.from_json(json.loads(json.dumps(spec.to_json()))) == spec


def test_records_may_miss_only_where_the_schema_says_so():
    with pytest.raises(ShapeError, match="finite"):
        InputSpec.fit(np.where(np.eye(60, 2) > 0, NAN, 1.0), Schema.numbers("ab"))
