"""What compiling a recipe finds out, refuses, remarks, and leaves as it was."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from tiny import (
    batch_of,
    differing,
    numbers,
    parts_file,
    plan_of,
    recipe_file,
    small,
    stepper_of,
    terms_after,
)

from genframe.errors import Problem, RecipeError
from genframe.plan import Plan
from genframe.values import Levels, Terms, Verdict, detachable, detached

PARTS = """
    import torch
    from torch import Tensor, nn
    from genframe import Component, Shape, Verdict, hookimpl

    class Net(nn.Module):
        def __init__(self, in_shape: Shape, *, out: int = 2):
            super().__init__()
            self.linear = nn.Linear(in_shape[0], out)
        def forward(self, x):
            return self.linear(x)

    class Normed(nn.Module):
        '''Moves two buffers when called: one in place, one assigned anew; and draws.'''
        def __init__(self, in_shape: Shape):
            super().__init__()
            self.linear, self.norm = nn.Linear(in_shape[0], 2), nn.BatchNorm1d(2)
            self.register_buffer("calls", torch.zeros(()))
        def forward(self, x):
            self.calls = self.calls + 1
            return self.norm(self.linear(x)) + 0 * torch.randn(2)

    class Flat(nn.Module):
        '''A decoder that gives the wrong shape.'''
        def __init__(self, in_shape: Shape):
            super().__init__()
            self.linear = nn.Linear(in_shape[0], 32 * 32)
        def forward(self, z):
            return self.linear(z).unflatten(-1, (1, 32, 32))

    class Conditional(nn.Module):
        '''A decoder with a condition.'''
        def __init__(self, in_shape: tuple, out_shape: Shape):
            super().__init__()
            self.z, self.c = nn.Linear(in_shape[0][0], out_shape[0]), nn.Linear(in_shape[1][0], out_shape[0])
        def forward(self, z, condition):
            return self.z(z) * self.c(condition)

    class Failing(Net):
        def forward(self, x):
            raise RuntimeError("mat1 and mat2 disagree")

    class Unbuildable(Net):
        def __init__(self, in_shape: Shape):
            raise ValueError("needs three channels")

    class Mute(Net):
        '''An encoder of four numbers whose output has lost its gradient.'''
        def __init__(self, in_shape: Shape):
            super().__init__(in_shape, out=4)
        def forward(self, x):
            return self.linear(x).detach()

    class Pictured(Net):
        def __init__(self, in_shape: Shape):
            channels, height, width = in_shape

    def mean(out: Tensor): return out.mean()
    def wide(out: Tensor): return out
    def nothing(out: Tensor): return out.detach().mean()

    @hookimpl
    def genframe_encoders():
        named = [Component(n.lower(), f"my_parts:{n}") for n in ("Net", "Normed", "Failing", "Mute", "Unbuildable")]
        return [*named, Component("pictured", "my_parts:Pictured", needs=("image",))]

    @hookimpl
    def genframe_decoders():
        return [Component("flat", "my_parts:Flat"), Component("conditional", "my_parts:Conditional")]

    @hookimpl
    def genframe_losses():
        return [Component(n, f"my_parts:{n}") for n in ("mean", "wide", "nothing")]
"""

HEAD = """
    plugins: [./my_parts.py]
    train: {steps: 4}
    device: cpu
"""
RING = "    data: {use: ring, n: 64, batch_size: 16}\n"
ONE = """
    encoder: net
    wires: {out: encoder(x), loss: mean(out)}
    players: {model: {trains: [encoder], minimises: {loss: 1}}}
"""

Compile = Callable[..., Plan]
Wrong = Callable[..., tuple[Problem, ...]]


@pytest.fixture
def compiled(tmp_path: Path) -> Compile:
    parts_file(tmp_path, PARTS)

    def make(text: str, *overrides: str, data: str = RING) -> Plan:
        return plan_of(str(recipe_file(tmp_path, HEAD + data + text)), *overrides)

    return make


@pytest.fixture
def wrong(compiled: Compile) -> Wrong:
    def problems(text: str, *overrides: str, data: str = RING) -> tuple[Problem, ...]:
        with pytest.raises(RecipeError) as caught:
            compiled(text, *overrides, data=data)
        return caught.value.problems

    return problems


def line_of(text: str, needle: str, data: str = RING) -> int:
    """The line on which the recipe file says something."""
    lines = ("genframe: 1\n" + HEAD + data + text).splitlines()
    return next(number for number, line in enumerate(lines, 1) if needle in line)


# Refusals.


def test_a_decoder_of_another_shape_is_told_with_both_shapes_and_both_lines(wrong: Wrong) -> None:
    data = "    data: {use: digits, batch_size: 16}\n"
    text = """
    pipeline: vae
    encoder: {use: mlp, hidden: [4]}
    prior: {use: gaussian, dim: 2}
    decoder: flat
    likelihood: bernoulli
    """
    (problem,) = wrong(text, data=data)
    assert problem.code == "GF505"
    assert problem.message == "likelihood is given 1x32x32, and takes 1x28x28"
    told = {note: mark.line for mark, note in problem.related}
    assert told.pop("in this call", 0) > 0, "the call itself stands in the pipeline"
    assert problem.mark is not None and problem.mark.line == line_of(text, "likelihood:", data)
    assert told == {
        "vae/bernoulli takes 1x28x28 for these data": line_of(text, "likelihood:", data),
        "my_parts/flat gives 1x32x32": line_of(text, "decoder:", data),
    }


def test_a_likelihood_takes_what_its_own_data_shape_asks_for(compiled: Compile, wrong: Wrong) -> None:
    """Of the label's units, say: a decoder's out_shape follows, and what is given is held against it."""
    data = "    data: {use: digits, batch_size: 16}\n"
    text = """
    encoder: {use: mlp, hidden: [4]}
    decoder: {use: mlp, hidden: [4]}
    function: {use: smooth-labels, classes: 10, share: 0}
    likelihood: {use: bernoulli, given: {data_shape: [10]}}
    wires:
      p_y: likelihood(decoder(encoder(x)))
      objective: nll(function(y), p_y)
    players: {model: {trains: [encoder, decoder], minimises: {objective: 1}}}
    """
    assert compiled(text, data=data).parts["decoder"].out_shape == (10,)
    (problem,) = wrong(text, "decoder.given={out_shape: [9]}", data=data)
    assert problem.code == "GF505" and problem.message == "likelihood is given 9, and takes 10"


def test_the_samples_that_a_method_puts_in_front_are_no_part_of_an_example(compiled: Compile) -> None:
    data = "    data: {use: digits, batch_size: 16}\n"
    text = """
    noise: salt-and-pepper
    decoder: {use: gsn, hidden: [6, 5], steps: 3, given: {in_shape: [1, 28, 28]}}
    encoder: {use: mlp, hidden: [4]}
    likelihood: bernoulli
    wires:
      features, top: decoder.walk(x)
      objective: nll(x, likelihood(features))
      code: encoder(top)
      kept: mse(code, detach(code))
    outputs: {reconstruct(x): average(likelihood(decoder(x)).mean)}
    players: {model: {trains: [decoder, encoder], minimises: {objective: 1, kept: 1}}}
    """
    plan = compiled(text, data=data)
    assert plan.parts.shapes["encoder"] == ((5,),)


def test_a_player_that_trains_nothing_is_refused(wrong: Wrong) -> None:
    text = ONE + "    noise: gaussian\n"
    problems = wrong(text, "players.model.trains=[noise]", "encoder.frozen=true")
    assert [p.code for p in problems] == ["GF511"]
    assert "'model' trains nothing that has parameters" in problems[0].message


def test_parameters_that_nobody_trains_are_refused_unless_frozen(wrong: Wrong, compiled: Compile) -> None:
    more = ("encoders={a: net, b: net}", "encoder=null", "players.model.trains=[a]", "wires.out=b(a(x))")
    (problem,) = wrong(ONE, *more)
    assert problem.code == "GF510"
    assert "nobody trains 'b'" in problem.message
    plan = compiled(ONE, *more, "encoders.b.frozen=true")
    assert plan.routing == {"model": {"loss": ("a",)}}


def test_an_entry_of_trains_that_no_term_reaches_is_refused(wrong: Wrong) -> None:
    more = ("encoders={a: net, b: net}", "encoder=null", "players.model.trains=[a, b]", "wires.out=a(x)")
    (problem,) = wrong(
        ONE, *more, "wires.idle=b(x)", "wires.unheard=nothing(idle)", "players.model.minimises.unheard=1"
    )
    assert problem.code == "GF512"
    assert "no term of 'model' teaches 'b'" in problem.message


def test_a_part_of_a_pipeline_that_no_term_reaches_is_told_by_its_line_in_the_recipe(wrong: Wrong) -> None:
    text = """
    pipeline: vae
    encoder: mute
    prior: {use: gaussian, dim: 2}
    decoder: {use: mlp, hidden: [4]}
    likelihood: gaussian
    """
    (problem,) = wrong(text)
    assert problem.code == "GF512" and "teaches 'encoder'" in problem.message
    assert problem.mark is not None and problem.mark.line == line_of(text, "encoder:")


def test_a_critic_that_teaches_nobody_is_refused(wrong: Wrong) -> None:
    overrides = ("wires.generator_loss=mean(fake)", "loss=nonsaturating")
    text = """
    pipeline: gan
    prior: {use: gaussian, dim: 2}
    decoder: {use: mlp, hidden: [4]}
    likelihood: gaussian
    discriminator: {use: mlp, hidden: [4]}
    """
    (problem,) = wrong(text, *overrides)
    assert problem.code == "GF513"
    assert "the critic 'discriminator' teaches nobody" in problem.message


def test_what_is_frozen_cannot_be_trained(wrong: Wrong) -> None:
    problems = wrong(ONE, "encoder.frozen=true")
    assert "GF515" in [p.code for p in problems]


def test_a_frozen_part_lets_gradients_through_and_stays(compiled: Compile) -> None:
    more = ("encoders={a: net, b: {use: net, frozen: true}}", "encoder=null", "wires.out=b(a(x))")
    plan = compiled(ONE, *more, "players.model.trains=[a]")
    stepper, before = stepper_of(plan), numbers(plan.parts["b"])
    moved = numbers(plan.parts["a"])
    for step in range(3):
        stepper.step(step, batch_of(plan))
    assert not differing(before, plan.parts["b"].state_dict())
    assert differing(moved, plan.parts["a"].state_dict())


def test_what_fails_in_the_trial_run_is_told_with_its_shapes_and_its_line(wrong: Wrong) -> None:
    (problem,) = wrong(ONE, "encoder=failing")
    assert problem.code == "GF508"
    assert (
        "encoder(tensor 2x2) failed in the trial run: RuntimeError: mat1 and mat2 disagree" in problem.message
    )


def test_what_cannot_be_built_is_told_with_what_it_was_given(wrong: Wrong) -> None:
    (problem,) = wrong(ONE, "encoder=unbuildable")
    assert problem.code == "GF501"
    assert "could not be built from (in_shape=(2,)): ValueError: needs three channels" in problem.message
    assert [note for _, note in problem.related] == ["built here, for wires.out"]


def test_a_shape_can_be_that_of_what_a_likelihood_takes_and_of_no_net() -> None:
    plan = plan_of(small("vae/digits", "decoder.given={out_shape: likelihood}"))
    assert plan.parts["decoder"].out_shape == (1, 28, 28)
    with pytest.raises(RecipeError) as caught:
        plan_of(small("vae/digits", "decoder.given={out_shape: encoder}"))
    (problem,) = caught.value.problems
    assert (problem.code, problem.path) == ("GF502", "decoder.given")
    assert "out_shape: encoder of 'decoder' asks nets/mlp for its shape, and it has none" in problem.message


def test_a_part_of_pictures_that_gets_points_is_told_so(wrong: Wrong) -> None:
    (problem,) = wrong(ONE, "encoder=pictured")
    assert problem.code == "GF501"
    assert problem.message == "my_parts/pictured takes pictures (channels, height, width), and gets (2,)"


def test_a_term_must_be_a_number_or_one_a_row(wrong: Wrong) -> None:
    (problem,) = wrong(ONE, "wires.loss=wide(out)")
    assert problem.code == "GF509"
    assert "'loss' must be a number or one a row, and is tensor 2x2" in problem.message


@pytest.mark.parametrize(
    "settings, says",
    [
        (
            {"every": 5, "start": 4},
            "'model' never adds up 'loss': the player moves every 5 steps from step 4 on",
        ),
        ({"start": 10, "until": 5}, "'model' never moves: it begins at step 10 and ends at step 5"),
        ({"until": {"epochs": 1}, "start": {"epochs": 2}}, "it begins at epoch 2 and ends at epoch 1"),
    ],
)
def test_a_player_or_a_term_whose_steps_never_come_is_told(
    wrong: Wrong, settings: dict[str, object], says: str
) -> None:
    own = [f"players.model.{key}={value}".replace("'", "") for key, value in settings.items()]
    (problem,) = wrong(ONE, *own, "players.model.minimises={loss: {every: 10}}")
    assert problem.code == "GF548"
    assert says in problem.message


# Remarks.


def test_a_wire_that_nothing_uses_is_a_remark(compiled: Compile) -> None:
    plan = compiled(ONE, "wires.idle=encoder(out)")
    assert [(p.code, p.severity) for p in plan.remarks] == [("GF520", "remark")]
    assert "'idle'" in plan.remarks[0].message


VAE = """
    pipeline: vae
    encoder: {use: mlp, hidden: [4]}
    prior: {use: gaussian, dim: 2}
    decoder: {use: mlp, hidden: [4]}
    likelihood: gaussian
"""


def test_sample_where_rsample_would_let_the_gradient_through_is_a_remark(compiled: Compile) -> None:
    assert not compiled(VAE).remarks
    plan = compiled(VAE, "wires.z=q_z.sample()")
    assert [p.code for p in plan.remarks] == ["GF521"]
    assert "rsample" in plan.remarks[0].message


@pytest.mark.parametrize(
    "posterior, prior, says",
    [
        ("gaussian", "{use: bernoulli, dim: 2}", "of real numbers, the prior (Bernoulli) of zeros and ones"),
        (
            "bernoulli",
            "{use: gaussian, dim: 2}",
            "of zeros and ones, the prior (DiagonalGaussian) of real numbers",
        ),
        (
            "concrete",
            "{use: gaussian, dim: 2}",
            "of zeros and ones, the prior (DiagonalGaussian) of real numbers",
        ),
        (
            "bernoulli",
            "{use: categorical, dim: 2, classes: 3}",
            "the prior (OneHotCategorical) of one-hot vectors",
        ),
        (
            "{use: gaussian, given: {latent_shape: [3]}}",
            "{use: gaussian, dim: 2}",
            "codes of shape (3,), the prior of shape (2,)",
        ),
    ],
)
def test_a_posterior_and_a_prior_of_different_codes_are_refused(
    wrong: Wrong, posterior: str, prior: str, says: str
) -> None:
    (problem,) = wrong(VAE, f"posterior={posterior}", f"prior={prior}", "decoder={use: mlp, hidden: [4]}")
    assert problem.code == "GF519"
    assert says in problem.message
    assert {"posterior", "prior"} <= {text.split()[1] for _, text in problem.related}


# What a trial leaves as it was.


def test_the_trial_run_moves_no_buffer_and_no_random_state(compiled: Compile) -> None:
    torch.manual_seed(3)
    state = torch.get_rng_state()
    plan = compiled(ONE, "encoder=normed")
    assert torch.equal(torch.get_rng_state(), state)
    encoder = plan.parts["encoder"]
    assert not encoder.norm.running_mean.any()
    assert int(encoder.norm.num_batches_tracked) == 0
    assert float(encoder.calls) == 0
    assert all(parameter.grad is None for parameter in encoder.parameters())


def test_adding_a_component_changes_no_others_parameters(compiled: Compile) -> None:
    alone = compiled(VAE)
    more = (
        "encoders.other={use: net, out: 3}",
        "wires.extra=mean(other(x))",
        "players.model.minimises.extra=1",
    )
    beside = compiled(
        VAE, *more, "players.model.trains=[other, decoder, posterior, encoder, prior, likelihood]"
    )
    for name, module in alone.parts.modules().items():
        assert not differing(module.state_dict(), beside.parts.modules()[name].state_dict()), name
    reseeded = compiled(VAE, "seed=1")
    assert differing(alone.parts["encoder"].state_dict(), reseeded.parts["encoder"].state_dict())


def test_two_instances_of_one_component_start_apart(compiled: Compile) -> None:
    more = ("encoders={a: net, b: net}", "encoder=null", "players.model.trains=[a, b]", "wires.out=b(a(x))")
    plan = compiled(ONE, *more)
    assert differing(plan.parts["a"].state_dict(), plan.parts["b"].state_dict())


# Sample dimensions.


@pytest.mark.parametrize("condition", [False, True])
def test_sample_dimensions_are_folded_as_in_a_loop(compiled: Compile, condition: bool) -> None:
    more = ["wires.z=q_z.rsample([3])"]
    if condition:
        more += [
            "decoder=conditional",
            "wires.observe(z)=likelihood(decoder(z, x))",
            "outputs=null",
            "evaluate=null",
        ]
    plan = compiled(VAE, *more)
    assert plan.shapes["z"] == "tensor 3x2x2"
    assert plan.shapes["p_x"] == "DiagonalGaussian 3x2 of 2"
    decode = plan.parts.caller("decoder")
    z, x = torch.randn(3, 16, 2), torch.randn(16, 2)
    args = (x,) if condition else ()
    folded = decode(z, *args)
    looped = torch.stack([plan.parts["decoder"](one, *args) for one in z])
    torch.testing.assert_close(folded, looped)
    two = decode(z.expand(4, 3, 16, 2), *args)
    torch.testing.assert_close(two, looped.expand(4, 3, 16, 2))
    terms = terms_after(plan, 2)
    assert terms["objective"].isfinite().all()


def test_a_condition_is_no_sample_though_all_sizes_are_equal(compiled: Compile) -> None:
    more = [
        "decoder=conditional",
        "wires.observe(z)=likelihood(decoder(z, x))",
        "outputs=null",
        "evaluate=null",
    ]
    plan = compiled(VAE, "wires.z=q_z.rsample([2])", *more)  # two samples of two rows of two values
    z, x = torch.randn(2, 2, 2), torch.randn(2, 2)
    looped = torch.stack([plan.parts["decoder"](one, x) for one in z])
    torch.testing.assert_close(plan.parts.caller("decoder")(z, x), looped)


def test_a_fold_trains_as_a_loop_over_samples_does(compiled: Compile) -> None:
    """Three samples in one wire against three wires of one sample: the same gradient where the draws are the same."""
    plan = compiled(VAE, "wires.z=q_z.rsample([3])")
    x = batch_of(plan)["x"]
    parts = plan.parts
    q = parts["posterior"](parts["encoder"](x))
    torch.manual_seed(0)
    z = q.rsample([3])
    folded = parts["likelihood"](parts.caller("decoder")(z)).log_prob(x).mean()
    looped = sum(parts["likelihood"](parts["decoder"](one)).log_prob(x).mean() for one in z) / 3
    weight = parts["encoder"].net[0].weight
    (one,) = torch.autograd.grad(folded, weight, retain_graph=True)
    (other,) = torch.autograd.grad(looped, weight)
    torch.testing.assert_close(one, other)


# Values without gradient.


def test_every_value_of_the_vocabulary_can_be_detached() -> None:
    plan = plan_of(small("vae/digits"))
    x = batch_of(plan)["x"]
    q = plan.parts["posterior"](plan.parts["encoder"](x))
    grown = q.mean * 2
    values = [
        grown,
        q,
        Verdict(grown, grown),
        Terms(grown, {"part": grown}),
        Levels(grown, ("a",)),
        (grown, [1, "b"]),
    ]
    for value in values:
        assert detachable(value)
        assert not _asks(detached(value))
        assert _asks(value), "the original keeps its graph"
    assert not detachable(object())


def _asks(value: object) -> bool:
    """Whether a tensor somewhere inside has a graph."""
    match value:
        case torch.Tensor():
            return value.requires_grad
        case tuple() | list():
            return any(map(_asks, value))
        case dict():
            return any(map(_asks, value.values()))
        case Verdict() | Terms() | Levels():
            return any(_asks(getattr(value, name)) for name in value.__slots__)
        case torch.distributions.Distribution():
            return any(map(_asks, vars(value).values()))
    return False
