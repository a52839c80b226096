"""A GPU scores as the CPU does, whatever the batches."""

import numpy as np
import pytest
import torch

from models.architectures import ARCHITECTURES, SOLVED
from models.bundle import load
from models.device_engine import DeviceEngine
from models.precision import BFLOAT16
from models.recipe import train
from models.settings import TrainingSettings
from monitor.pipeline.scorer import Scorer
from tests.data import digit_images

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no cuda device")

LARGE = np.repeat(np.repeat(digit_images(), 3, axis=1), 3, axis=2)
"""24 x 24 pixels: convolutions of 8 x 8 are too small to be done in lower precision."""


@pytest.fixture(scope="module", params=sorted(set(ARCHITECTURES) - {"temporal"}))
def scorers(request, tmp_path_factory):
    """Of every architecture that takes pictures."""
    folder = tmp_path_factory.mktemp("large") / "model"
    trained = {} if request.param in SOLVED else {"epochs": 6}
    settings = TrainingSettings(device="cpu", architecture=request.param, **trained)
    train(LARGE[:1200], folder, settings)
    return [Scorer(load(folder), device) for device in ("cpu", "cuda")]


def test_a_gpu_scores_as_the_cpu_does(scorers):
    cpu, cuda = (scorer.score(LARGE) for scorer in scorers)
    np.testing.assert_allclose(cuda.reconstruction_error, cpu.reconstruction_error, rtol=1e-5)
    np.testing.assert_array_equal(cuda.anomalous, cpu.anomalous)


@pytest.mark.parametrize("rows", [7, 64, 100])
def test_scores_of_a_gpu_do_not_depend_on_how_rows_are_batched(scorers, rows):
    cuda = scorers[1]
    parts = [cuda.score(LARGE[i : i + rows]) for i in range(0, len(LARGE), rows)]
    np.testing.assert_allclose(
        np.concatenate([part.reconstruction_error for part in parts]),
        cuda.score(LARGE).reconstruction_error,
        rtol=1e-5,
    )


def test_a_gpu_holds_one_part_of_a_long_array_at_a_time(scorers):
    cuda = scorers[1]
    cuda.score(LARGE[:512])
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    cuda.score(np.resize(LARGE, (100_000, *LARGE.shape[1:])))
    assert torch.cuda.max_memory_allocated() - before < 600e6


@pytest.mark.parametrize("rows", [1, 31, 33, 500, 5000, 20_000])
def test_graphs_and_lanes_give_what_plain_passes_give(scorers, rows):
    bundle = scorers[1].bundle
    records = np.resize(LARGE, (rows, *LARGE.shape[1:]))
    engines = [
        DeviceEngine(bundle.model, bundle.input_spec, bundle.error_metric, micro_batch=4096,
                     graphs=graphs)
        for graphs in (True, False)
    ]  # fmt: skip
    for _ in range(3):  # a graph is recorded in the first call, and run again in the others
        with_graphs, plain = (engine.errors(records) for engine in engines)
        np.testing.assert_allclose(with_graphs, plain, rtol=1e-5)


def test_types_of_records_may_take_turns(scorers):
    cuda = scorers[1]
    wanted = cuda.score(LARGE[:100]).reconstruction_error
    for dtype in (np.float32, np.uint8, np.int16, np.float64, np.uint8):
        found = cuda.score(LARGE[:100].astype(dtype)).reconstruction_error
        np.testing.assert_allclose(found, wanted, rtol=1e-5)


def test_bfloat16_on_a_gpu_is_near_float32(scorers):
    bundle = scorers[1].bundle
    reduced = DeviceEngine(bundle.model, bundle.input_spec, bundle.error_metric, BFLOAT16, 256)
    wanted = scorers[1].score(LARGE).reconstruction_error
    np.testing.assert_allclose(reduced.errors(LARGE), wanted, rtol=0.1)
