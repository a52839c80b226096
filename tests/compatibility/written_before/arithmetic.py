"""Which last digits this machine's numerical libraries give.

Logarithms and matrix products may differ in the last digit between processors and versions, and
with them a memory's bytes. Machines with the same digest must agree on every byte.
"""

from __future__ import annotations

import hashlib
import math

import numpy as np
from scipy import stats


def digest() -> str:
    """Of the functions that drift detection uses, over a few thousand numbers."""
    x = np.arange(1, 4097) / 1024
    roots = np.sqrt(x)  # sums of x itself would be exact
    table = roots.reshape(64, 64)
    results = [
        *(function(x) for function in (np.log, np.log10, np.log1p, np.exp, np.sqrt)),
        *(np.array([function(v) for v in x.tolist()])
          for function in (math.log, math.log10, math.log1p, math.exp, math.expm1)),
        *(table[:rows] @ table[:, :columns] for rows in (1, 3, 17, 64) for columns in (1, 5, 64)),
        *(table[:rows] @ table[0] for rows in (1, 3, 17, 64)),
        np.array([roots[:n].sum() for n in range(0, 4096, 61)]),
        np.array([np.dot(roots[:n], roots[:n]) for n in range(0, 4096, 61)]),
        stats.norm.isf(x / 5), stats.beta.ppf(x / 5, 3, 40), stats.binom.ppf(x / 5, 500, 0.3),
        stats.binom.logsf(np.arange(500), 500, 0.3), stats.binom.logcdf(np.arange(500), 500, 0.3),
    ]  # fmt: skip
    content = b"".join(np.asarray(result, dtype=np.float64).tobytes() for result in results)
    return hashlib.sha256(content).hexdigest()[:16]
