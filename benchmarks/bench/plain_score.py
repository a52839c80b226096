"""Scores a Parquet file with a bundle's network, and nothing around it: pyarrow and torch.

python -m benchmarks.bench.plain_score BUNDLE FILE
"""

from __future__ import annotations

import sys

import numpy as np
import pyarrow.parquet
import torch

from models.bundle import load

ROWS = 8192


@torch.inference_mode()
def main(bundle: str, path: str) -> None:
    """Print the mean of all errors."""
    torch.set_num_threads(1)
    loaded = load(bundle)
    spec, total, count = loaded.input_spec, 0.0, 0
    offset = torch.tensor(spec.offset, dtype=torch.float32)
    scale = torch.tensor(spec.scale, dtype=torch.float32)
    with pyarrow.parquet.ParquetFile(path, pre_buffer=False) as file:
        for batch in file.iter_batches(ROWS, columns=list(spec.features)):
            columns = [column.to_numpy() for column in batch.columns]
            x = (torch.from_numpy(np.stack(columns, axis=1)) - offset) / scale
            total += float((loaded.model(x) - x).square().mean(1).sum())
            count += len(x)
    print(total / count)


if __name__ == "__main__":
    main(*sys.argv[1:])
