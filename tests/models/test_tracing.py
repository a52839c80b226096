"""A model is looked at while others compute."""

import threading
from collections.abc import Callable

import pytest
import torch
from torch import nn

from models.architectures import build
from models.network import Network
from models.tracing import graph_of
from tests.models.builders import spec_of

CALL, GET = nn.Module.__call__, nn.Module.__getattr__


def beside(work: Callable[[], object], times: int = 200) -> list[Exception]:
    """What another thread's work raises while this one looks at models."""
    looked_at = build("convolutional", spec_of((1, 8, 8)), {}).eval()
    stop, raised = threading.Event(), list[Exception]()

    def run() -> None:
        while not stop.is_set() and not raised:
            try:
                work()
            except Exception as error:  # noqa: BLE001  (whatever it is)
                raised.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    for _ in range(times):
        graph_of(looked_at)
    stop.set()
    thread.join()
    return raised


@pytest.mark.parametrize("name", ["dense", "convolutional", "ladder", "edges"])
def test_other_threads_go_on_computing(name: str) -> None:
    spec = spec_of((1, 8, 8) if name in ("convolutional", "edges") else (6,))
    model = build(name, spec, {}).eval()
    x = torch.rand(3, *spec.shape)
    with torch.inference_mode():
        usual = model(x)
    odd = list[float]()

    @torch.inference_mode()
    def compute() -> None:
        odd.extend((model(x) - usual).abs().flatten().tolist())

    assert beside(compute) == []
    assert odd
    assert max(odd) < 1e-5 or torch.isnan(usual).all()


def test_two_that_look_leave_nothing_behind() -> None:
    model = build("dense", spec_of((6,)), {}).eval()
    assert beside(lambda: graph_of(model)) == []
    assert nn.Module.__call__ is CALL
    assert nn.Module.__getattr__ is GET


def test_what_is_written_down_is_the_chain() -> None:
    model = build("dense", spec_of((6,)), {}).eval()
    assert Network(model).is_chain
    assert next(iter(graph_of(model).nodes)).op == "placeholder"
