"""Nothing by which users and their programs know this project changes unnoticed."""

from __future__ import annotations

import difflib

import pytest

from tests.public_words.shape import shape
from tests.public_words.texts import FOLDER, texts

NAMES = sorted(path.name for path in FOLDER.glob("*.txt"))


@pytest.fixture(scope="module")
def now(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return texts(tmp_path_factory.mktemp("words"))


def test_every_kind_of_word_is_kept(now: dict[str, str]) -> None:
    assert sorted(now) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_public_words_are_as_they_were(name: str, now: dict[str, str]) -> None:
    kept = (FOLDER / name).read_text(encoding="utf-8")
    changes = difflib.unified_diff(
        kept.splitlines(), now[name].splitlines(), "kept", "now", lineterm="", n=1
    )
    told = "\n".join(changes)
    assert not told, f"If this change is meant: `make words`, and a line in CHANGELOG.md.\n{told}"


def test_a_shape_tells_every_place_and_type() -> None:
    found = shape({"a": [{"b": 1}, {"b": None}], "c": []}, {"a": [], "d": 0.5})
    assert found == ["a: empty list", "a[].b: null or whole number", "c: empty list", "d: number"]
