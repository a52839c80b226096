"""Words that name no change are refused, with what is possible."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from models.input_spec import InputSpec
from monitor.errors import UserError
from monitor.pipeline.changes.grammar import parse
from tests.monitor.pipeline.changes.words import GREY, PLAIN, SERIES, TABLE, change_of

REFUSED: list[tuple[InputSpec, str, str]] = [
    (TABLE, "temperature", "Possible are: FEATURE + X sd"),
    (TABLE, "", "Possible are: FEATURE + X sd"),
    (TABLE, "temperature + 1 mile", "Possible are"),
    (TABLE, "temperature + -1", "no feature 'temperature +'. Did you mean 'temperature'?"),
    (TABLE, "temperature + nan", "Possible are"),
    (TABLE, "temperature+1", "Possible are"),
    (TABLE, "temprature + 1 sd", "no feature 'temprature'. Did you mean 'temperature'? It has"),
    (TABLE, "Temperature stuck", "Did you mean 'temperature'?"),
    (TABLE, "xyz stuck", "no feature 'xyz'. It has temperature, flow - in stuck, valve"),
    (TABLE, "temperature + 1e999", "too large for a number"),
    (TABLE, "temperature + 0 sd", "this changes nothing"),
    (TABLE, "temperature * 1.0", "this changes nothing"),
    (TABLE, "temperature missing", "never missing"),
    (TABLE, "constant + 1 sd", "did not vary in the training records"),
    (TABLE, "valve + 1", "'valve' is a category, not a number"),
    (TABLE, "on noise 1 sd", "'on' is a boolean, not a number"),
    (TABLE, "valve stuck at ajar", "it has open, shut, (other)"),
    (TABLE, "on stuck at maybe", "it is true or false"),
    (TABLE, "temperature stuck at inf", "it is a number"),
    (TABLE, "0% of odd.csv", "above 0% and at most 100%"),
    (TABLE, "101% of odd.csv", "above 0% and at most 100%"),
    (TABLE, "x" * 1001, "longer than 1000 characters"),
    (PLAIN, "brightness + 10%", "Possible are: FEATURE"),
    (PLAIN, "feature 3 + 1", "It has feature 0, feature 1, feature 2"),
    (SERIES, "a missing", "never missing"),
    (GREY, "feature 0 + 1", "Possible for pictures are: brightness + X%"),
    (GREY, "brightness + 0%", "this changes nothing"),
    (GREY, "contrast * -1", "Possible for pictures"),
    (GREY, "blur 9", "leaves nothing"),
    (GREY, "shift 0 0", "this changes nothing"),
    (GREY, "shift 8 0", "the pictures are 8x6"),
    (GREY, "dead patch 8x7", "the pictures are 8x6"),
]


@pytest.mark.parametrize(("spec", "words", "said"), REFUSED, ids=[each[1][:30] for each in REFUSED])
def test_words_that_name_no_change_are_refused(spec: InputSpec, words: str, said: str) -> None:
    with pytest.raises(UserError) as caught:
        change_of(words, spec)
    assert said in str(caught.value)
    assert str(caught.value).startswith('--change "')
    assert "\n" not in str(caught.value)


def test_a_change_knows_the_columns_that_channels_may_name() -> None:
    assert change_of("valve stuck", TABLE).names == {"valve=open", "valve=shut", "valve=(other)"}
    assert change_of("feature 1 + 1", PLAIN).names == {"feature 1"}
    assert not change_of("blur 1", GREY).names


@pytest.mark.parametrize(
    ("words", "asked"),
    [
        ("10% of odd.npz:x where y=3", ("odd.npz:x", "y=3")),
        ("2.5 % of 'a where b.csv'", ("a where b.csv", None)),
    ],
)
def test_a_share_names_a_file_and_which_records(words: str, asked: tuple[str, str | None]) -> None:
    seen = list[tuple[str, str | None]]()

    def read(path: str, where: str | None) -> NDArray[Any]:
        seen.append((path, where))
        return np.zeros((1, 3))

    assert parse(words, PLAIN, read).text == words
    assert seen == [asked]
