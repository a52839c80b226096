"""The errors that `simulate` replays."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from models.bundle import Bundle


def errors_to_replay(path: str | None, bundle: Bundle) -> NDArray[np.float64]:
    """Those of a file, or of the calibration; raises UserError if they are none."""
    import numpy as np

    from monitor import datasets
    from monitor.datasets import arrays
    from monitor.errors import UserError

    if path is None:
        reference = bundle.judged
        return reference.errors if reference.in_order is None else reference.in_order
    if bundle.context is not None:
        raise UserError(
            f"--errors {path}: this model judges errors by the hour or a column of their records,"
            " which a file of errors does not tell. Leave it out (the calibration errors are"
            " replayed), or replay records: aead-monitor replay"
        )
    if ".csv" in path or ".parquet" in path:
        column = datasets.Reading(columns=("reconstruction_error",))
        try:
            values = datasets.load(path, None, column).records[:, 0]
        except UserError as error:
            raise UserError(f"{error}. The column is written by `score`.") from None
    else:
        file, _, key = path.partition(".npz:")
        values = arrays.read(Path(f"{file}.npz" if key else path), key or None)
    errors = np.asarray(values, dtype=np.float64).ravel()
    if not errors.size or not np.all((errors >= 0) & (errors < np.inf)):
        raise UserError(f"{path}: errors must be finite numbers, at least 0.")
    return errors
