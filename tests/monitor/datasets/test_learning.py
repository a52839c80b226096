"""What was understood of a file: the records, and an account of them."""

import json
from pathlib import Path

import numpy as np
import pytest

from models.schema import Feature
from monitor.datasets import Reading, learning, profile
from monitor.errors import DataError

ROWS = 60


@pytest.fixture
def table(tmp_path: Path) -> str:
    """A column of every kind."""
    random = np.random.default_rng(0).normal(size=ROWS)
    columns = {
        "n": range(ROWS), "a": random, "twice": 2 * random + 1, "kind": ["x", "y", ""] * 20,
        "ok": ["true", "false"] * 30, "same": [7] * ROWS, "class": [0, 1, 1] * 20,
        "user_id": np.random.default_rng(1).permutation(ROWS) + 5000,
    }  # fmt: skip
    lines = [",".join(columns), *(",".join(map(str, r)) for r in zip(*columns.values()))]  # noqa: B905
    (tmp_path / "t.csv").write_text("\n".join(lines) + "\n")
    return str(tmp_path / "t.csv")


def account(path: str, **said: object) -> dict[str, object]:
    found = learning.look(path, Reading(**said, say=lambda text: None)).to_json()
    json.dumps(found, allow_nan=False)
    return found


def test_every_column_is_described(table: str) -> None:
    found = account(table, missing="indicate")
    facts = {fact["name"]: fact for fact in found["facts"]}
    assert {name: fact["kind"] for name, fact in facts.items()} == {
        "n": "number", "a": "number", "twice": "number", "kind": "category", "ok": "boolean",
        "same": "number", "class": "number", "user_id": "number",
    }  # fmt: skip
    assert facts["kind"]["range"] == "2 values: x, y"
    assert facts["kind"]["missing"] == pytest.approx(1 / 3)
    assert facts["n"]["range"] == "0 to 59"
    looks = {name: fact["looks"] for name, fact in facts.items() if fact["looks"]}
    assert looks == {
        "n": ["always rising, as a time stamp or a counter"],
        "same": ["constant"],
        "class": ["looks like a label"],
        "user_id": ["looks like an id"],
    }
    assert found["pairs"] == [["a", "twice", pytest.approx(1)]]
    assert (found["records"], found["shape"]) == (ROWS, [8])


def test_records_are_numbers_in_the_order_of_the_schema(table: str) -> None:
    learned = learning.read(table, Reading(columns=("ok", "kind", "n"), missing="indicate"))
    assert learned.data.schema.features == (
        Feature("ok", "boolean"), Feature("kind", "category", ("x", "y"), True), Feature("n"),
    )  # fmt: skip
    rows = learned.data.records[:3].tolist()
    assert rows[0] == [1, 0, 0] and rows[1] == [0, 1, 1]
    assert np.isnan(rows[2][1])


def test_records_that_lack_a_value_are_skipped_and_counted(table: str) -> None:
    found = account(table, missing="skip")
    assert (found["records"], found["skipped"]) == (40, 20)


def test_what_is_left_out_is_said_with_the_reason(table: str) -> None:
    found = account(
        table, ids=("user_id",), time="n", label=("class",), drop=("same",), where="ok=true",
        missing="skip",
    )  # fmt: skip
    assert dict(found["left"]) == {
        "ok": "chooses records", "same": "dropped", "class": "label", "user_id": "id", "n": "time",
    }  # fmt: skip
    assert found["records"] == 20


def test_what_goes_along_is_kept_with_its_record(table: str) -> None:
    reading = Reading(columns=("a",), ids=("user_id",), time="n", where="class=0")
    data = learning.read(table, reading).data
    assert list(data.carried) == ["user_id", "n"]
    assert data.carried["n"] == [str(i) for i in data.index]


def test_all_columns_that_cannot_be_learned_are_named_at_once(tmp_path: Path) -> None:
    rows = [f"2026-01-01,note {i},{i}.5,x{i},\n" for i in range(30)]
    (tmp_path / "t.csv").write_text("at,note,v,tag,void\n" + "".join(rows))
    with pytest.raises(DataError) as caught:
        learning.look(str(tmp_path / "t.csv"), Reading())
    text = str(caught.value)
    assert "4 columns cannot be features as they are" in text
    for column in ("'at': dates or times: say --time at", "'note': free text", "'tag': free text",
                   "'void': no value at all"):  # fmt: skip
        assert f"column {column}" in text
    assert text.endswith("Otherwise put them right, or leave them out: --drop at note tag void")


def test_all_missing_columns_are_named_with_their_shares_at_once(tmp_path: Path) -> None:
    rows = [f"{i or ''},{i},{'' if i % 2 else i}\n" for i in range(10)]
    (tmp_path / "t.csv").write_text("a,b,c\n" + "".join(rows))
    with pytest.raises(DataError, match=r"missing in a 10.00%, c 50.00%\. .* --drop a c"):
        learning.look(str(tmp_path / "t.csv"), Reading())


@pytest.mark.parametrize("dtype", ["float32", "uint8", "bool"])
def test_arrays_are_described_too(tmp_path: Path, dtype: str) -> None:
    rows = np.random.default_rng(0).integers(0, 2, (ROWS, 3)).astype(dtype)
    rows[:, 1] = 1
    np.save(tmp_path / "x.npy", rows)
    found = account(str(tmp_path / "x.npy"))
    assert [fact["looks"] for fact in found["facts"]] == [[], ["constant"], []]
    assert (found["dtype"], found["shape"]) == (dtype, [3])


def test_a_counter_in_an_array_is_found_over_all_its_blocks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(learning, "_BLOCK", 16)
    rows = np.stack([np.arange(50.0), np.r_[np.arange(25.0), np.arange(25.0)]], axis=1)
    np.save(tmp_path / "x.npy", rows)
    rising, jumping = account(str(tmp_path / "x.npy"))["facts"]
    assert rising["looks"] == ["always rising, as a time stamp or a counter"]
    assert jumping["looks"] == []


def test_the_search_for_pairs_is_bounded(tmp_path: Path) -> None:
    column = np.random.default_rng(0).normal(size=(5000, 1))
    np.save(tmp_path / "x.npy", np.repeat(column, 700, axis=1))
    assert len(account(str(tmp_path / "x.npy"))["pairs"]) == 20
    assert profile.SAMPLE <= 2000


@pytest.mark.parametrize(
    ("shape", "scale", "asks"),
    [
        ((64, 6), 1, True), ((100, 3), 1, True), ((28, 28), 1, False), ((8, 8), 255, False),
        ((20, 20), 1e6, True), ((3, 64), 1, False),
    ],
)  # fmt: skip
def test_floats_that_may_be_series_are_asked_for(
    tmp_path: Path, shape: tuple[int, int], scale: float, asks: bool
) -> None:
    rows = np.random.default_rng(0).uniform(0.5, 1, (ROWS, *shape))
    rows[..., 0] *= scale
    np.save(tmp_path / "x.npy", rows)
    if asks:
        with pytest.raises(DataError, match="Say --layout image or --layout series"):
            learning.read(str(tmp_path / "x.npy"), Reading())
    layout = "image" if asks else None
    assert learning.read(str(tmp_path / "x.npy"), Reading(layout=layout)).data.records.ndim == 3
