"""Errors that swing over the day or the week, with the time of each."""

import numpy as np

DAY = 86_400_000
MONDAY = 1_699_833_600_000
"""2023-11-13 00:00 UTC."""


def times(n, days, first=0):
    """n moments, evenly spread over so many days from a Monday on, the first day after `first`."""
    return MONDAY + first * DAY + (np.arange(n) * days * DAY / n).astype(np.int64)


def swing(moments, amplitude):
    """The usual error at each moment: most at 06:00, least at 18:00, by this share."""
    return np.exp(np.log1p(amplitude) * np.sin(2 * np.pi * moments / DAY))


def swinging(amplitude, n=2000, days=10, seed=0, spread=0.5):
    """Lognormal errors around the swing, and their times."""
    moments = times(n, days)
    noise = np.random.default_rng(seed).standard_normal(n)
    return swing(moments, amplitude) * np.exp(spread * noise), moments
