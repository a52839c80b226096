"""Solving: the weights of a `Solved` model, and which records it left out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray

from models.input_spec import InputSpec
from models.reconstruction import SURPRISAL, errors_of
from models.scaling import clip_outliers
from models.settings import TrainingSettings
from models.solved import Solved
from models.training import SOLVED, History

MOST: Final = 0.5
"""Share of the records that may be left out."""
LISTED: Final = 1000
"""Records left out that the bundle names."""


@dataclass(frozen=True, eq=False)
class LeftOut:
    """Records on which the weights do not rest.

    rows: of the records, int64, the largest error first. errors: float64, of each. share: of the
    records to learn from that were to be left out.
    """

    rows: NDArray[np.int64]
    errors: NDArray[np.float64]
    share: float

    def to_json(self) -> dict[str, Any]:
        """Plain values for JSON; of the rows the LISTED strangest."""
        return {
            "share": self.share,
            "count": len(self.rows),
            "rows": self.rows[:LISTED].tolist(),
            "errors": self.errors[:LISTED].tolist(),
        }


def solve(
    model: Solved,
    spec: InputSpec,
    records: NDArray[Any],
    rows: NDArray[np.int64],
    settings: TrainingSettings,
) -> tuple[History, LeftOut]:
    """Solve the model for these rows of the records, on its device, and leave it ready for service.

    The architecture says how many are left out; twice settings.contamination, if that is more,
    since the strangest are not all anomalies; none, if that is 0.
    """
    share = model.share
    if settings.contamination is not None:
        share = min(MOST, max(share, 2 * settings.contamination)) if settings.contamination else 0.0
    place = next(model.parameters()).device
    prepared = torch.from_numpy(clip_outliers(spec.prepare(records[rows]))).to(place)
    with torch.no_grad():
        kept = model.solve(prepared, share, settings.seed).cpu().numpy()
    model.eval()
    errors = errors_of(model, prepared, SURPRISAL)
    out = np.flatnonzero(~kept)
    strangest = out[np.argsort(-errors[out], kind="stable")]
    mean = float(errors.mean())
    history = History(losses=[mean], validation_losses=[mean], best_epoch=1, ended=SOLVED)
    return history, LeftOut(rows[strangest], errors[strangest], share)
