"""The codes of a model's data, with the laws that they were drawn from: what an audit is made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.distributions import Distribution, kl_divergence

from genframe.aggregate import Aggregate, means_of
from genframe.errors import Problem, RecipeError

if TYPE_CHECKING:
    from genframe.api import Model
    from genframe.data.feed import Split

ROWS = 1000
"""Examples that are encoded at once."""

HELD_OUT = 0.1
"""The part of the training data that is left out of q(z) where the data have no other split."""

Tell = Callable[[str], None]


@dataclass
class Codes:
    """What is known of a split's codes: the laws q(z|x), one draw of each, and the parts of the bound."""

    laws: Aggregate
    prior: Distribution | Aggregate
    z: Tensor
    means: Tensor
    rate: Tensor | None
    distortion: Tensor | None

    def prior_log_prob(self, z: Tensor) -> Tensor:
        if isinstance(self.prior, Aggregate):
            return self.prior.log_prob(z)
        density: Tensor = self.prior.log_prob(z)
        return density.double()

    def prior_sample(self, n: int) -> Tensor:
        if isinstance(self.prior, Aggregate):
            drawn = self.prior.sample_each()
            return drawn[torch.randint(len(drawn), (n,), device=drawn.device)]
        return self.prior.sample((n,))


def splits(model: Model, posterior: str, prior: str, tell: Tell) -> tuple[Codes, Codes]:
    """The codes of the training data, and of data that are held out."""
    name, feed = next(iter(model.feeds.items()))
    train = encoded(model, name, feed.split("train"), posterior, prior, tell)
    other = next((s for s in ("test", "validation") if s in feed.spec.lengths), None)
    if other is not None:
        return train, encoded(model, name, feed.split(other), posterior, prior, tell)
    blocks = train.laws.blocks
    if len(blocks) < 2:
        message = "an audit needs held-out data, and there is one split of a single batch"
        raise RecipeError(Problem("GF604", message, path="data"))
    cut = max(1, round(HELD_OUT * len(blocks)))
    return _part(train, slice(None, -cut)), _part(train, slice(-cut, None))


def _part(codes: Codes, which: slice) -> Codes:
    blocks = codes.laws.blocks[which]
    sizes = [int(block.batch_shape[0]) for block in codes.laws.blocks]
    places = torch.arange(len(codes.z), device=codes.z.device).split(sizes)[which]  # type: ignore[no-untyped-call]
    rows = torch.cat(list(places))
    prior = Aggregate(codes.prior.blocks[which]) if isinstance(codes.prior, Aggregate) else codes.prior
    rate, distortion = (None if v is None else v[rows] for v in (codes.rate, codes.distortion))
    return Codes(Aggregate(blocks), prior, codes.z[rows], codes.means[rows], rate, distortion)


def encoded(model: Model, dataset: str, split: Split, posterior: str, prior: str, tell: Tell) -> Codes:
    laws, priors, z, means, rates, distortions = [], [], [], [], [], []
    plain = model.outputs.plan.wiring.plain
    wanted = [posterior, prior, *(["p_x"] if "p_x" in plain and prior == "p_z" else [])]
    for batch in split.batches(ROWS):
        named = {f"{dataset}.{key}" if dataset else key: value for key, value in batch.items()}
        values = model.outputs.wires(named, wanted)
        q, p = values[posterior], values[prior]
        for wire, law in ((posterior, q), (prior, p)):
            if not isinstance(law, Distribution):
                message = (
                    f"the wire {wire!r} is no distribution but a {type(law).__name__}: name those that are "
                )
                message += "q(z|x) and p(z) by --posterior and --prior"
                raise RecipeError(Problem("GF541", message, path=f"wires.{wire}"))
        if len(q.batch_shape) != 1 or tuple(q.event_shape) != tuple(p.event_shape):
            message = f"{posterior} is a law of {tuple(q.event_shape)} for {tuple(q.batch_shape)} examples, {prior} of "
            message += f"{tuple(p.event_shape)}: the audit compares laws of one value, of one example each"
            raise RecipeError(Problem("GF541", message, path=f"wires.{posterior}"))
        code = q.sample()
        laws.append(q)
        priors.append(p)
        z.append(code)
        means.append(means_of(q))
        rates.append(_rate(q, p, code))
        distortions.append(_distortion(values, named.get(f"{dataset}.x" if dataset else "x")))
        tell(f"codes of the {split.name} split: {sum(map(len, z)):,} of {len(split):,}")
    together: Distribution | Aggregate = Aggregate(priors) if len(priors[0].batch_shape) == 1 else priors[0]
    return Codes(
        Aggregate(laws), together, torch.cat(z), torch.cat(means), _joined(rates), _joined(distortions)
    )


def _joined(parts: Sequence[Tensor | None]) -> Tensor | None:
    found = [part for part in parts if part is not None]
    return torch.cat(found) if len(found) == len(parts) else None


def _rate(q: Distribution, p: Distribution, z: Tensor) -> Tensor | None:
    try:
        return kl_divergence(q, p).double()
    except NotImplementedError:
        pass
    try:
        sampled: Tensor = q.log_prob(z) - p.log_prob(z)
        return sampled.double()
    except NotImplementedError:
        return None


def _distortion(values: Mapping[str, Any], x: Any) -> Tensor | None:
    p_x = values.get("p_x")
    if not isinstance(p_x, Distribution) or not isinstance(x, Tensor):
        return None
    try:
        distortion: Tensor = -p_x.log_prob(x).double()
    except (NotImplementedError, ValueError):
        return None
    return distortion.flatten(0, -2).mean(0) if distortion.ndim > 1 else distortion
