"""The codes of a model: drawn from its prior, encoded, decoded; each under a condition where it takes one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.distributions import Distribution

from genframe import abilities, conditions
from genframe.aggregate import marginals
from genframe.errors import Problem, RecipeError

if TYPE_CHECKING:
    from genframe.api import Model

CHUNK = 256
"""Codes that are decoded at once."""


@dataclass
class Latents:
    """A model's codes by its outputs `encode`, `decode` and `draw_z`, or the wire `p_z`.

    given: conditions by field, `{"y": 7}`, under which codes are decoded: the style of an example, as a seven (the
    analogies of Kingma et al. 2014). Raises RecipeError (GF807) for one that the model does not take.
    """

    model: Model
    given: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.conditions = conditions.checked(self.model, self.given, "decode", "encode", "reconstruct")

    @cached_property
    def argument(self) -> str:
        """What `decode` calls its code: the one argument that the data do not give."""
        _ = self.model.outputs["decode"]  # says which there are
        arguments = self.model.outputs.arguments("decode")
        codes = [name for name in arguments if name not in {"x", "index", *conditions.fields(self.model)}]
        if len(codes) != 1:
            message = (
                f"the output decode({', '.join(arguments)}) takes more than a code and fields of the data"
            )
            raise RecipeError(Problem("GF804", message, path="outputs.decode"))
        return codes[0]

    @cached_property
    def prior(self) -> Distribution | None:
        """p(z), without a batch; None where the recipe has no wire `p_z`, or it is another for each example."""
        if "p_z" not in self.model.outputs.plan.wiring.plain:
            return None
        law = self.prior_wire(1)
        alone = isinstance(law, Distribution) and not law.batch_shape
        return law if alone else None

    def draw(self, n: int, seed: int = 0) -> Tensor:
        """n codes of the prior (n, ...), by the output `draw_z` or the wire `p_z`. Raises RecipeError (GF804)."""
        abilities.require(self.model, "a draw of the prior", abilities.PRIOR)
        return drawn(self, n, seed)

    def encode(self, rows: Mapping[str, Tensor]) -> Tensor:
        """Codes (rows, ...) of examples by the output `encode`, in parts.

        Examples that have a label are encoded under their own: what is given is what they are to become. Those without
        one, a digit drawn by hand, say, are encoded under what is given.
        """
        conditions.missing(self.model, "encode", {**rows, **self.conditions})
        n = len(next(iter(rows.values())))
        whole = {**conditions.repeated(self.conditions, n), **rows}
        parts = [
            self.model.call("encode", {name: value[at : at + CHUNK] for name, value in whole.items()}, seed=0)
            for at in range(0, n, CHUNK)
        ]
        return torch.cat(parts)

    def decode(self, z: Tensor, beside: Mapping[str, Tensor] | None = None) -> Tensor:
        """What codes (n, ...) become (n, ...), in parts. beside: rows of the data for what else `decode` asks for.

        Conditions that are given replace those; of one row, or of fewer than n, each is taken in turn.
        """
        whole = conditions.repeated({**(beside or {}), **self.conditions}, len(z))
        conditions.missing(self.model, "decode", whole)
        if lacking := [
            a for a in self.model.outputs.arguments("decode") if a != self.argument and a not in whole
        ]:
            message = (
                f"decode asks for {', '.join(lacking)} beside a code: start from an example, which has it"
            )
            raise RecipeError(Problem("GF804", message, path="outputs.decode"))
        z = z.to(self.model.device)
        made = []
        for at in range(0, len(z), CHUNK):
            batch = {name: rows[at : at + CHUNK].to(z.device) for name, rows in whole.items()}
            made.append(self.model.call("decode", {**batch, self.argument: z[at : at + CHUNK]}, seed=0))
        return torch.cat(made)

    def middle(self) -> Tensor:
        """The mean of p(z), or of a thousand draws where it has none in closed form."""
        if self.prior is not None:
            try:
                return self.prior.mean
            except NotImplementedError:
                pass
        return self.draw(1000).float().mean(0)

    def quantiles(self, shares: Tensor) -> Tensor:
        """The prior's inverse cdf of each number of a code, at each of `shares`: (shares, numbers).

        In closed form where the numbers' laws have one, else by ten thousand draws.
        """
        law = marginals(self.prior) if self.prior is not None else None
        if law is not None:
            try:
                one = shares.to(law.mean).reshape(-1, *[1] * law.mean.ndim)
                return law.icdf(one).expand(-1, *law.mean.shape).flatten(1).float()
            except NotImplementedError:
                pass
        drawn = self.draw(10_000).flatten(1).float()
        return drawn.quantile(shares.to(drawn), dim=0)

    def prior_wire(self, n: int) -> Any:
        """The value of the wire `p_z` on n rows of the conditions."""
        rows = conditions.repeated(self.conditions, n) or {"rows": torch.zeros(n, device=self.model.device)}
        named = {f"{feed}.{key}" if feed else key: v for feed in self.model.feeds for key, v in rows.items()}
        with self.model.outputs.evaluating("latents"):
            try:
                return self.model.outputs.wires({**named, **rows}, ["p_z"])["p_z"]
            except KeyError as error:
                message = f"p(z) is asked for the field {error.args[0]!r} of examples"
                raise RecipeError(
                    Problem("GF807", message, path="wires.p_z", command="--given NAME=VALUE")
                ) from None


def drawn(latents: Latents, n: int, seed: int) -> Tensor:
    """n draws of the prior, whatever `decode` makes of them."""
    outputs = latents.model.outputs
    if "draw_z" in outputs and outputs.arguments("draw_z") == ("n",):
        found: Tensor = latents.model.call("draw_z", n, seed=seed)
        return found
    with outputs.evaluating("draw_z", "seeded", seed):
        law = latents.prior_wire(n)
        return law.sample() if law.batch_shape else law.sample((n,))  # type: ignore[no-any-return]


def examples(model: Model, places: Sequence[int] | int, split: str | None = None) -> dict[str, Tensor]:
    """Examples of the first dataset by their numbers, or its first so many; split: as of `Model.evaluate`.

    Raises RecipeError (GF806) for one that is not there.
    """
    feed = next(
        (feed for feed in model.feeds.values() if "x" in feed.spec.fields), next(iter(model.feeds.values()))
    )
    data = feed.split(split or next(s for s in ("test", "validation", "train") if s in feed.spec.lengths))
    if isinstance(places, int):
        return dict(data.first(min(places, len(data))))
    for place in places:
        if not 0 <= place < len(data):
            message = f"the {data.name} split has no example {place}: it has {len(data)}, from 0"
            raise RecipeError(Problem("GF806", message))
    chosen = torch.tensor(list(places))
    return {name: value[chosen.to(value.device)] for name, value in data.first(max(places) + 1).items()}


def sample(model: Model, n: int, seed: int, given: Mapping[str, Any]) -> Tensor:
    """n samples under conditions: by `sample` where it takes them, else draws of the prior that `decode` is given.

    Raises RecipeError (GF804, GF807).
    """
    taken = conditions.asked(model, "sample")
    if taken.keys() >= given.keys() and "sample" in model.outputs:
        rows = conditions.repeated(conditions.checked(model, given, "sample"), n)
        return model.call("sample", rows, n, seed=seed)  # type: ignore[no-any-return]
    held = Latents(model, given)
    abilities.require(model, "sampling under a condition", abilities.PRIOR, "decode")
    return held.decode(held.draw(n, seed))


def turns_alike(law: Distribution) -> bool:
    """Whether a law of vectors is the same however it is turned about 0: N(0, s I), the uniform law of a sphere.

    Its density is compared at draws and at the same draws turned.
    """
    d = law.event_shape.numel()
    if d < 2 or law.batch_shape:
        return False
    devices = [torch.cuda.current_device()] if torch.cuda.is_available() else []
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(0)
        z = law.sample((16,)).float()
        basis, _ = torch.linalg.qr(torch.randn(d, d))
        turned = (z.flatten(1) @ basis.to(z)).reshape(z.shape)
        try:
            one, other = law.log_prob(z), law.log_prob(turned)
        except (NotImplementedError, ValueError, RuntimeError):
            return False
    return bool(torch.allclose(one, other, rtol=1e-3, atol=1e-2 * max(1.0, d**0.5 / 10)))
