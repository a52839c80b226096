"""A feature is changed as the words say, and nothing else is."""

from __future__ import annotations

import numpy as np
import pytest

from monitor.errors import UserError
from tests.monitor.pipeline.changes.words import PLAIN, SERIES, TABLE, changed

ROWS = np.array([[20.0, 3.0, 0, 1, 7.0], [22.0, np.nan, 1, 0, 7.0]])


@pytest.mark.parametrize(
    ("words", "column", "expected"),
    [
        ("temperature + 0.5 sd", 0, [21, 23]),
        ("temperature - 2sd", 0, [16, 18]),
        ("temperature +1.5", 0, [21.5, 23.5]),
        ("  temperature - .5e1 ", 0, [15, 17]),
        ("temperature * -2", 0, [-40, -44]),
        ("'temperature' * 0", 0, [0, 0]),
        ("temperature stuck", 0, [20, 20]),
        ("temperature stuck at -3.5", 0, [-3.5, -3.5]),
        ("temperature noise 0.0001 sd", 0, [20, 22]),
        ('"flow - in stuck" + 1 sd', 1, [3.5, np.nan]),
        ("flow - in stuck stuck", 1, [3, 3]),
        ("'flow - in stuck' missing", 1, [np.nan, np.nan]),
        ("valve stuck", 2, [0, 0]),
        ("valve stuck at shut", 2, [1, 1]),
        ("valve stuck at (other)", 2, [2, 2]),
        ("on stuck at false", 3, [0, 0]),
        ("constant + 1", 4, [8, 8]),
    ],
)
def test_words_change_their_feature_alone(words: str, column: int, expected: list[float]) -> None:
    after = changed(words, TABLE, ROWS)
    np.testing.assert_allclose(after[:, column], expected, atol=0.01)
    others = [c for c in range(ROWS.shape[1]) if c != column]
    np.testing.assert_array_equal(after[:, others], ROWS[:, others])


def test_columns_without_names_are_numbered() -> None:
    after = changed("feature 2 + 1 sd", PLAIN, np.zeros((4, 3), dtype=np.float32))
    assert after.dtype == np.float32
    assert after.tolist() == [[0, 0, 3]] * 4


def test_whole_numbers_become_numbers_with_fractions() -> None:
    assert changed("feature 0 + 0.5", PLAIN, np.zeros((1, 3), dtype=np.int64))[0, 0] == 0.5


def test_a_channel_of_series_is_changed_at_every_step() -> None:
    records = np.arange(16, dtype=np.float32).reshape(2, 4, 2)
    np.testing.assert_array_equal(
        changed("b + 0.5 sd", SERIES, records) - records, [[[0, 1]] * 4] * 2
    )


def test_a_stuck_channel_of_series_stays_at_its_last_step() -> None:
    records = np.arange(16, dtype=np.float32).reshape(2, 4, 2)
    assert (changed("a stuck", SERIES, records)[:, :, 0] == 6).all()


def test_noise_has_the_standard_deviation_that_was_asked_for() -> None:
    noise = changed("feature 1 noise 0.5 sd", PLAIN, np.zeros((20_000, 3), dtype=np.float32))[:, 1]
    assert noise.std() == pytest.approx(1.0, rel=0.05)
    assert abs(noise.mean()) < 0.05
    assert np.unique(noise).size > 10_000


def test_what_no_record_can_hold_is_refused() -> None:
    with pytest.raises(UserError, match="'temperature' larger than"):
        changed("temperature * 1e300", TABLE, ROWS)


def test_records_of_a_file_take_the_place_of_their_share() -> None:
    others = np.full((5, 3), 7.0)
    after = changed(
        "30% of odd.npy where y=1", PLAIN, np.zeros((10_000, 3), dtype=np.float32), others
    )
    assert set(np.unique(after)) == {0, 7}
    assert (after == after[:, :1]).all()
    assert (after[:, 0] == 7).mean() == pytest.approx(0.3, abs=0.03)
