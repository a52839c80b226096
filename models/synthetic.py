"""Synthetic anomalies: normal records, spoilt in ways that a useful model notices.

Nobody has labels before the first fault. Models are compared on these instead: normal records that
they have not seen, against others of which each is spoilt a little or a lot. What finds these is
not sure to find yours; what does not find these is unlikely to.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from models import synthetic_pictures, synthetic_series, synthetic_vectors
from models.input_spec import InputSpec

Spoilt = dict[str, NDArray[np.float32]]
"""Prepared records (m, *shape) by the name of what was done to them."""


def anomalies(spec: InputSpec, records: NDArray[Any], seed: int) -> Spoilt:
    """Each record spoilt in each way that suits it: the same order in all kinds.

    records: (m, *record_shape), normal, m >= 2. Repeatable for the same seed. Kinds that change
    nothing, such as shuffling a single feature, are left out; at least one is left.
    """
    rng = np.random.default_rng(seed)
    if spec.layout == "vector":
        made = synthetic_vectors.spoilt(spec, records, rng)
        return {kind: spec.prepare(each) for kind, each in made.items()}
    prepared = spec.prepare(records)
    if spec.layout == "series":
        return synthetic_series.spoilt(prepared, rng)
    return synthetic_pictures.spoilt(prepared, rng)
