"""How many threads torch computes with, and that waiting ones let others run."""

import os
import subprocess
import sys

import pytest
import torch

from models import threads
from models.architectures import build
from tests.models.builders import spec_of


@pytest.mark.parametrize(
    ("name", "shape", "suited"),
    [
        ("dense", (16,), 1),
        ("dense", (784,), 1),
        ("convolutional", (1, 28, 28), 1),
        ("convolutional", (3, 224, 224), 7),
    ],
)
def test_small_networks_run_on_one_thread(name, shape, suited):
    assert threads.suited(build(name, spec_of(shape), {}), 7) == suited


def test_multiplications_are_counted_where_they_happen():
    dense = build("dense", spec_of((6,)), {"hidden": [4, 2]})
    assert threads.multiplications(dense) == 2 * (6 * 4 + 4 * 2)
    picture = build("convolutional", spec_of((1, 8, 8)), {"channels": [2], "bottleneck": 3})
    convolution = 2 * 9 * 4 * 4
    assert threads.multiplications(picture) == 2 * (convolution + 2 * 4 * 4 * 3)


def test_counting_leaves_the_model_as_it_was():
    model = build("convolutional", spec_of((1, 28, 28)), {}).train()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    threads.multiplications(model)
    assert model.training
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())


def test_the_number_of_threads_is_put_back():
    before = torch.get_num_threads()
    with threads.using(before + 1):
        assert threads.number() == before + 1
    assert threads.number() == before


@pytest.mark.parametrize(
    ("quota", "most"),
    [("max 100000\n", 10**6), ("100000 100000", 1), ("150000 100000", 1), ("5000 100000", 1)],
)
def test_cores_are_no_more_than_the_control_group_allows(tmp_path, quota, most):
    (tmp_path / "cpu.max").write_text(quota)
    assert 1 <= threads.cores(tmp_path / "cpu.max") <= most
    assert threads.cores(tmp_path / "none") >= threads.cores(tmp_path / "cpu.max")


def policy_of(given):
    """What the command leaves in the environment, in a process that has not imported torch."""
    environment = {k: v for k, v in os.environ.items() if k != "OMP_WAIT_POLICY"} | given
    script = (
        "import os, sys; from monitor.cli import main; "
        "\ntry: main(['--version'])\nexcept SystemExit: pass\n"
        "main(['check-bundle', 'nowhere'])\n"
        "print(os.environ['OMP_WAIT_POLICY'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout.splitlines()[-1]


def test_waiting_threads_sleep_unless_the_environment_says_otherwise():
    assert policy_of({}) == "passive"
    assert policy_of({"OMP_WAIT_POLICY": "active"}) == "active"


def test_torch_is_not_imported_before_the_policy_is_set():
    script = "import sys, monitor.cli; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
