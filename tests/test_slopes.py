"""Penalties on a slope: what is refused before training, and in which precision the rest is computed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from tiny import batch_of, plan_of, stepper_of
from torch import Tensor

from genframe.errors import RecipeError
from genframe.plan import Plan
from genframe.recipe import load_recipe

PARTS = """\
import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from genframe import Component, Verdict, hookimpl

GENFRAME_API = 1


class Critic(nn.Module):
    def __init__(self, in_shape, *, norm: str = "none"):
        super().__init__()
        layers = {"batch": nn.BatchNorm1d(8), "layer": nn.LayerNorm(8), "own": Centred(), "once": Once()}
        layers["kinked"] = Kinked()
        bend = nn.ReLU() if norm == "kinked" else nn.Tanh()
        self.net = nn.Sequential(nn.Linear(2, 8), layers.get(norm, nn.ReLU()), bend, nn.Linear(8, 1))

    def forward(self, x):
        return Verdict(self.net(x).squeeze(1))


class Centred(nn.Module):
    def forward(self, x):
        return x - x.square().mean(0)


class Kinked(nn.Module):
    def forward(self, x):
        return nn.functional.leaky_relu(x - x.mean(0), 0.2)


class Doubled(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.sin()

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient):
        return gradient * ctx.saved_tensors[0].cos()


class Once(nn.Module):
    def forward(self, x):
        return Doubled.apply(x)


@hookimpl
def genframe_discriminators():
    return [Component("critic", "slope_parts:Critic")]
"""

RECIPE = """\
genframe: 1
name: slopes
pipeline: gan
plugins: [./slope_parts.py]
data: {use: ring, n: 200, batch_size: 16}
prior: {use: gaussian, dim: 2}
decoder: {use: mlp, hidden: [8]}
likelihood: gaussian
discriminator: {use: slope_parts/critic, norm: NORM}
wires:
  penalty: PENALTY
players:
  critic: {minimises: {penalty: 1}}
train: {steps: 2}
"""

BY_NAME = "r1(x, discriminator)"
BY_WIRE = "gradient_penalty(x, fake, steep)\n  steep(v): discriminator(v)"


@pytest.fixture
def recipe(tmp_path: Path) -> Iterator[Path]:
    (tmp_path / "slope_parts.py").write_text(PARTS)
    yield tmp_path / "recipe.yaml"


def plan(path: Path, norm: str = "none", penalty: str = BY_NAME, *overrides: str) -> Plan:
    path.write_text(RECIPE.replace("NORM", norm).replace("PENALTY", penalty))
    return plan_of(load_recipe(str(path), overrides=list(overrides)))


@pytest.mark.parametrize(
    "penalty", [BY_NAME, BY_WIRE, "dragan(x, discriminator)", "jensen_shannon(x, fake, discriminator)"]
)
def test_batch_norm_under_a_penalty_is_refused_with_the_layer_and_the_reason(
    recipe: Path, penalty: str
) -> None:
    with pytest.raises(RecipeError) as caught:
        plan(recipe, "batch", penalty)
    (problem,) = caught.value.problems
    assert problem.code == "GF514"
    assert problem.mark is not None and problem.mark.line == 11
    for words in (
        "'discriminator'",
        "net.1 (BatchNorm1d)",
        "depends on the others",
        "layer, group or instance",
    ):
        assert words in problem.message
    assert [mark.line for mark, _ in problem.related] == [9]


def test_batch_norm_without_a_penalty_trains(recipe: Path) -> None:
    assert plan(recipe, "batch", BY_NAME, "players.critic.minimises.penalty=null").remarks


@pytest.mark.parametrize("norm", ["none", "layer"])
@pytest.mark.parametrize("penalty", [BY_NAME, BY_WIRE])
def test_norms_of_each_example_are_taken_without_a_word(recipe: Path, norm: str, penalty: str) -> None:
    assert not plan(recipe, norm, penalty).remarks


@pytest.mark.parametrize("norm", ["own", "kinked"])
def test_a_critic_that_mixes_its_examples_otherwise_is_remarked_on(recipe: Path, norm: str) -> None:
    """Minibatch statistics may be meant: they are no error. `kinked` has no second derivative that would tell."""
    (remark,) = plan(recipe, norm).remarks
    assert (remark.code, remark.severity) == ("GF524", "remark")
    assert "depends on the other examples" in remark.message


@pytest.mark.parametrize("activation", ["leaky_relu", "tanh"])
def test_the_slope_of_a_judge_that_packs_is_remarked_on_and_that_of_packs_is_not(activation: str) -> None:
    packed = ("functions={packed: {use: pack, samples: 2}}", f"discriminator.activation={activation}")
    verdicts = "real_verdict: judge(packed(x)), fake_verdict: judge(packed(fake))"
    right = f"wires={{{verdicts}, penalty: 'smooth(packed(x), judge)', judge(v): discriminator(v)}}"
    assert not plan_of(load_recipe("gan/ring", [*packed, right])).remarks
    verdicts = "real_verdict: judge(x), fake_verdict: judge(fake)"
    wrong = f"wires={{{verdicts}, penalty: 'smooth(x, judge)', judge(v): discriminator(packed(v))}}"
    (remark,) = plan_of(load_recipe("gan/ring", [*packed, wrong])).remarks
    assert remark.code == "GF524" and "hand it packs" in remark.message


@pytest.mark.parametrize("penalty", [BY_NAME, BY_WIRE])
def test_an_operation_without_a_second_derivative_is_refused(recipe: Path, penalty: str) -> None:
    with pytest.raises(RecipeError) as caught:
        plan(recipe, "once", penalty)
    (problem,) = caught.value.problems
    assert problem.code == "GF523"
    assert problem.path == "players.critic.minimises.penalty"
    assert "once_differentiable" in problem.message and "second derivative" in problem.message


def weights(plan: Plan) -> list[Tensor]:
    """The critic's weights after two steps."""
    stepper = stepper_of(plan)
    for step in range(2):
        stepper.step(step, batch_of(plan))
    return [p.detach().clone() for p in plan.parts["discriminator"].parameters()]


ALONE = ("players.critic.minimises.critic_loss=0",)
AT_DATA = "r1(x, steep)\n  steep(v): discriminator(v)"


@pytest.mark.parametrize("penalty", [BY_NAME, AT_DATA])
def test_a_penalty_is_computed_in_float32_whatever_the_precision(recipe: Path, penalty: str) -> None:
    """The public mistake lets it run under autocast, where a slope has three digits."""
    full, half = (
        weights(plan(recipe, "none", penalty, f"train.precision={precision}", *ALONE))
        for precision in ("fp32", "bf16")
    )
    assert all(torch.equal(a, b) for a, b in zip(full, half, strict=True))


def test_bf16_reaches_what_is_differentiated_once(recipe: Path) -> None:
    full, half = (weights(plan(recipe, "none", BY_NAME, f"train.precision={p}")) for p in ("fp32", "bf16"))
    assert not all(torch.equal(a, b) for a, b in zip(full, half, strict=True))


@pytest.mark.parametrize("penalty", [BY_NAME, BY_WIRE])
def test_a_compiled_critic_is_not_compiled_where_it_is_differentiated_twice(
    recipe: Path, penalty: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """torch compiles no second derivative: a penalty through a compiled critic would fail in the first step."""

    def compiled(part: torch.nn.Module) -> object:
        def call(*args: Tensor) -> object:
            assert not any(arg.is_leaf and arg.requires_grad for arg in args), (
                "differentiated through a compiled net"
            )
            return part(*args)

        return call

    monkeypatch.setattr(torch, "compile", compiled)
    plain, fast = (weights(plan(recipe, "none", penalty, f"train.compile={c}")) for c in ("false", "true"))
    assert all(torch.equal(a, b) for a, b in zip(plain, fast, strict=True))
