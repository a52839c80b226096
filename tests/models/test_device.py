import pytest
import torch

from models.device import resolve
from models.errors import UserError


def test_auto_takes_what_is_there():
    assert resolve("auto").type == ("cuda" if torch.cuda.is_available() else "cpu")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a cuda device here")
@pytest.mark.parametrize("name", ["cuda", "cuda:1"])
def test_cuda_without_a_device_is_the_users_mistake(name):
    with pytest.raises(UserError, match="Use auto or cpu"):
        resolve(name)


def test_cpu_is_always_there():
    assert resolve("cpu") == torch.device("cpu")


@pytest.mark.parametrize("name", ["", "gpu", "cpu:1", "cuda:x", "auto:0", "meta"])
def test_an_unknown_device_is_the_users_mistake(name):
    with pytest.raises(UserError, match="must be auto, cpu, cuda"):
        resolve(name)
