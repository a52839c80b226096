"""What each architecture is trained on, computed once more from its parts."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.autograd.functional import vjp
from torch.distributions import Bernoulli, Normal, kl_divergence

from models.autoencoder import Autoencoder, Distance
from models.convolutional_variational import ConvolutionalVariational
from models.dense import Dense
from models.memory_augmented import MemoryAugmented
from models.reconstruction_probability import LEAST, ReconstructionProbability
from models.variational import Variational
from tests.asked import Asked


def mean_squared(x: Tensor, reconstruction: Tensor) -> Tensor:
    """The default distance."""
    return (reconstruction - x).square().mean()


def plain(model: Autoencoder, x: Tensor, distance: Distance) -> Tensor:
    """The reconstruction error and nothing else."""
    return distance(x, model.decode(model.encode(x)))


def bound(model: Autoencoder, x: Tensor, distance: Distance) -> Tensor:
    """The error of reconstructions from drawn codes, and beta times the divergence, per value."""
    assert isinstance(model, Variational | ConvolutionalVariational)
    mean, log_variance = model.distribution(x)
    noise = torch.randn_like(mean)
    error = distance(x, model.decode(mean + (log_variance / 2).exp() * noise))
    gathered = (mean.square() + log_variance.exp() - log_variance - 1).sum(1) / 2
    return error + model.settings["beta"] * gathered.mean() / x[0].numel()


def density(model: Autoencoder, x: Tensor, distance: Distance) -> Tensor:
    """Minus the log density of records where drawn codes say, over the highest, and the divergence
    of codes; per value.
    """
    assert isinstance(model, ReconstructionProbability)
    mean, log_variance = model.distribution(x)
    posterior = Normal(mean, (log_variance / 2).exp())
    made = model.probable(mean + posterior.scale * torch.randn_like(mean))
    highest = -math.log(math.sqrt(2 * math.pi) * math.exp(LEAST / 2))
    found = highest - Normal(made[0], (made[1] / 2).exp()).log_prob(x.flatten(1))
    prior = Normal(torch.zeros_like(mean), torch.ones_like(mean))
    gathered = kl_divergence(posterior, prior).sum(1)
    return found.mean() + model.settings["beta"] * gathered.mean() / x[0].numel()


def of_a_copy(model: Autoencoder, x: Tensor, distance: Distance) -> Tensor:
    """The distance from the reconstruction of a copy with values of other records."""
    flat = x.flatten(1)
    rows = torch.randint(len(flat), flat.shape)
    replaced = torch.rand(flat.shape) < model.settings["corruption"]
    columns = torch.arange(flat.shape[1]).expand_as(flat)
    return distance(x, model(torch.where(replaced, flat[rows, columns], flat).reshape(x.shape)))


def with_activity(model: Autoencoder, x: Tensor, distance: Distance) -> Tensor:
    """The error, and the divergence of each code value's mean activity from the wanted one."""
    code = model.encode(x)
    active = Bernoulli(code.abs().mean(0).clamp(1e-6, 1 - 1e-6))
    wanted = Bernoulli(torch.full_like(active.probs, model.settings["activity"]))
    cost = kl_divergence(wanted, active).mean()
    return distance(x, model.decode(code)) + model.settings["weight"] * cost


def with_slope(model: Autoencoder, x: Tensor, distance: Distance) -> Tensor:
    """The error, and a random direction times the Jacobian, record by record."""
    code = model.encode(x)
    directions = torch.randn_like(code)
    squares = [
        vjp(lambda one: model.encode(one[None])[0], record, direction)[1].square().sum()
        for record, direction in zip(x, directions, strict=True)
    ]
    norm = torch.stack(squares).mean() / x[0].numel()
    return distance(x, model.decode(code)) + model.settings["weight"] * norm


def of_memory(model: Autoencoder, x: Tensor, distance: Distance) -> Tensor:
    """The error, and the entropy of the weights of the remembered codes."""
    assert isinstance(model, MemoryAugmented)
    query = Dense.encode(model, x)
    alike = torch.cosine_similarity(query[:, None], model.memory[None], dim=2).softmax(1)
    kept = (alike - 1 / len(model.memory)).clamp(min=0)
    weights = kept / kept.sum(1, keepdim=True)
    entropy = torch.special.entr(weights).sum(1).mean()
    return distance(x, model.decode(weights @ model.memory)) + model.entropy * entropy


LOSSES: Asked[Callable[[Autoencoder, Tensor, Distance], Tensor]] = Asked(
    "tests/models/losses.py: add what architecture {} is trained on to LOSSES",
    {
        "ladder": plain,
        "linear": plain,
        "edges": plain,
        "patches": plain,
        "dense": plain,
        "convolutional": plain,
        "temporal": plain,
        "variational": bound,
        "convolutional-variational": bound,
        "reconstruction-probability": density,
        "denoising": of_a_copy,
        "sparse": with_activity,
        "contractive": with_slope,
        "memory": of_memory,
    },
)
