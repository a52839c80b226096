"""Records of another file among the normal ones."""

from __future__ import annotations

import numpy as np

from monitor.pipeline.changes.change import Begin, Records, Step


def mixed(share: float, others: Records) -> Begin:
    """Each record is, with this probability, one of the others, (m, *record_shape), drawn anew."""

    def begin(last: Records, rng: np.random.Generator) -> Step:
        def step(records: Records) -> Records:
            changed = records.astype(np.result_type(records, others))
            replaced = rng.random(len(records)) < share
            changed[replaced] = others[rng.integers(len(others), size=int(replaced.sum()))]
            return changed

        return step

    return begin
