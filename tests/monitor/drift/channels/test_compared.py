"""Which channels are compared with the record before, and which repeats count."""

from dataclasses import replace

import numpy as np
import pytest

from models.channel_context import ChannelContext
from monitor.drift.channels.compared import Compared
from monitor.drift.channels.last_values import LastValues
from tests.monitor.drift.channels.tables import D, channels_of, values

N = 20_000


def table(seed: int, n: int = N) -> np.ndarray:
    return values(np.random.default_rng(seed), n, lag=0.8)


def test_inputs_are_and_what_the_model_makes_of_them_is_not():
    compared = Compared.among(channels_of(table(1)))
    assert compared.of.tolist() == list(range(D))
    assert (compared.channels, compared.common.shape) == (2 * D, (D, 0))


@pytest.mark.parametrize("shape", ["constant", "switch", "count", "mostly nothing"])
def test_what_has_few_values_is_not(shape):
    shown = table(1)
    shown[:, 2] = {
        "constant": np.ones(N),
        "switch": shown[:, 2] > 1,
        "count": np.floor(np.abs(3 * shown[:, 2])),
        "mostly nothing": np.maximum(shown[:, 2], 0.1),
    }[shape]
    assert Compared.among(channels_of(shown)).of.tolist() == [0, 1, 3, 4, 5]


def test_what_is_judged_by_the_hour_is_not(hourly_context):
    channels = replace(channels_of(table(1)), context=hourly_context)
    assert Compared.among(channels).of.tolist() == [0, 2, 3, 5]


@pytest.fixture
def hourly_context() -> ChannelContext:
    class Kept:
        kept = np.array([1, 4])

    return Kept()  # of a context, nothing else matters here


def test_common_values_repeat_nothing_and_others_do():
    shown = table(1)
    shown[:, 0] = np.maximum(shown[:, 0], -1.0)  # a sixth of the records
    shown[::50, 1] = 2.5
    compared = Compared.among(channels_of(shown))
    assert compared.common[:2].tolist() == [[-1.0], [2.5]]
    assert np.isnan(compared.common[2:]).all()
    rows = np.array([[-1, 2.5, 0.5]] * 3 + [[-1.000005, 2.49, 0.5]] * 4, dtype=np.float32)
    rows = np.pad(rows, ((0, 0), (0, 2 * D - 3)))
    repeated = compared.repeated(rows, np.zeros(7, dtype=np.int64), LastValues())
    found = compared.repeats(rows, repeated, [0, 2, 5, 7])
    assert found[:, :3].tolist() == [[0, 0, 1], [0, 1, 3], [0, 2, 2]]
    assert (found[:, D:] == 0).all()


def test_what_is_held_and_comes_back_is_not_common():
    # A slow analysis in steps of a hundredth, held for five records: 3% of them are alike.
    rng = np.random.default_rng(3)
    shown = table(1, 2000)
    shown[:, 0] = np.repeat(np.round(rng.standard_normal(400), 2), 5)
    shown[:50, 0] = 0.25
    compared = Compared.among(channels_of(shown))
    assert compared.of.tolist() == list(range(D))
    assert compared.common.shape == (D, 0)
    assert np.unique(shown[:, 0], return_counts=True)[1].max() >= 50
