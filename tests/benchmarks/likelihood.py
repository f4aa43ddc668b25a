"""log p(x) by importance sampling: genframe's metric, and the fastest batched version that we know to write by hand."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import nets
import torch
import torch.nn.functional as F
from pictures import pictures
from safetensors.torch import load_file
from torch import Tensor

Estimate = Callable[[int], float]
"""Minus log p(x) in nats, averaged over the first so many test pictures."""


def by_hand(run: Path, k: int) -> Estimate:
    """Burda et al. 2016, eq. 8. The weights are those of a run of recipes/mlp.yaml.

    A picture is encoded once and decoded k times in one batch; log p(x|z) is x . l - sum softplus(l), a quarter of
    the time of a cross-entropy for each row.
    """
    net = _loaded(max((run / "checkpoints").iterdir()))
    data = torch.from_numpy(pictures("test")).div(255)

    @torch.no_grad()
    def estimate(x: Tensor) -> float:
        mean, log_std = net.encode(x[None])
        noise = torch.randn(k, mean.shape[1])
        z = torch.addcmul(mean, log_std.exp(), noise)
        logits = net.decoder(z).flatten(1)  # (k, 784)
        log_p_x = logits @ x.flatten() - F.softplus(logits).sum(1)
        log_weights = log_p_x - 0.5 * (z.square() - noise.square()).sum(1) + log_std.sum()
        return math.log(k) - float(log_weights.logsumexp(0))

    return lambda count: sum(map(estimate, data[:count])) / count


def by_pythae(run: Path, k: int) -> Estimate:
    """pythae's `get_nll` with its default blocks of 100 samples, and without the graphs that it makes as it comes."""
    import pythae_models

    net, model = _loaded(max((run / "checkpoints").iterdir())), pythae_models.model("mlp").eval()
    model.encoder.net.load_state_dict(net.encoder.state_dict())
    model.decoder.net.load_state_dict(net.decoder.state_dict())
    # Its second half is a log-variance, genframe's a log-std.
    last = model.encoder.net[-1]
    with torch.no_grad():
        last.weight[len(last.weight) // 2 :] *= 2
        last.bias[len(last.bias) // 2 :] *= 2
    data = torch.from_numpy(pictures("test")).div(255)

    @torch.no_grad()
    def estimate(count: int) -> float:
        return -float(model.get_nll(data[:count], n_samples=k))

    return estimate


def by_genframe(run: Path, metric: str) -> Estimate:
    """`genframe evaluate`: the recipe says k and how many pictures."""
    import genframe

    model = genframe.load(run, device="cpu")

    def estimate(count: int) -> float:
        # Grey pictures: the Bernoulli law's numbers are no likelihood of them, and are called so.
        (measured,) = model.evaluate(metric, split="test")
        assert measured["protocol"]["options"]["count"] == count
        return -float(measured["figures"]["improper_log_likelihood"])

    return estimate


def _loaded(checkpoint: Path) -> nets.Vae:
    """genframe's weights in the net written by hand; of its posterior's two halves the second is log-std."""
    net = nets.mlp()
    places = {"encoder.1": "encoder/net.0", "encoder.3": "posterior/linear"}
    places |= {"decoder.0": "decoder/net.0", "decoder.2": "decoder/last"}
    state: dict[str, Tensor] = {}
    for ours, theirs in places.items():
        component, layer = theirs.split("/")
        tensors = load_file(checkpoint / f"{component}.safetensors")
        state |= {f"{ours}.{key}": tensors[f"{layer}.{key}"] for key in ("weight", "bias")}
    net.load_state_dict(state)
    return net
