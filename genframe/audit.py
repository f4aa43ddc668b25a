"""Does the prior hold? A trained model's codes beside its prior: figures, pictures, and a verdict in words.

"Why should the prior hold when we infer z from x?" It need not: training holds each q(z|x) near p(z), and what is
drawn from is p(z), while what the decoder was taught is q(z), the mean of all q(z|x). This measures how far the two
are from each other, in nats, in shares of holes, by a classifier, and in the pictures that they decode to.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.distributions import kl_divergence

from genframe import durable, verdict
from genframe.aggregate import (
    Aggregate,
    Estimate,
    active_units,
    marginals,
    nearest_distances,
    outside,
    surgery,
)
from genframe.audit_codes import ROWS, Codes, Tell, splits
from genframe.engine import evaluation
from genframe.engine.metrics_log import standard
from genframe.errors import GenframeError
from genframe.recipe.samplers import metric_of
from genframe.two_sample import classifier_auc

if TYPE_CHECKING:
    from PIL.Image import Image

    from genframe.api import Model

EACH = 1e9
"""Densities of single numbers that are computed at most: some ten seconds of a core."""

SHOWN = 64
"""Pictures of each kind."""


@dataclass
class Audit:
    """Figures by name, a row for each number of a code, remarks on what could not be measured, and pictures by name."""

    figures: dict[str, float] = field(default_factory=dict)
    errors: dict[str, float] = field(default_factory=dict)
    dimensions: list[dict[str, float]] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    protocol: dict[str, Any] = field(default_factory=dict)
    pictures: dict[str, Image] = field(default_factory=dict)

    @property
    def statements(self) -> list[verdict.Statement]:
        return verdict.verdict(self.figures)

    @property
    def holds(self) -> str:
        return verdict.holds(self.figures)

    def as_json(self) -> dict[str, Any]:
        """Standard JSON: no NaN."""
        said = [{"text": s.text, "because": s.because, "tone": s.tone} for s in self.statements]
        return standard(  # type: ignore[no-any-return]
            {
                "holds": self.holds,
                "figures": self.figures,
                "standard_errors": self.errors,
                "dimensions": self.dimensions,
                "verdict": said,
                "remarks": self.remarks,
                "protocol": self.protocol,
            }
        )

    def add(self, name: str, estimate: Estimate) -> None:
        self.figures[name], self.errors[name] = estimate.value, estimate.error


def audit(
    model: Model,
    *,
    samples: int = 2000,
    posterior: str = "q_z",
    prior: str = "p_z",
    samplers: Sequence[str] = ("mixture",),
    metrics: Sequence[str] = ("two-sample",),
    tell: Tell = lambda text: None,
) -> Audit:
    """Hold a model's aggregate posterior against its prior.

    samples: codes, and prior draws, by which means over them are taken. posterior, prior: the wires of the recipe that
    are q(z|x) and p(z). samplers: whose draws are measured beside those of the prior; metrics: by which, each of the
    kind that asks for `sample` and data. Raises RecipeError for wires, samplers and metrics that are not there.
    """
    started = time.perf_counter()
    found = Audit()
    feed = next(iter(model.feeds.values()))
    with model.outputs.evaluating("audit"), torch.no_grad():
        train, held = splits(model, posterior, prior, tell)
        split = next((s for s in ("test", "validation") if s in feed.spec.lengths), "train")
        count = train.laws.count
        found.protocol |= {
            "examples": count,
            "held_out": held.laws.count,
            "held_out_split": split,
            "samples": min(samples, count),
            "step": model.step,
            "seed": model.recipe.seed,
            "weights": "averaged" if model.outputs.averages else "raw",
            "posterior": posterior,
            "prior": prior,
        }
        drawn = held.prior_sample(samples)
        _bound(found, train, held)
        _units(found, train)
        chosen = torch.randperm(count, device=train.z.device)[:samples]
        if _has_density(train):
            _densities(found, train, held, drawn, chosen, tell)
        else:
            _distances(found, train, held, drawn)
        tell("telling codes from prior draws")
        auc = classifier_auc(train.z[chosen], drawn, model.recipe.seed)
        found.figures |= {"auc": auc.value, "auc_low": auc.low, "auc_high": auc.high}
        found.pictures |= _code_pictures(found, train.z[chosen], drawn)
    if "decode" not in model.outputs:
        found.remarks.append("the recipe has no output `decode`: no samples are compared")
    elif len(asked := model.outputs.arguments("decode")) > 1:
        found.remarks.append(f"decode({', '.join(asked)}) takes more than a code: no samples are compared")
    else:
        _samples(found, model, train.z, held, samplers, metrics, tell)
    found.protocol["seconds"] = round(time.perf_counter() - started, 1)
    return found


def _bound(found: Audit, train: Codes, held: Codes) -> None:
    """Rate and distortion, of the training data and of what is held out."""
    for suffix, codes in (("", train), ("_held_out", held)):
        if codes.rate is not None and bool(codes.rate.isfinite().all()):
            found.add(f"rate{suffix}", Estimate.of(codes.rate))
            found.figures[f"rate_bits{suffix}"] = found.figures[f"rate{suffix}"] / math.log(2)
        if codes.distortion is not None:
            found.add(f"distortion{suffix}", Estimate.of(codes.distortion))


def _units(found: Audit, train: Codes) -> None:
    """Active units, and of each number the mean KL to the prior where both laws' marginals are known."""
    variances = active_units(train.means)
    found.dimensions += [{"variance_of_means": float(value)} for value in variances]
    found.figures |= {
        "units": float(len(variances)),
        "active_units": float((variances > verdict.SILENT).sum()),
    }
    spread = active_units(train.z)
    shares = (1 - variances / spread.clamp_min(1e-12)).clamp(0, 1)  # Var z = Var E[z|x] + E Var[z|x]
    for row, share in zip(found.dimensions, shares.tolist(), strict=True):
        row["noise"] = share
    found.figures["noise"] = float(shares.mean())
    rates = _rates_each(train)
    if rates is None:
        found.remarks.append(
            "the marginals of q(z|x) or of p(z) are not known in closed form: no figures per dimension"
        )
        return
    for row, rate in zip(found.dimensions, rates.tolist(), strict=True):
        row["rate"] = rate
    idle = (rates < verdict.SILENT) & (variances <= verdict.SILENT)
    found.figures["idle_units"] = float(idle.sum())


def _rates_each(train: Codes) -> Tensor | None:
    """mean_n KL(q(z_j|x_n) || p(z_j)) of each number: (numbers,)."""
    if isinstance(train.prior, Aggregate):
        return None
    p = marginals(train.prior)
    total = torch.zeros(train.z[0].numel(), dtype=torch.float64, device=train.z.device)
    for block, z in train.laws.rows(train.z):
        q = marginals(block)
        if q is None or p is None:
            return None
        try:
            kl = kl_divergence(q, p.expand(q.batch_shape))  # torch broadcasts not all of its KLs
        except NotImplementedError:
            kl = q.log_prob(z) - p.log_prob(z)
        total += kl.double().flatten(1).sum(0)
    return total / len(train.z)


def _has_density(train: Codes) -> bool:
    """Whether q(z|x) has a density of any z, as it must for q(z) to have one."""
    try:
        block = train.laws.blocks[0]
        density = block.log_prob(train.z[: int(block.batch_shape[0])].flip(0))
        return bool(density.isfinite().any())
    except (NotImplementedError, ValueError):
        return False


def _densities(found: Audit, train: Codes, held: Codes, drawn: Tensor, chosen: Tensor, tell: Tell) -> None:
    """The surgery of the rate, in all and for each number, and the holes."""
    z, count = train.z[chosen], train.laws.count
    own = torch.cat([*_own_of(train)])[chosen]
    aggregate = train.laws.log_prob(z, tell)
    unseen = held.z[torch.randperm(len(held.z), device=held.z.device)[: len(drawn)]]
    found.figures["holes"], _ = outside(train.laws.log_prob(drawn, tell), train.laws.log_prob(unseen, tell))
    try:
        prior = train.prior_log_prob(z)
        found.figures["uncovered"], _ = outside(prior, train.prior_log_prob(drawn))
    except NotImplementedError:
        found.remarks.append("the prior has no density: KL(q(z)||p(z)) is not measured")
        found.add("index_code_information", Estimate.of(own - aggregate))
        return
    parts = surgery(own, aggregate, prior, count)
    found.add("index_code_information", parts.information)
    found.add("aggregate_divergence", parts.divergence)
    found.add("rate_of_codes", parts.rate)
    found.figures["log_n"] = parts.log_n
    _each(found, train, z)


def _own_of(train: Codes) -> Iterator[Tensor]:
    yield train.laws.own_log_prob(train.z)


def _each(found: Audit, train: Codes, z: Tensor) -> None:
    """I_q(n; z_j) and KL(q(z_j) || p(z_j)) of each number, by as many codes as there is time for."""
    p = None if isinstance(train.prior, Aggregate) else marginals(train.prior)
    if (
        p is None
        or marginals(train.laws.blocks[0]) is None
        or not all("rate" in row for row in found.dimensions)
    ):
        return
    few = z[: max(100, int(EACH / (train.laws.count * z[0].numel())))]
    together = train.laws.log_prob_each(few)
    assert together is not None
    alone = p.log_prob(few).double().flatten(1)
    for row, divergence in zip(found.dimensions, (together - alone).mean(0).tolist(), strict=True):
        row["divergence"] = divergence
        row["information"] = row["rate"] - divergence


def _distances(found: Audit, train: Codes, held: Codes, drawn: Tensor) -> None:
    """Holes without densities: by the distance to the nearest code of the training data."""
    found.remarks.append(
        "q(z|x) has no density: the rate is infinite or unknown, I_q(n;z) is not measured, and holes are where the "
        "nearest code is further away than of 99 % of held-out codes"
    )
    to_drawn, to_held = nearest_distances(drawn, train.z), nearest_distances(held.z, train.z)
    found.figures["holes"], _ = outside(-to_drawn, -to_held)
    try:
        found.figures["uncovered"], _ = outside(train.prior_log_prob(train.z), train.prior_log_prob(drawn))
    except (NotImplementedError, ValueError):
        found.remarks.append("the prior has no density of codes")


def _code_pictures(found: Audit, codes: Tensor, drawn: Tensor) -> dict[str, Image]:
    """Codes (blue) over prior draws (grey), in the two numbers that are used most; and a chart of the numbers."""
    from genframe import audit_pictures

    made = {"dimensions": audit_pictures.dimensions(found.dimensions)}
    if codes[0].numel() > 1 and codes.is_floating_point():
        order = sorted(range(codes[0].numel()), key=lambda j: -found.dimensions[j]["variance_of_means"])[:2]
        made["codes"] = audit_pictures.codes(codes.flatten(1)[:, order], drawn.flatten(1)[:, order], order)
    return made


def _samples(
    found: Audit,
    model: Model,
    codes: Tensor,
    held: Codes,
    samplers: Sequence[str],
    metrics: Sequence[str],
    tell: Tell,
) -> None:
    """What p(z), q(z) and samplers decode to: pictures, and metrics of draws against data."""
    from genframe import pictures

    decode = model.outputs["decode"]

    def decoded(z: Tensor) -> Tensor:
        return torch.cat([decode(part) for part in torch.split(z, ROWS)])

    def of_codes(n: int) -> Tensor:
        return decoded(codes[torch.randint(len(codes), (n,), device=codes.device)])

    draws: dict[str, Callable[[int], Tensor]] = {
        "p(z)": lambda n: decoded(held.prior_sample(n)),
        "q(z)": of_codes,
    }
    for name in samplers:
        tell(f"drawing by the sampler {name!r}")
        try:
            model.draw(name, 1, seed=0, tell=tell)
        except GenframeError as error:
            if all(problem.code == "GF301" for problem in error.problems):
                raise
            found.remarks.append(f"the sampler {name!r} can't draw: {error.problems[0].message}")
            continue
        draws[name] = lambda n, name=name: model.draw(name, n, seed=0, tell=tell)  # type: ignore[misc]
    with model.outputs.evaluating("audit", "pictures"):
        for name, draw in draws.items():
            made = pictures.picture_of(draw(SHOWN))
            if made is not None:
                found.pictures[f"samples-{name.replace('(', '').replace(')', '')}"] = made
    feed = next(iter(model.feeds.values()))
    split = feed.split(found.protocol["held_out_split"])
    for metric in metrics:
        tell(f"measuring draws by {metric}")
        for name in draws:
            instance = replace(metric_of(model.recipe, metric), given={"sample": name})
            (row,) = evaluation.evaluate(
                model.outputs, [instance], split, model.step, train=lambda: feed.split("train"), draws=draws
            )
            found.figures |= {f"{key}[{name}]": value for key, value in row["figures"].items()}


def write(found: Audit, folder: Path) -> list[Path]:
    """audit.json and a PNG for each picture, into `folder`; the files. What is there by these names is replaced."""
    from genframe import pictures

    files = [folder / "audit.json"]
    with durable.reported("the audit", folder):
        folder.mkdir(parents=True, exist_ok=True)
        durable.write_bytes(files[0], durable.as_json(found.as_json()).encode())
    for name, picture in found.pictures.items():
        files.append(folder / f"{name}.png")
        pictures.save_png(picture, files[-1])
    return files
