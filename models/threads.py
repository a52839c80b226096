"""Threads: how many torch computes with, and that those which wait do not spin.

A layer of a small network takes some microseconds, no longer than it takes to share it among
threads. On a busy machine it is worse: each layer ends when its last thread has had its turn.
So small networks run on one thread. The rule counts multiplications and measures no time: the
number of threads decides how sums are rounded, and a training is to be repeatable.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from models.autoencoder import Autoencoder

LARGE: Final = 10_000_000
"""Multiplications for one record from which several threads are worth it. A fully connected
network for 28x28 pixels has 1.1 million, a convolutional one for 224x224x3 a hundred times that."""
_QUOTA: Final = Path("/sys/fs/cgroup/cpu.max")


def wait_quietly() -> None:
    """Let OpenMP's threads sleep while they wait, unless the environment says otherwise.

    To be called before torch is imported: OpenMP reads it once. By default a thread that has
    nothing to do asks 300,000 times first, which keeps a core from other programs.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")


def cores(quota: Path = _QUOTA) -> int:
    """Cores that this process may use: of the machine, its affinity, or its control group."""
    affinity = getattr(os, "sched_getaffinity", None)
    own = len(affinity(0)) if affinity else os.cpu_count() or 1
    try:
        allowed, period = quota.read_text(encoding="ascii").split()
        own = min(own, int(allowed) // int(period))
    except (OSError, ValueError):  # there is no limit, or it is not told this way
        pass
    return max(1, own)


def suited(model: Autoencoder, most: int) -> int:
    """1 for a small network, `most` for a large one."""
    return most if multiplications(model) >= LARGE else 1


def multiplications(model: Autoencoder) -> int:
    """Of one record: in fully connected layers and convolutions."""
    import torch
    from torch import nn

    counted = 0

    def count(layer: nn.Module, inputs: tuple[Any, ...], output: torch.Tensor) -> None:
        nonlocal counted
        weights = sum(each.numel() for each in layer.parameters() if each.ndim > 1)
        # Each weight of a convolution is used at each place of the smaller image.
        places = 1
        if output.ndim == 4:
            places = min(output.shape[2:].numel(), inputs[0].shape[2:].numel())
        counted += weights * places

    kinds = (nn.Linear, nn.Conv2d, nn.ConvTranspose2d)
    hooks = [m.register_forward_hook(count) for m in model.modules() if isinstance(m, kinds)]
    device, training = next(model.parameters()).device, model.training
    try:
        with torch.inference_mode():
            model.eval()(torch.zeros(1, *model.shape, device=device))
    finally:
        model.train(training)
        for hook in hooks:
            hook.remove()
    return counted


def use(threads: int | None, model: Autoencoder, most: int) -> int:
    """Let torch compute with so many threads, None for those that suit the model; say how many."""
    import torch

    chosen = threads or suited(model, most)
    torch.set_num_threads(chosen)
    return chosen


def number() -> int:
    """Threads that torch computes with."""
    import torch

    return torch.get_num_threads()


@contextmanager
def using(threads: int) -> Iterator[None]:
    """Inside, torch computes with so many threads; after it, with as many as before."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)
