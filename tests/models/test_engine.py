"""Engines: the errors of the plain network, whatever the memory, the passes and the device."""

import threading
import warnings

import numpy as np
import pytest
import torch

from models.architectures import ARCHITECTURES, SOLVED, build
from models.device_engine import DeviceEngine
from models.engine import CpuEngine
from models.engines import engine_for
from models.error_metrics import ERROR_METRICS, element_errors, misfit
from models.errors import ShapeError
from models.network import Network
from models.precision import BFLOAT16, FLOAT32, TIE_TOLERANCES
from models.reference import TIE_TOLERANCE
from models.solved import Scoring, Solved
from tests.models.builders import SHAPES, spec_of

CASES = [(name, shape) for name in sorted(ARCHITECTURES) for shape in SHAPES[name]]
ENGINES = [CpuEngine, DeviceEngine]


def model_of(name, shape, metric="mse"):
    torch.manual_seed(0)
    spec = spec_of(shape)
    model = build(name, spec, {})
    for module in model.modules():  # as after training: statistics of its own
        if isinstance(module, (torch.nn.BatchNorm1d, torch.nn.BatchNorm2d)):
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2)
    if isinstance(model, Solved):
        # A linear one must have seen every direction: what it knows nothing of, it magnifies.
        count = 2 * int(np.prod(shape)) if name == "linear" else 90
        model.solve(torch.from_numpy(spec.prepare(records_of(spec, max(90, count)))), 0.1, seed=0)
    return model.eval(), spec


def records_of(spec, count=50):
    rng = np.random.default_rng(1)
    if spec.is_image:
        return rng.integers(0, 256, (count, *spec.record_shape), dtype=np.uint8)
    return rng.normal(size=(count, *spec.record_shape))


@torch.inference_mode()
def plain(model, spec, records, metric="mse"):
    """The errors as one would write them down, in float64."""
    x = torch.from_numpy(spec.prepare(records))
    if isinstance(model, Scoring):
        return model.errors(x).double().numpy()
    return element_errors(x.double(), model(x).double(), metric).flatten(1).mean(1).numpy()


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(("name", "shape"), CASES, ids=str)
def test_errors_are_those_of_the_plain_network(name, shape, engine):
    model, spec = model_of(name, shape)
    records = records_of(spec)
    for metric in (each for each in ERROR_METRICS if not misfit(each, spec.is_image)):
        errors = engine(model, spec, metric, micro_batch=16).errors(records)
        assert errors.dtype == np.float64
        tolerance = 3e-5 if name in SOLVED else 3e-6
        np.testing.assert_allclose(
            errors, plain(model, spec, records, metric), rtol=tolerance, atol=tolerance
        )


@pytest.mark.parametrize("precision", [FLOAT32, BFLOAT16])
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("name", "shape"), [case for case in CASES if case[0] not in SOLVED][::4], ids=str
)
def test_an_error_does_not_depend_on_the_batch_beyond_the_tolerance(name, shape, engine, precision):
    model, spec = model_of(name, shape)
    records = records_of(spec)
    one = engine(model, spec, "mse", precision, 1)
    whole = engine(model, spec, "mse", precision, len(records)).errors(records)
    tolerance = 3e-6 if precision == FLOAT32 else TIE_TOLERANCES[precision]
    np.testing.assert_allclose(one.errors(records), whole, rtol=tolerance)
    for size in (7, 32):
        parts = [one.errors(records[i : i + size]) for i in range(0, len(records), size)]
        np.testing.assert_allclose(np.concatenate(parts), whole, rtol=tolerance)


def test_bfloat16_differs_by_a_little():
    model, spec = model_of("dense", (784,))
    records = records_of(spec)
    errors = CpuEngine(model, spec, "mse", BFLOAT16, 50).errors(records)
    off = np.abs(errors / plain(model, spec, records) - 1)
    assert TIE_TOLERANCE < off.max() < 0.05


@pytest.mark.parametrize("engine", ENGINES)
def test_the_sizes_of_batches_may_come_in_any_order(engine):
    model, spec = model_of("dense", (17,))
    made = engine(model, spec, "mse", micro_batch=64)
    for size in (3, 64, 1, 40, 130, 64, 3, *range(2, 20), 64):
        records = records_of(spec, size)
        np.testing.assert_allclose(made.errors(records), plain(model, spec, records), rtol=3e-6)
    assert made.errors(records_of(spec, 0)).shape == (0,)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("dtype", ["u1", ">i2", "<f4", ">f8", "bool", "i8"])
def test_records_of_every_type_and_order_of_bytes_score_alike(engine, dtype):
    model, spec = model_of("convolutional", (3, 32, 32))
    records = np.random.default_rng(0).integers(0, 2, (9, 3, 32, 32)).astype(dtype)
    records.flags.writeable = False
    made = engine(model, spec, "mse", micro_batch=4)
    np.testing.assert_array_equal(made.errors(records), made.errors(records.astype(np.uint8)))


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("precision", [FLOAT32, BFLOAT16])
def test_values_beyond_the_limit_are_clipped_and_nothing_warns(engine, precision):
    model, spec = model_of("dense", (17,))
    records = records_of(spec, 8)
    far = records.copy()
    far[3, 5], far[4, 0] = 1e300, -np.inf
    clipped = far.clip(-1e9, 1e9)
    made = engine(model, spec, "mse", precision, 4)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        errors = made.errors(far)
    assert np.isfinite(errors).all()
    np.testing.assert_array_equal(errors, made.errors(clipped))
    near = [0, 1, 2, 5, 6, 7]
    np.testing.assert_allclose(
        errors[near], made.errors(records)[near], rtol=TIE_TOLERANCES[precision]
    )


@pytest.mark.parametrize("engine", ENGINES)
def test_a_value_that_is_no_number_spoils_its_own_record_alone(engine):
    model, spec = model_of("dense", (17,))
    records = records_of(spec, 8)
    records[3, 5] = np.nan
    errors = engine(model, spec, "mse", micro_batch=8).errors(records)
    assert np.isnan(errors).nonzero()[0].tolist() == [3]


@pytest.mark.parametrize("engine", ENGINES)
def test_records_of_another_shape_are_refused(engine):
    model, spec = model_of("dense", (17,))
    with pytest.raises(ShapeError):
        engine(model, spec, "mse").errors(np.zeros((3, 16)))


@pytest.mark.parametrize("engine", ENGINES)
def test_threads_get_their_own_errors(engine):
    model, spec = model_of("dense", (17,))
    made = engine(model, spec, "mse", micro_batch=8)
    batches = [records_of(spec, 30) + i for i in range(4)]
    wanted = [made.errors(batch) for batch in batches]
    wrong = []

    def check(i):
        for _ in range(50):
            if not np.array_equal(made.errors(batches[i]), wanted[i]):
                wrong.append(i)

    threads = [threading.Thread(target=check, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_the_models_own_weights_stay_what_they_were():
    model, spec = model_of("convolutional", (1, 28, 28))
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    x = torch.rand(3, 1, 28, 28)
    with torch.inference_mode():
        made = model(x)
        for precision in (FLOAT32, BFLOAT16):
            CpuEngine(model, spec, "mse", precision, 8).errors(records_of(spec))
        assert torch.equal(model(x), made)
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, before[name]), name


class Twisted(torch.nn.Module):
    """A network with a way around, which is no chain."""

    def __init__(self, decides):
        super().__init__()
        self.layer, self.decides = torch.nn.Linear(5, 5), decides

    def forward(self, x):
        if self.decides and x.sum() > 0:
            return self.layer(x)
        return x + self.layer(x)


@pytest.mark.parametrize("decides", [False, True])
def test_a_network_that_is_no_chain_runs_as_it_is(decides):
    model = Twisted(decides).eval()
    network = Network(model)
    assert not network.is_chain
    with torch.inference_mode():
        for rows in (3, 8, 2):
            x = torch.randn(rows, 5)
            assert torch.equal(network(x), model(x))


@pytest.mark.parametrize("name", sorted(set(ARCHITECTURES) - set(SOLVED)))
def test_our_architectures_are_chains(name):
    model, _ = model_of(name, SHAPES[name][-1])
    assert Network(model).is_chain == (name != "memory")  # it uses its query twice
    convolutions = (torch.nn.Conv1d, torch.nn.Conv2d)
    convolutional = any(isinstance(module, convolutions) for module in model.modules())
    assert Network(model).is_dense == (name != "memory" and not convolutional)


def test_the_builder_takes_what_it_is_given():
    model, spec = model_of("dense", (17,))
    assert engine_for(model, spec, "mse", micro_batch=5).micro_batch == 5
    assert isinstance(engine_for(model, spec, "mse"), CpuEngine)
