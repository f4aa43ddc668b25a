"""Shipped recipes made tiny, recipes as mappings, and what tests ask of a run."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from textwrap import dedent
from typing import Any

import torch
from torch import Tensor

from genframe.compiling import compile_plan
from genframe.engine import checkpoint, loop
from genframe.engine.step import Stepper
from genframe.parts import random_rows
from genframe.plan import Plan
from genframe.recipe import load_recipe
from genframe.recipe.model import Recipe

ROWS = 16
"""The batch size under the tiny overrides."""

CONV = "{use: conv, width: 2, features: 8}"

TINY_VAE = ("data.batch_size=16", "encoder.hidden=[8]", "decoder.hidden=[8]")

SMALL: Mapping[str, tuple[str, ...]] = {
    "vae/digits": ("data.batch_size=16", "encoder.hidden=[8]", "decoder.hidden=[8]", "prior.dim=3"),
    "vae/iwae-digits": ("data.batch_size=16", "encoder.hidden=[8]", "decoder.hidden=[8]", "prior.dim=3"),
    "vae/dreg-digits": ("data.batch_size=16", "encoder.hidden=[8]", "decoder.hidden=[8]", "prior.dim=3"),
    "vae/piwae-digits": ("data.batch_size=16", "encoder.hidden=[8]", "decoder.hidden=[8]", "prior.dim=3"),
    "vae/beta-tc-digits": ("data.batch_size=16", "encoder.hidden=[8]", "decoder.hidden=[8]", "prior.dim=3"),
    "vae/dip-digits": ("data.batch_size=16", "encoder.hidden=[8]", "decoder.hidden=[8]", "prior.dim=3"),
    "vae/info-digits": ("data.batch_size=16", "encoder.hidden=[8]", "decoder.hidden=[8]", "prior.dim=3"),
    "vae/capacity-digits": ("data.batch_size=16", "encoder.hidden=[8]", "decoder.hidden=[8]", "prior.dim=3"),
    "vae/wae-digits": ("data.batch_size=16", "encoder.hidden=[8]", "decoder.hidden=[8]", "prior.dim=3"),
    "vae/rae-digits": ("data.batch_size=16", "encoder.hidden=[8]", "decoder.hidden=[8]", "prior.dim=3"),
    "vae/factor-digits": (
        "datasets.first.batch_size=16",
        "datasets.second.batch_size=16",
        "encoder.hidden=[8]",
        "decoder.hidden=[8]",
        "prior.dim=3",
        "discriminator.hidden=[8]",
    ),
    "gan/gmmn-digits": ("data.batch_size=16", "decoder.hidden=[8]"),
    "gan/gmmn-code-digits": (
        "data.batch_size=16",
        "encoders.encoder.hidden=[8, 4]",
        "decoders.decoder.hidden=[8]",
        "decoders.generator={hidden: [8], given: {out_shape: [4]}}",
        "players.autoencoder.until=3",
        "players.sampler.start=3",
    ),
    "vae/grey-digits": ("data.batch_size=16", "encoder.hidden=[8]", "decoder.hidden=[8]", "prior.dim=3"),
    "vae/continuous-bernoulli-digits": (
        "data.batch_size=16",
        "encoder.hidden=[8]",
        "decoder.hidden=[8]",
        "prior.dim=3",
    ),
    "vae/table": ("data.batch_size=16", "data.n=200", "encoder.hidden=[8]", "decoder.hidden=[8]"),
    "vae/planar-digits": (*TINY_VAE, "posterior.flows=2", "prior.dim=3"),
    "vae/laplace-digits": (*TINY_VAE, "prior.dim=3"),
    "vae/full-covariance-digits": (*TINY_VAE, "prior.dim=3"),
    "vae/sphere-digits": (*TINY_VAE, "prior.dim=3"),
    "vae/flow-prior-digits": (*TINY_VAE, "prior={dim: 3, layers: 2, hidden: [8]}"),
    "vae/exemplar-digits": (*TINY_VAE, "prior.dim=3"),
    "vae/iaf-mnist": (*TINY_VAE, "posterior={hidden: 8, context: 4}", "prior.dim=3"),
    "vae/vamp-mnist": (*TINY_VAE, "prior={dim: 3, components: 5}"),
    "vae/dc-ign-sprites": ("data={size: 16, scales: 3, angles: 9, batch_size: 16}", *TINY_VAE[1:]),
    "vae/attributes-sprites": (
        "data={size: 16, scales: 2, angles: 4, places: 3, batch_size: 16}",
        *TINY_VAE[1:],
    ),
    "vae/beta-tc-sprites": (
        "data={size: 16, scales: 3, places: 3, batch_size: 16}",
        "encoder={width: 2, depth: 2, features: 8}",
        "decoder={width: 2, depth: 2, features: 8}",
    ),
    "vae/sprites": (
        "data={size: 16, scales: 2, angles: 4, places: 2, batch_size: 16}",
        "encoder={width: 2, depth: 2, features: 8}",
        "decoder={width: 2, depth: 2, features: 8}",
    ),
    "vae/conditional-digits": (*TINY_VAE, "prior.dim=3"),
    "vae/complete-digits": ("data.batch_size=16", "decoder.hidden=[8]"),
    "vae/two-layer-mnist": ("data.batch_size=16", "prior.dim=3"),
    "vae/ladder-digits": ("data.batch_size=16", "prior.dim=3"),
    "vae/two-stage-digits": (
        "data.batch_size=16",
        "priors={prior: {dim: 3}, second_prior: {dim: 3}}",
        "players.stage_one.until=2",
        "players.stage_two.start=2",
    ),
    "vae/semi-supervised-digits": (
        "datasets={unknown: {batch_size: 16}, known: {batch_size: 16}}",
        "priors.prior.dim=3",
    ),
    "vae/stacked-semi-supervised-digits": (
        "datasets={unknown: {batch_size: 16}, known: {batch_size: 16}}",
        "encoders={encoder: {hidden: [8]}, style_encoder: {hidden: [8]}, label_encoder: {hidden: [8]}}",
        "decoders={decoder: {hidden: [8]}, code_decoder: {hidden: [8]}}",
        "priors={prior: {dim: 4}, style_prior: {dim: 3}}",
        "players.stage_one.until=2",
        "players.stage_two.start=2",
    ),
    "vae/2d-manifold": ("data.batch_size=16", "encoder.hidden=[8]", "decoder.hidden=[8]"),
    "vae/mnist": ("data.batch_size=16", "encoder.hidden=[8]", "decoder.hidden=[8]", "prior.dim=3"),
    "vae/iwae-mnist": (
        "data.batch_size=16",
        "encoder.hidden=[8]",
        "decoder.hidden=[8]",
        "prior.dim=3",
        "wires.k=4",
    ),
    "vae/mnist-conv": ("data.batch_size=16", f"encoder={CONV}", f"decoder={CONV}", "prior.dim=3"),
    "dae/digits": ("data.batch_size=16", "encoder.width=2", "decoder.width=2", "players.model.ema=0.9"),
    "classifier/lenet-digits": ("data.batch_size=16", "encoder={width: 2, features: 8}"),
    "classifier/lenet-mnist": ("data.batch_size=16", "encoder={width: 2, features: 8}"),
    "noise/gradient-noise": ("data={use: digits, batch_size: 16}", "encoder.hidden=[8, 8]"),
    "dae/unet-digits": ("data.batch_size=16", "decoder.width=2"),
    "dae/unet-mnist": ("data.batch_size=16", "decoder.width=2"),
    "dae/unet-cifar": ("data={use: digits, batch_size: 16}", "decoder.width=2"),
    "dae/unet-level-mnist": ("data.batch_size=16", "decoder.width=2"),
    "dae/deep-mnist": ("data.batch_size=16", "encoder.hidden=[8]", "decoder.hidden=[8]"),
    "dae/stacked-mnist": (
        "data.batch_size=16",
        "encoders.lower.hidden=[8]",
        "encoders.upper.hidden=[4]",
        "decoders.to_code.given={out_shape: [8]}",
        "players.first.until=2",
        "players.second={start: 2, until: 4}",
        "players.together.start=4",
    ),
    "dae/walkback-digits": ("data.batch_size=16", "encoder.hidden=[8]", "loss.steps=2"),
    "dae/gsn-digits": ("data.batch_size=16", "decoder.hidden=[8, 8]", "decoder.steps=2"),
    "dae/gsn-discriminant-digits": ("data.batch_size=16", "decoder.hidden=[8, 8]", "decoder.steps=2"),
    "dae/gsn-hybrid-digits": (
        "data.batch_size=16",
        "decoders.decoder.hidden=[8, 8]",
        "decoders.decoder.steps=2",
    ),
    "dae/chain-mnist": ("data.batch_size=16", "encoder.hidden=[8]"),
    "dae/walkback-mnist": ("data.batch_size=16", "encoder.hidden=[8]", "loss.steps=2"),
    "dae/gsn-mnist": ("data.batch_size=16", "decoder.hidden=[8, 8]", "decoder.steps=2"),
    "dae/langevin-ring": ("data.batch_size=16", "data.n=200", "decoder.hidden=[8]"),
    "dae/contractive-digits": ("data.batch_size=16", "encoder.hidden=[8]"),
    "dae/chain-moons": ("data.batch_size=16", "data.n=200", "decoder.hidden=[8]"),
    "gan/digits": (
        "data.batch_size=16",
        "prior.dim=3",
        "decoder.width=2",
        "decoder.features=8",
        "discriminator.width=2",
        "players.critic.minimises.penalty.every=3",
    ),
    "gan/unrolled-ring": (
        "data.batch_size=16",
        "data.n=200",
        "decoder.hidden=[8]",
        "discriminator.hidden=[8]",
        "function.steps=2",
    ),
    "gan/ring": (
        "data.batch_size=16",
        "data.n=200",
        "decoder.hidden=[8]",
        "discriminator.hidden=[8]",
    ),
    **{
        f"gan/{name}-ring": (
            "data={batch_size: 16, n: 200}",
            "decoder.hidden=[8]",
            "discriminator.hidden=[8]",
        )
        for name in ("r3gan", "wgan-gp", "mmd-gan")
    },
    "gan/r3gan-grid": ("data={batch_size: 16, n: 200}", "decoder.hidden=[8]", "discriminator.hidden=[8]"),
    "gan/d2gan-ring": (
        "data={batch_size: 16, n: 200}",
        "decoder.hidden=[8]",
        "discriminators={discriminator: {hidden: [8]}, reverse: {hidden: [8]}}",
    ),
    **{
        f"gan/noise/{name}": (
            "data.batch_size=16",
            "prior.dim=3",
            "decoder.width=2",
            "discriminator.width=2",
            "players.critic.minimises.penalty.every=3",
        )
        for name in ("base", "instance", "augment", "adaptive", "kinds", "level", "rotation", "diffusion")
    },
    **{
        f"gan/noise/{name}": (
            "data={batch_size: 16, n: 200}",
            "decoder.hidden=[8]",
            "discriminator.hidden=[8]",
        )
        for name in ("ring", "ring-instance", "ring-kinds", "ring-level", "ring-diffusion")
    },
    **{
        f"gan/{name}-digits": (
            "data.batch_size=16",
            "decoder={width: 2, features: 8}",
            "discriminator.width=2",
        )
        for name in ("conditional", "acgan", "infogan")
    },
    **{
        f"gan/mnist/{name}": (
            "data={use: digits, batch_size: 16}",
            "prior.dim=3",
            "decoder.width=2",
            "discriminator.width=2",
        )
        for name in ("r1", "hinge", "r3gan", "wgan-gp", "mmd")
    },
    "gan/projection-digits": (
        "data.batch_size=16",
        "prior.dim=3",
        "decoder={width: 2, most: 4}",
        "discriminator={width: 2, most: 4}",
    ),
    **{
        f"gan/{name}-digits": (
            "data.batch_size=16",
            "prior.dim=3",
            "decoder.width=2",
            "discriminator.width=2",
        )
        for name in ("dcgan", "ssgan")
    },
    "gan/maxout-mnist": (
        "data.batch_size=16",
        "prior.dim=3",
        "decoder.hidden=[8]",
        "discriminator.hidden=[8]",
    ),
    "gan/pac-stacked-mnist": (
        "data={batch_size: 16, of: digits, n: 100, n_test: 20}",
        "prior.dim=3",
        "decoder.width=2",
        "discriminator.width=2",
    ),
    "gan/pac-ring": (
        "data={batch_size: 16, n: 200}",
        "decoder.hidden=[8]",
        "discriminator.hidden=[8]",
    ),
    "gan/restore-digits": (
        "datasets.sharp.batch_size=16",
        "datasets.scan.batch_size=16",
        "encoder.width=2",
        "decoder={use: conv, width: 2}",
        "discriminators={clean: {use: conv, width: 2}, grainy: {use: patch, width: 2}}",
    ),
    "rbm/digits": ("data.batch_size=16", "priors.rbm={hidden: 8, chains: 5, sweeps: 2}"),
    "rbm/mnist": ("data.batch_size=16", "priors.rbm={hidden: 8, chains: 5, sweeps: 2}"),
    "rbm/denoise-digits": ("data.batch_size=16", "priors.rbm={hidden: 8, chains: 5, sweeps: 2}"),
    "rbm/denoise-cifar": (
        "data={use: digits, batch_size: 16}",
        "priors.rbm={hidden: 8, chains: 5, sweeps: 2}",
    ),
    "rbm/deep-belief-digits": (
        "data.batch_size=16",
        "priors.lower={hidden: 8, chains: 5}",
        "priors.top={dim: 8, hidden: 8, chains: 5, sweeps: 2, temperatures: 50}",
        "players.below.until=2",
        "players.above.start=2",
    ),
    "vae/bernoulli-straight-through": (
        "data={use: digits, batch_size: 16, binarise: dynamic}",
        "prior.dim=6",
    ),
    "vae/bernoulli-gumbel": ("data={use: digits, batch_size: 16, binarise: dynamic}", "prior.dim=6"),
    "vae/bernoulli-score-function": ("data={use: digits, batch_size: 16, binarise: dynamic}", "prior.dim=6"),
    "vae/vq-digits": (
        "data.batch_size=16",
        "encoder.width=2",
        "decoder.width=2",
        "posterior={codes: 8, given: {latent_shape: [2, 7, 7]}}",
        "prior={classes: 8, width: 4, depth: 1}",
        "players.model.until=2",
        "players.codes.start=2",
    ),
    "directed/nade-digits": ("data.batch_size=16", "prior.hidden=4"),
    "directed/made-digits": ("data.batch_size=16", "prior.hidden=[8]"),
    "directed/linear-digits": ("data.batch_size=16",),
    "directed/belief-digits": (
        "data.batch_size=16",
        "prior.layers=[6, 3]",
        "posterior.layers=[6, 3]",
        "function.units=6",
    ),
    "directed/reweighted-digits": (
        "data.batch_size=16",
        "prior.layers=[6, 3]",
        "posterior.layers=[6, 3]",
        "function.units=6",
    ),
    "directed/belief-nvil-mnist": ("data.batch_size=16", "prior.dim=6", "loss.hidden=[4]"),
    "hybrid/discrete-vae": (
        "data.batch_size=16",
        "encoder.hidden=[8]",
        "decoder.hidden=[8]",
        "prior={dim: 6, hidden: 5, chains: 5}",
    ),
    "gan/restore-paired-digits": (
        "datasets.sharp.batch_size=16",
        "encoder.width=2",
        "decoder={use: conv, width: 2}",
        "discriminators={clean: {use: conv, width: 2}, grainy: {use: patch, width: 2}}",
    ),
    "gan/ambient-digits": (
        "data.batch_size=16",
        "prior.dim=3",
        f"decoder={CONV}",
        "discriminator.width=2",
        "players.critic.minimises.penalty.every=3",
    ),
    "gan/restore-ambient-digits": (
        "data.batch_size=16",
        "prior.dim=3",
        "encoder.width=2",
        f"decoder={CONV}",
        "decoders.restorer.width=2",
        "discriminator.width=2",
        "discriminators={clean: {use: conv, width: 2}, grainy: {use: patch, width: 2}}",
        "players.critic.minimises.penalty.every=3",
    ),
    "hybrid/aae-digits": (*TINY_VAE, "prior.dim=3", "discriminator.hidden=[8]"),
    "hybrid/ali-digits": (
        "data.batch_size=16",
        "prior.dim=3",
        f"encoder={CONV}",
        f"decoder={CONV}",
        "discriminator={width: 2, tower: [4], hidden: [8]}",
        "players.critic.minimises.penalty.every=3",
    ),
    "hybrid/vae-gan": (
        "data.batch_size=16",
        "prior.dim=3",
        f"encoder={CONV}",
        f"decoder={CONV}",
        "discriminator={use: conv, width: 2}",
        "players.critic.minimises.penalty.every=3",
    ),
}
"""Overrides under which a shipped recipe trains some hundred steps a second."""


def small(name: str, *more: str) -> Recipe:
    """A shipped recipe, tiny, on the CPU."""
    return load_recipe(name, (*SMALL.get(name, ()), "device=cpu", *more))


def shipped() -> list[str]:
    """The names of all recipes that ship, those without tiny overrides here too."""
    root = Path(__file__).parent.parent / "recipes"
    return sorted(path.relative_to(root).with_suffix("").as_posix() for path in root.rglob("*.yaml"))


def plan_of(recipe: Mapping[str, Any] | Recipe | str, *overrides: str) -> Plan:
    """A recipe compiled; of a mapping or a name it is loaded first."""
    return compile_plan(recipe if isinstance(recipe, Recipe) else load_recipe(recipe, overrides))


def stepper_of(plan: Plan, steps_per_epoch: int = 10) -> Stepper:
    return Stepper(plan, torch.device("cpu"), steps_per_epoch)


def batch_of(plan: Plan, rows: int = ROWS) -> dict[str, Tensor]:
    """Random rows under the names that wires use; no data needed."""
    torch.manual_seed(5)
    made: dict[str, Tensor] = {}
    for name, spec in plan.parts.specs.items():
        prefix = f"{name}." if name else ""
        made |= {
            f"{prefix}{key}": value
            for key, value in random_rows(
                spec.fields, rows, plan.recipe.datasets[name].binarise != "none"
            ).items()
        }
        made.setdefault(f"{prefix}index", torch.arange(rows))
    return made


def terms_after(plan: Plan, steps: int) -> dict[str, Tensor]:
    """Each term's values over some steps on one batch."""
    stepper, batch = stepper_of(plan), batch_of(plan)
    for step in range(steps):
        stepper.step(step, batch)
    return {name: torch.tensor([v for _, v in rows]) for name, rows in stepper.take_history().items()}


def train(recipe: Recipe, folder: Path) -> Path:
    return loop.train(recipe, folder)


def resume(folder: Path, *overrides: str) -> Path:
    return loop.resume(load_recipe(folder / "resolved.yaml", overrides), folder, overrides)


def numbers(module: torch.nn.Module) -> dict[str, Tensor]:
    """A module's tensors as they are now."""
    return {key: tensor.detach().clone() for key, tensor in module.state_dict().items()}


def saved(run: Path, step: int | None = None) -> dict[str, Tensor]:
    """Everything that a checkpoint holds (the newest, or that of a step), flat: weights, averages, optimizers."""
    number = max(checkpoint.steps(run / "checkpoints")) if step is None else step
    found = checkpoint.read(run / "checkpoints" / f"{number:08d}")
    # Cloned, since what safetensors loads is the file itself, mapped.
    tensors = {f"{name}/{key}": t.clone() for name in found.names for key, t in found.tensors(name).items()}
    for player, states in found.state()["optimizers"].items():
        for parameter, state in states.items():
            for key, value in state.items():
                tensors[f"optimizer of {player}/{parameter}/{key}"] = torch.as_tensor(value)
    return tensors | {"step": torch.tensor(found.step)}


def differing(one: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> list[str]:
    """The names of tensors that are not the same bits, or that only one side has."""
    names = one.keys() | other.keys()
    return sorted(n for n in names if n not in one or n not in other or not same_bits(one[n], other[n]))


def same_bits(one: Tensor, other: Tensor) -> bool:
    """Whether two tensors are the same to the bit: 0.0 is not -0.0, and NaN is itself."""
    if one.shape != other.shape or one.dtype != other.dtype:
        return False
    return one.contiguous().numpy().tobytes() == other.contiguous().numpy().tobytes()


def logged_steps(run: Path) -> list[int]:
    return [row["step"] for row in rows(run)]


def rows(run: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


def parts_file(folder: Path, text: str) -> Path:
    """A local plugin file `my_parts.py`."""
    path = folder / "my_parts.py"
    path.write_text(dedent(text), encoding="utf-8")
    return path


def recipe_file(folder: Path, text: str, name: str = "recipe.yaml") -> Path:
    path = folder / name
    path.write_text("genframe: 1\n" + dedent(text), encoding="utf-8")
    return path


def codes(problems: Sequence[Any]) -> list[str]:
    return [problem.code for problem in problems]
