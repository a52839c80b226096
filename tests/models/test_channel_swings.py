"""The picture of channels by the hour: drawn whatever their names are, and of a week, too."""

import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from models.channel_context import ChannelContext
from models.channel_swings import channel_swings
from models.context import CELLS, DAY_CELLS
from models.schema import Schema
from tests.models.swinging import times
from tests.monitor.drift.channels.tables import channels_of

N = 500
NAMES = ("$x_1^{$", "a\x1b[31m\u202e", "<b>" * 40, "level", "speed", "power")


def drawn(cells, kept, n=N):
    values = np.random.default_rng(0).standard_normal((n, 12)).astype(np.float32)
    known = channels_of(values)
    spec = replace(known.views.spec, schema=Schema.numbers(NAMES))
    flat = np.ones((cells, len(kept)), np.float32)
    usual = np.tile([0.0, 1.0], (len(kept), 1))
    context = ChannelContext(np.array(kept), flat, 0 * flat, usual)
    known = replace(known, views=replace(known.views, spec=spec), context=context)
    picture = channel_swings(known, values.astype(np.float64), times(n, 14))
    return Image.open(io.BytesIO(picture))


@pytest.mark.parametrize("cells", [CELLS, DAY_CELLS])
def test_hostile_names_are_drawn_as_text(cells):
    assert drawn(cells, [0, 1, 2]).format == "PNG"


def test_four_channels_are_drawn_at_most():
    few, many = drawn(DAY_CELLS, [0, 1, 2, 3]), drawn(DAY_CELLS, list(range(10)))
    assert few.size == many.size
    assert drawn(DAY_CELLS, [5]).size[1] < few.size[1]


def test_without_a_context_there_is_nothing_to_draw():
    known = channels_of(np.zeros((5, 12), np.float32))
    with pytest.raises(ValueError, match="no context"):
        channel_swings(known, np.zeros((5, 12)), times(5, 1))
