"""Noise where no wire is: inside a component, on a player's gradients, on its weights."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from test_sharing import Anew, trained, unshared
from tiny import (
    batch_of,
    differing,
    numbers,
    parts_file,
    plan_of,
    recipe_file,
    resume,
    same_bits,
    saved,
    small,
    stepper_of,
    train,
)
from torch import Tensor, nn

from genframe.compiling import compile_plan
from genframe.engine.draws import Draws
from genframe.engine.outputs import Outputs
from genframe.errors import Problem, RecipeError
from genframe.explain import explain
from genframe.plan import Plan
from genframe.recipe import load_recipe
from genframe.sharing import Turn

VAE = ("encoder.hidden=[8, 6]",)


def noise_at(*sites: str, std: str = "0.5", name: str = "inner") -> str:
    """The override that puts Gaussian noise at some sites."""
    return f"noises.{name}={{use: gaussian, std: {std}, at: [{', '.join(json.dumps(s) for s in sites)}]}}"


def vae(*overrides: str) -> Plan:
    return plan_of(small("vae/digits", *VAE, *overrides))


def problems(recipe: str, *overrides: str) -> tuple[Problem, ...]:
    with pytest.raises(RecipeError) as caught:
        compile_plan(small(recipe, *VAE if recipe == "vae/digits" else (), *overrides))
    return caught.value.problems


def encoded(plan: Plan, x: Tensor, seed: int = 3) -> Tensor:
    torch.manual_seed(seed)
    result: Tensor = plan.parts["encoder"](x).detach()
    return result


# Inside a component.


@pytest.mark.parametrize(
    ("site", "behind"),
    [
        ("encoder.net.0", "linear"),
        ("encoder.net.0:output", "linear"),
        ("encoder.net.1:input", "linear"),
        ("encoder.net.1", "relu"),
        ("encoder.net.2:input", "relu"),
        ("encoder.net", "all"),
        ("encoder", "all"),
    ],
)
def test_noise_stands_before_or_behind_the_activation_as_the_site_says(site: str, behind: str) -> None:
    plan = vae(noise_at(site))
    net, x = plan.parts["encoder"].net, torch.rand(5, 1, 28, 28)
    clean = x.flatten(1) @ net[0].weight.T + net[0].bias

    def noised(value: Tensor) -> Tensor:
        torch.manual_seed(3)
        return value + 0.5 * torch.randn_like(value)

    def rest(hidden: Tensor) -> Tensor:
        return torch.relu(nn.functional.linear(hidden, net[2].weight, net[2].bias))

    expected = {
        "linear": lambda: rest(torch.relu(noised(clean))),
        "relu": lambda: rest(noised(torch.relu(clean))),
        "all": lambda: noised(rest(torch.relu(clean))),
    }[behind]()
    assert torch.allclose(encoded(plan, x), expected, atol=1e-5)


def test_the_input_of_the_whole_component_is_a_site() -> None:
    plan, clean = vae(noise_at("encoder:input")), vae()
    x = torch.rand(4, 1, 28, 28)
    torch.manual_seed(3)
    noised = x + 0.5 * torch.randn_like(x)
    assert same_bits(encoded(plan, x), encoded(clean, noised))


def test_a_list_of_sites_draws_at_each_of_them_anew() -> None:
    plan = vae(noise_at("encoder.net.0", "encoder.net.1"), "encoder.hidden=[4000]")
    net, x = plan.parts["encoder"].net, torch.zeros(1, 1, 28, 28)
    with torch.no_grad():
        net[0].weight.zero_()
        net[0].bias.fill_(10.0)  # far from where the unit rectifies: the two draws add up
    added = encoded(plan, x) - 10
    assert float(added.std()) == pytest.approx(0.5 * math.sqrt(2), rel=0.06)  # 5 standard errors


def test_noise_acts_in_training_alone() -> None:
    plan, clean = vae(noise_at("encoder.net.0")), vae()
    stepper, x = stepper_of(plan), torch.rand(4, 1, 28, 28)
    assert plan.parts["encoder"].training
    assert not torch.equal(encoded(plan, x, 0), encoded(plan, x, 1))
    outputs = Outputs(plan)
    with outputs.evaluating("a test"):
        assert torch.equal(outputs["encode"](x), outputs["encode"](x))
        assert torch.equal(encoded(plan, x, 0), clean.parts["encoder"](x))
        stepper.evaluate_terms(0, {"x": x}, "validation")
    stepper_of(clean)
    with Outputs(clean).evaluating("a test"):
        assert torch.equal(plan.parts["encoder"].eval()(x), clean.parts["encoder"](x))


def test_each_row_has_its_own_draw_where_samples_stand_in_front() -> None:
    overrides = ("wires.k=3", "wires.z=q_z.rsample([k])", noise_at("decoder.last", std="0.3"))
    plan = vae(*overrides)
    z = torch.zeros(3, 2, 3)  # (samples, batch, latent): six rows that are alike
    logits = plan.parts.caller("decoder")(z).detach().flatten(0, 1).flatten(1)  # (6, pixels)
    apart = (logits.unsqueeze(0) - logits.unsqueeze(1)).std(-1)
    assert logits.shape == (6, 784)
    assert bool((apart[~torch.eye(6, dtype=torch.bool)] > 0.3).all()), "no two rows share a draw"
    stepper_of(plan).step(0, batch_of(plan))


def test_a_range_draws_a_level_for_each_row() -> None:
    plan = vae(noise_at("encoder.net.1", std="[0.1, 2]"), "encoder.hidden=[2000]")
    added = encoded(plan, torch.zeros(20, 1, 28, 28))
    spread = (added - added.mean(0)).std(1)
    assert float(spread.max() / spread.min()) > 3


def test_a_scheduled_level_is_followed_and_at_zero_the_training_is_that_without_noise() -> None:
    plan = vae(noise_at("encoder.net.0", std="{linear: {from: 1, to: 0.5, steps: 4}}"))
    stepper, batch = stepper_of(plan), batch_of(plan)
    levels = []
    for step in range(4):
        stepper.step(step, batch)
        levels.append(plan.parts["inner"].std)
    assert levels == [1, 0.875, 0.75, 0.625]
    off, without = vae(noise_at("decoder.net.0", std="0")), vae()
    assert not differing(trained(off, stepper_of(off)), trained(without, stepper_of(without)))


def test_a_wire_computed_again_repeats_the_draws_inside_it() -> None:
    plan = vae(noise_at("encoder.net.0"))
    stepper, batch = stepper_of(plan), batch_of(plan)
    instruction = stepper._program(tuple(side.terms(0) for side in stepper.sides))[0].instructions[0]
    values = []
    for step in (4, 4, 5):
        env = {**batch, "batch_size": 16, "n": 16, "step": step}
        stepper._compute(instruction, env, step)
        values.append(env["q_z"].mean)
    assert torch.equal(values[0], values[1])
    assert not torch.equal(values[0], values[2])


@pytest.mark.parametrize("precision", ["bf16", "fp32"])
def test_noise_leaves_the_precision_of_what_it_is_put_on(precision: str) -> None:
    plan = vae(noise_at("encoder.net.0"), f"train.precision={precision}")
    seen: list[torch.dtype] = []
    plan.parts["encoder"].net[1].register_forward_pre_hook(lambda module, args: seen.append(args[0].dtype))
    stepper_of(plan).step(0, batch_of(plan))
    assert seen == [torch.bfloat16 if precision == "bf16" else torch.float32]


def test_compiled_nets_draw_what_eager_ones_do_and_follow_a_schedule() -> None:
    """A compiled net is cut at its sites, where the noise stays eager."""
    level = noise_at("encoder.net.0", "encoder.net.3", std="{linear: {from: 0.5, to: 0.1, steps: 4}}")
    plans = [vae(level), vae(level, "train.compile=true")]
    runs = []
    for plan in plans:
        stepper, batch = stepper_of(plan), batch_of(plan)
        for step in range(3):
            stepper.step(step, batch)
        runs.append(torch.tensor([value for _, value in stepper.take_history()["objective"]]))
    assert torch.allclose(*runs, rtol=1e-4)


LEARNED = """
    import torch
    from torch import nn
    from genframe import Component, Noise, hookimpl

    class Learned(nn.Module):
        def __init__(self):
            super().__init__()
            self.log_std = nn.Parameter(torch.zeros(()))

        def forward(self, x):
            std = self.log_std.exp()
            return x + std * torch.randn_like(x), std.expand(len(x), 1)

    class Cut(Noise):
        def draw(self, x):
            return torch.ones(len(x))

        def apply(self, x, level):
            return x[:, :-1]

    class Pictures(Noise):
        def draw(self, x):
            return torch.ones(len(x))

        def apply(self, x, level):
            if x.ndim != 4:
                raise ValueError(f"it takes pictures, not {tuple(x.shape)}")
            return x

    class Pair(nn.Module):
        def __init__(self, in_shape):
            super().__init__()
            self.inner = nn.Linear(2, 2)
            self.idle = nn.Linear(2, 2)
            self.two = Two()

        def forward(self, x):
            return self.two(self.inner(x))[0] + self.idle.weight.sum()

    class Two(nn.Module):
        def forward(self, x):
            return x, x

    class Plain:
        def __init__(self, in_shape): ...
        def __call__(self, x):
            return x

    def mean(out):
        return out.square().mean()

    @hookimpl
    def genframe_noises():
        return [Component(n.lower(), f"my_parts:{n}") for n in ("Learned", "Cut", "Pictures")]

    @hookimpl
    def genframe_encoders():
        return [Component(n.lower(), f"my_parts:{n}") for n in ("Pair", "Plain")]

    @hookimpl
    def genframe_losses():
        return [Component("mean", "my_parts:mean")]
"""

PAIR = """
    plugins: [./my_parts.py]
    data: {use: ring, n: 64, batch_size: 16}
    device: cpu
    encoder: pair
    wires: {out: encoder(x), loss: mean(out)}
    players: {model: {trains: [encoder], minimises: {loss: 1}}}
    outputs: {shown(v): encoder(v)}
    train: {steps: 4}
"""

Make = Callable[..., Plan]


@pytest.fixture
def pair(tmp_path: Path) -> Make:
    """A plan of two-dimensional data, one net of a few modules, and noises of this file."""
    parts_file(tmp_path, LEARNED)
    path = str(recipe_file(tmp_path, PAIR))
    return lambda *overrides: compile_plan(load_recipe(path, overrides))


def test_a_noise_with_parameters_is_trained_where_it_stands(pair: Make) -> None:
    plan = pair("noise={use: learned, at: encoder.inner}", "players.model.trains=[encoder, noise]")
    assert plan.routing == {"model": {"loss": ("encoder", "noise")}}
    before = numbers(plan.parts["noise"])
    stepper_of(plan).step(0, batch_of(plan))
    assert differing(before, numbers(plan.parts["noise"])) == ["log_std"]


# A player's gradients.

GRADIENTS = ("optimizer={use: sgd, lr: 1.0}",)


def moved(plan: Plan, step: int = 0) -> Tensor:
    """What one step takes off the parameters, all as one vector; with lr 1 that is the gradient."""
    stepper = stepper_of(plan)
    (side,) = stepper.sides
    before = [p.detach().clone() for p in side.tensors]
    stepper.step(step, batch_of(plan))
    return torch.cat([(b - p.detach()).flatten() for b, p in zip(before, side.tensors, strict=True)])


def drawn(plan: Plan, name: str, site: str, step: int, size: int) -> Tensor:
    """The standard normal numbers of a site at a step."""
    draws = Draws(plan.recipe.seed, torch.device("cpu"))
    draws.seed_step(draws.base("site", name, site), step)
    return torch.randn(1, size).squeeze(0)


def test_gradients_are_noised_after_clipping_and_before_the_step() -> None:
    clip = "players.model.clip=1e-3"
    noised = vae(*GRADIENTS, clip, noise_at("model.gradients", std="0.25"))
    clean = moved(vae(*GRADIENTS, clip), 3)
    assert float(clean.norm()) == pytest.approx(1e-3, rel=1e-2)
    expected = clean + 0.25 * drawn(noised, "inner", "model.gradients", 3, len(clean))
    assert torch.allclose(moved(noised, 3), expected, atol=1e-6)


def test_the_variance_of_gradient_noise_follows_the_formula_and_not_the_deviation() -> None:
    """N(0, eta / (1 + t)^0.55): 7,500 values tell the variance to 2 %, a standard error; the band is six."""
    noise = "noise={use: gaussian, variance: {power: {scale: 0.3, exponent: 0.55}}, at: model.gradients}"
    for step in (0, 1, 100, 10_000):
        plan, clean = vae(*GRADIENTS, noise, "encoder.hidden=[8]"), vae(*GRADIENTS, "encoder.hidden=[8]")
        added = moved(plan, step) - moved(clean, step)
        assert len(added) > 7500
        variance = 0.3 / (1 + step) ** 0.55
        assert float(added.var()) == pytest.approx(variance, rel=0.1)
        assert abs(float(added.mean())) < 6 * math.sqrt(variance / len(added))


def test_a_parameter_without_a_gradient_stays(pair: Make) -> None:
    """In steps in which no term reaches it."""
    overrides = (
        "encoders.other=pair",
        "wires={out: encoder(x), loss: mean(out), rare: mean(other(x))}",
        "players.model={trains: [encoder, other], minimises: {loss: 1, rare: {every: 2}}}",
        "noise={use: gaussian, at: model.gradients}",
        "optimizer={use: sgd, lr: 0.1}",
    )
    plan = pair(*overrides)
    stepper, batch = stepper_of(plan), batch_of(plan)
    stepper.step(0, batch)
    before = [numbers(plan.parts[name]) for name in ("encoder", "other")]
    stepper.step(1, batch)
    after = [numbers(plan.parts[name]) for name in ("encoder", "other")]
    assert differing(before[0], after[0])
    assert not differing(before[1], after[1])


def test_sparse_gradients_are_left_alone() -> None:
    plan = vae(noise_at("model.gradients"))
    (side,) = stepper_of(plan).sides
    first, second = side.tensors[:2]
    first.grad = torch.zeros_like(first).to_sparse()
    second.grad = torch.zeros_like(second)
    side.noise_gradients(0)
    assert first.grad.is_sparse and first.grad._nnz() == 0
    assert bool(second.grad.any())


def test_each_site_and_step_draws_anew() -> None:
    two = noise_at("critic.gradients", "generator.gradients", std="0.1")
    plan, clean = (plan_of(small("gan/ring", *more)) for more in ((two,), ()))
    assert differing(trained(plan, stepper_of(plan), 2), trained(clean, stepper_of(clean), 2))
    draws = [drawn(plan, "inner", f"{p}.gradients", s, 9) for p in ("critic", "generator") for s in (0, 1)]
    assert len({tuple(d.tolist()) for d in draws}) == 4


# A player's weights.


def test_terms_and_gradients_are_those_of_noisy_weights_and_the_weights_come_back_to_the_bit() -> None:
    plan = vae("optimizer={use: sgd, lr: 0.0}", noise_at("model.weights", std="0.05"))
    (side,) = (stepper := stepper_of(plan)).sides
    gradients: dict[str, Tensor] = {}
    step = side.optimizer.step

    def observe() -> None:
        gradients.update({key: p.grad.clone() for key, p in side.parameters.items() if p.grad is not None})
        step()

    side.optimizer.step = observe  # type: ignore[method-assign]
    before, batch = [p.detach().clone() for p in side.tensors], batch_of(plan)
    stepper.step(0, batch)
    assert all(same_bits(a, b.detach()) for a, b in zip(before, side.tensors, strict=True))
    (value,) = (v for _, v in stepper.take_history()["objective"])

    twin = vae("optimizer={use: sgd, lr: 0.0}")
    (other,) = (beside := stepper_of(twin)).sides
    size = sum(p.numel() for p in other.tensors)
    noise = drawn(plan, "inner", "model.weights", 0, size).split([p.numel() for p in other.tensors])
    with torch.no_grad():
        for parameter, part in zip(other.tensors, noise, strict=True):
            parameter += 0.05 * part.view_as(parameter)
    theirs: dict[str, Tensor] = {}
    other.optimizer.step = lambda: theirs.update(  # type: ignore[method-assign]
        {key: p.grad.clone() for key, p in other.parameters.items() if p.grad is not None}
    )
    beside.step(0, batch)
    assert beside.take_history()["objective"][0][1] == pytest.approx(value, rel=1e-5)
    assert all(torch.allclose(gradients[key], theirs[key], rtol=1e-3, atol=1e-5) for key in theirs)
    assert gradients.keys() == theirs.keys()


def test_weights_come_back_when_a_term_fails() -> None:
    plan = vae(noise_at("model.weights"))
    (side,) = stepper_of(plan).sides
    before = [p.detach().clone() for p in side.tensors]
    with pytest.raises(KeyError), side.noisy_weights(0):
        assert not torch.equal(before[0], side.tensors[0])
        raise KeyError
    assert all(same_bits(a, b.detach()) for a, b in zip(before, side.tensors, strict=True))


SHARED = {
    "hidden": (noise_at("decoder.net.0", "discriminator.net.0"),),
    "gradients": (noise_at("critic.gradients", "generator.gradients", std="0.01"),),
    "the critic's weights": (noise_at("critic.weights", std="0.05"),),
    "the generator's weights": (noise_at("generator.weights", std="0.05"),),
    "both players' weights": (noise_at("critic.weights", "generator.weights", std="0.05"),),
}


@pytest.mark.parametrize("sites", SHARED)
def test_sharing_gives_the_bits_of_computing_everything_anew(sites: str) -> None:
    plans = [plan_of(small("gan/ring", *SHARED[sites])) for _ in range(2)]
    anew = unshared(plans[1])
    shared = trained(plans[0], stepper_of(plans[0]))
    assert not differing(shared, trained(anew, Anew(anew, torch.device("cpu"), 10)))


@pytest.mark.parametrize("player", ["critic", "generator"])
def test_what_is_made_of_noisy_weights_serves_nobody_else(player: str) -> None:
    plan = plan_of(small("gan/ring", noise_at(f"{player}.weights", std="0.05")))
    players = tuple((p, tuple(t.wire for t in p.minimises)) for p in plan.recipe.players)
    critic, generator = plan.moves(players)
    made = {name: c.owners for c in critic.computations for name in c.names}
    again = {name for c in generator.computations for name in c.names}
    if player == "generator":  # made without noise, and without the gradient that nobody could use
        assert made["fake"] == ()
        assert "fake" in again
    else:  # a fake does not depend on the critic's weights
        assert made["fake"] == ("generator",)
        assert "fake" in generator.reused
    assert "fake_verdict" in again


def test_a_reuse_across_noisy_weights_would_raise(monkeypatch: pytest.MonkeyPatch) -> None:
    plan = plan_of(small("gan/ring", noise_at("generator.weights", std="0.05")))
    monkeypatch.setattr(
        "genframe.plan.Turn", lambda player, trains, terms, noised: Turn(player, trains, terms)
    )
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        stepper_of(plan).step(0, batch_of(plan))


# The engine.


def test_without_sites_nothing_is_in_the_way() -> None:
    plan = vae()
    modules = [m for part in plan.parts.modules().values() for m in part.modules()]
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in modules)
    assert [side.noise for side in stepper_of(plan).sides] == [{}]


ALL = (
    noise_at("encoder.net.0:output", "decoder.net.1:input", std="{linear: {from: 1, to: 0.1, steps: 9}}"),
    noise_at("model.gradients", std="0.01", name="push"),
    noise_at("model.weights", std="0.02", name="shake"),
)


def test_a_run_with_sites_resumes_to_the_same_bits(tmp_path: Path) -> None:
    brief = "train={steps: 5, checkpoint: {every: 5, keep: 9}, samples: {every: 9, n: 4}, log: {every: 2}}"
    more = (*VAE, *ALL, brief)
    short = train(small("vae/digits", *more), tmp_path / "short")
    resume(short, "train.steps=9")
    long = train(small("vae/digits", *more, "train.steps=9"), tmp_path / "long")
    assert not differing(saved(short), saved(long))
    assert "gaussian" in json.dumps(json.loads((long / "lock.json").read_text()))
    without = train(small("vae/digits", *VAE, brief, "train.steps=9"), tmp_path / "without")
    assert differing(saved(long), saved(without))


def test_explain_prints_each_site_and_no_noise_of_one_is_unused() -> None:
    facts = explain(small("vae/digits", *VAE, *ALL))
    told = {row["at"]: (row["noise"], row["shape"]) for row in facts["sites"]}
    assert told == {
        "encoder.net.0:output": ("inner", [8]),
        "decoder.net.1:input": ("inner", [8]),
        "model.gradients": ("push", [facts["parameters"]["trained"]]),
        "model.weights": ("shake", [facts["parameters"]["trained"]]),
    }
    assert "after clipping" in next(r["when"] for r in facts["sites"] if r["at"] == "model.gradients")
    assert not facts["remarks"]


# Refusals.

REFUSED: Mapping[str, tuple[tuple[str, ...], str, str | None, str]] = {
    "a player that is not there": ((noise_at("modle.gradients"),), "GF213", "model", "no player"),
    "a component that is not there": ((noise_at("encodr.net.0"),), "GF213", "encoder", "'encodr'"),
    "a component beside a side": ((noise_at("encodr:input"),), "GF213", "encoder", "'encodr'"),
    "another word of a player": (
        (noise_at("model.gradient"),),
        "GF219",
        "gradients",
        "gradients and weights",
    ),
    "a player alone": ((noise_at("model"),), "GF219", None, "gradients and weights"),
    "another side": ((noise_at("encoder.net.0:outptu"),), "GF219", "output", "input and output"),
    "a component's gradients": ((noise_at("encoder.gradients"),), "GF219", None, "are a player's"),
    "no site": ((noise_at("a b"),), "GF219", None, "expected a site"),
    "an empty list": ((noise_at(),), "GF219", None, "expected a site"),
    "a site that is named twice": (
        (noise_at("encoder.net.0", "encoder.net.0:output"),),
        "GF219",
        None,
        "named twice",
    ),
    "no noise": (("encoder.at=model.gradients",), "GF220", None, "only a noise"),
    "a module that is not there": ((noise_at("encoder.nte.0"),), "GF516", "net.0", "net.0, net.1, net.2"),
    "a function": ((noise_at("loss"),), "GF517", None, "no torch module"),
    "a frozen component": (
        (noise_at("encoder.net.0"), "encoder.frozen=true", "players.model.trains=[posterior, decoder]"),
        "GF517",
        None,
        "nobody trains 'encoder'",
    ),
    "a result that is no tensor": ((noise_at("posterior"),), "GF517", None, "choose a module inside"),
    "both std and variance": (
        ("noise={use: gaussian, std: 1, variance: 1, at: model.gradients}",),
        "GF501",
        None,
        "give one of them",
    ),
    "pictures' noise on gradients": (
        ("noise={use: blur, at: model.gradients}",),
        "GF517",
        None,
        "fails at model.gradients",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_a_site_that_can_not_be_is_told(what: str) -> None:
    overrides, code, nearest, words = REFUSED[what]
    (problem,) = problems("vae/digits", *overrides)
    assert (problem.code, problem.nearest) == (code, nearest)
    assert words in problem.message
    assert problem.mark is not None


INSIDE: Mapping[str, tuple[tuple[str, ...], str]] = {  # the noise is Gaussian, unless the site says another
    "encoder.two": ((), "choose a module inside"),
    "encoder.idle": ((), "no term calls the module 'idle'"),
    "other.inner": (("encoders.other={use: pair, frozen: true}",), "no term calls 'other'"),
    "encoder": (("encoder=plain", "encoders.b=pair", "wires.out=b(encoder(x))"), "no torch module"),
    "cut at encoder.inner": ((), "of the (2, 2) that stands at"),
    "pictures at encoder.inner:input": ((), "it takes pictures, not (2, 2)"),
}


@pytest.mark.parametrize("site", INSIDE)
def test_a_site_inside_that_can_not_be_is_told(site: str, pair: Make) -> None:
    overrides, words = INSIDE[site]
    noise, _, at = site.rpartition(" at ")
    with pytest.raises(RecipeError) as caught:
        pair(f"noise={{use: {noise or 'gaussian'}, at: '{at}'}}", *overrides)
    (problem,) = caught.value.problems
    assert problem.code == "GF517"
    assert words in problem.message


def test_a_noise_at_a_site_is_not_called_by_wires_too() -> None:
    (problem,) = problems("dae/digits", "noise.at=encoder")
    assert problem.code == "GF518"
    assert "x_noised, x_level" in problem.message
    assert problem.related


def test_all_wrong_sites_are_told_at_once() -> None:
    wrong: tuple[Any, ...] = (noise_at("modle.gradients", "encoder.net.0:side", "encodr"),)
    assert [p.code for p in problems("vae/digits", *wrong)] == ["GF213", "GF219", "GF213"]
