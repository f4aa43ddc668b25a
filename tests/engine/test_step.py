"""What happens in a step: when terms and players count, schedules, clipping, clamping, averages, draws, modes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from tiny import batch_of, differing, numbers, parts_file, plan_of, recipe_file, small, stepper_of
from torch import Tensor, nn

from genframe.engine.averages import Averages
from genframe.engine.outputs import Outputs
from genframe.engine.step import Stepper

PARTS = """
    import torch
    from torch import Tensor, nn
    from genframe import Component, Schedulable, Shape, hookimpl

    class Point(nn.Module):
        '''One parameter, which starts at 1.'''
        def __init__(self):
            super().__init__()
            self.p = nn.Parameter(torch.ones(()))
        def forward(self, x):
            return self.p * torch.ones_like(x[:, :1])

    class Scaled(Point):
        '''A parameter times a scheduled factor.'''
        def __init__(self, *, factor: Schedulable = 1.0):
            super().__init__()
            self.factor = factor
        def forward(self, x):
            return self.factor * self.p * torch.ones_like(x[:, :1])

    class Normed(nn.Module):
        def __init__(self, in_shape: Shape):
            super().__init__()
            self.linear = nn.Linear(in_shape[0], 2)
            self.norm = nn.BatchNorm1d(2)
        def forward(self, x):
            return self.norm(self.linear(x))

    class Running(nn.Module):
        '''A running mean that is assigned anew, as many write it.'''
        def __init__(self, in_shape: Shape):
            super().__init__()
            self.linear = nn.Linear(in_shape[0], 2)
            self.register_buffer("mean", torch.zeros(2))
        def forward(self, x):
            if self.training:
                self.mean = 0.5 * self.mean + 0.5 * x.detach().mean(0)
            return self.linear(x - self.mean)

    class Half(nn.Module):
        '''A fixed parameter beside a trained one.'''
        def __init__(self, in_shape: Shape):
            super().__init__()
            self.fixed = nn.Linear(in_shape[0], 2).requires_grad_(False)
            self.last = nn.Linear(2, 2)
        def forward(self, x):
            return self.last(self.fixed(x))

    class Tied(nn.Module):
        '''A decoder with the transposed weights of the encoder's first layer.'''
        def __init__(self, encoder, out_shape: Shape):
            super().__init__()
            self.encoder = encoder
            self.bias = nn.Parameter(torch.zeros(out_shape[0]))
        def forward(self, z):
            return z @ self.encoder.linear.weight + self.bias

    class Plain(nn.Module):
        def __init__(self, in_shape: Shape):
            super().__init__()
            self.linear = nn.Linear(in_shape[0], 2)
        def forward(self, x):
            return self.linear(x)

    def mean(a: Tensor, *, scale: Schedulable = 1.0): return scale * a.mean()
    def size(a: Tensor): return a.square().mean()
    def jitter(a: Tensor): return a + torch.randn_like(a)

    @hookimpl
    def genframe_encoders():
        names = ("Point", "Scaled", "Normed", "Running", "Half", "Plain")
        return [Component(name.lower(), f"my_parts:{name}") for name in names]

    @hookimpl
    def genframe_decoders():
        return [Component("tied", "my_parts:Tied")]

    @hookimpl
    def genframe_losses():
        return [Component("mean", "my_parts:mean"), Component("size", "my_parts:size")]

    @hookimpl
    def genframe_functions():
        return [Component("jitter", "my_parts:jitter")]
"""

BASE = """
    plugins: [./my_parts.py]
    data: {use: ring, n: 64, batch_size: 16}
    train: {steps: 4}
    device: cpu
"""

POINT = (
    BASE
    + """
    encoder: point
    wires: {out: encoder(x), down: mean(out), also: mean(out)}
    players: {model: {trains: [encoder], minimises: {down: 1}, optimizer: {use: sgd, lr: 1}}}
"""
)


@pytest.fixture
def recipe(tmp_path: Path) -> Any:
    """A recipe of this file's parts, ready to run."""
    parts_file(tmp_path, PARTS)

    def make(text: str, *overrides: str) -> Stepper:
        return stepper_of(plan_of(str(recipe_file(tmp_path, text)), *overrides))

    return make


def run(stepper: Stepper, steps: int, start: int = 0) -> list[dict[str, Tensor]]:
    """All components' tensors after each step."""
    batch, seen = batch_of(stepper.plan), []
    for step in range(start, start + steps):
        stepper.step(step, batch)
        seen.append({f"{n}.{k}": t for n, m in stepper.modules.items() for k, t in numbers(m).items()})
    return seen


def path_of(stepper: Stepper, steps: int, name: str = "encoder.p") -> list[float]:
    return [float(tensors[name]) for tensors in run(stepper, steps)]


def test_a_lazy_term_counts_for_the_steps_that_it_stood_out(recipe: Any) -> None:
    terms = "players.model.minimises={down: {weight: 2, every: 3}}"
    assert path_of(recipe(POINT, terms), 7) == [-5, -5, -5, -11, -11, -11, -17]


@pytest.mark.parametrize("player, term, counts", [(2, 8, 4), (4, 2, 1), (4, 6, 3), (1, 16, 16), (3, 1, 1)])
def test_a_lazy_term_counts_for_the_moves_of_its_player_and_not_for_steps(
    recipe: Any, player: int, term: int, counts: int
) -> None:
    """So that it adds up, over the moves, to what it would without laziness: 48 steps hold whole rounds of all."""
    lazy = recipe(
        POINT, f"players.model={{every: {player}}}", f"players.model.minimises={{down: {{every: {term}}}}}"
    )
    (side,) = lazy.sides
    assert side.weight("down", 0, 10) == counts
    always = recipe(POINT, f"players.model={{every: {player}}}", "players.model.minimises={down: 1}")
    assert path_of(lazy, 48)[-1] == path_of(always, 48)[-1]


def test_a_term_is_added_from_its_start_until_its_end(recipe: Any) -> None:
    terms = "players.model.minimises={down: {start: 2, until: 4}, also: {weight: 0.5, every: 2, start: 1}}"
    assert path_of(recipe(POINT, terms), 6) == [1, 0, -1, -3, -3, -4]


def test_counts_may_be_epochs(recipe: Any) -> None:
    terms = "players.model.minimises={down: {start: {epochs: 0.2}, until: {epochs: 0.4}}}"
    assert path_of(recipe(POINT, terms), 6) == [1, 1, 0, -1, -1, -1]  # an epoch is ten steps


def test_a_player_moves_every_so_many_steps_from_its_start_until_its_end(recipe: Any) -> None:
    rhythm = ("players.model.every=2", "players.model.start=1", "players.model.until=6")
    assert path_of(recipe(POINT, *rhythm), 8) == [1, 0, 0, -1, -1, -2, -2, -2]


def test_a_weight_may_be_a_schedule(recipe: Any) -> None:
    terms = "players.model.minimises={down: {weight: {linear: {from: 0, to: 4, steps: 4}}}}"
    assert path_of(recipe(POINT, terms), 5) == [1, 0, -2, -5, -9]


def test_a_learning_rate_may_be_a_schedule(recipe: Any) -> None:
    rate = "players.model.optimizer.lr={steps: {values: [1, 0.5], steps: [2]}}"
    assert path_of(recipe(POINT, rate), 4) == [0, -1, -1.5, -2]


def test_a_scheduled_option_reaches_a_function(recipe: Any) -> None:
    wired = (
        "losses={scaled: {use: mean, scale: {linear: {from: 1, to: 3, steps: 2}}}}",
        "wires.down=scaled(out)",
    )
    assert path_of(recipe(POINT, *wired), 4) == [0, -2, -5, -8]


def test_a_scheduled_option_reaches_an_instance(recipe: Any) -> None:
    assert path_of(
        recipe(POINT, "encoder={use: scaled, factor: {linear: {from: 1, to: 3, steps: 2}}}"), 3
    ) == [0, -2, -5]


def test_the_gradient_of_a_player_is_clipped_by_its_norm(recipe: Any) -> None:
    terms = ("players.model.minimises={down: 8}", "players.model.clip=0.25")
    assert path_of(recipe(POINT, *terms), 2) == pytest.approx([0.75, 0.5], abs=1e-5)


def test_the_weights_of_a_player_are_clamped_after_each_of_its_moves(recipe: Any) -> None:
    """From 1 down by 0.75 a step: the second step is cut at -0.25, and the third starts from there."""
    terms = ("players.model.minimises={down: 0.75}", "players.model.clamp=0.25")
    assert path_of(recipe(POINT, *terms), 3) == [0.25, -0.25, -0.25]


AVERAGED = (
    BASE
    + """
    encoder: normed
    wires: {out: encoder(x), loss: size(out)}
    players: {model: {trains: [encoder], minimises: {loss: 1}, ema: 0.75}}
"""
)


@pytest.mark.parametrize("encoder", ["normed", "running"])
def test_an_average_is_that_made_by_hand_with_its_buffers(recipe: Any, encoder: str) -> None:
    """Its decay after move t is min(ema, (1 + t) / (10 + t)), t = 1 at the first; 0.3 is reached at the third."""
    stepper = recipe(AVERAGED, f"encoder={encoder}", "players.model.ema=0.3")
    first = {f"encoder.{k}": t for k, t in numbers(stepper.modules["encoder"]).items()}
    expected = dict(first)
    seen = run(stepper, 5)
    for decay, tensors in zip([2 / 11, 3 / 12, 0.3, 0.3, 0.3], seen, strict=True):
        for key, value in tensors.items():
            expected[key] = (
                decay * expected[key] + (1 - decay) * value if value.is_floating_point() else value
            )
    averages = stepper.sides[0].averages
    assert averages is not None
    assert averages.moves == 5
    got = {f"encoder.{k}": t for k, t in averages.state()["encoder"].items()}
    assert differing(seen[0], seen[-1]), "something moved"
    for key, want in expected.items():
        torch.testing.assert_close(got[key], want)


def test_the_warm_up_of_an_average_counts_the_moves_of_its_own_player(recipe: Any) -> None:
    """One that moves on every second step from step 1: on 1, 3 and 5 of 6 steps, by 1 (down) or not at all."""
    stepper = recipe(POINT, "players.model.ema=0.999", "players.model.every=2", "players.model.start=1")
    path = path_of(stepper, 6)
    expected, value = 1.0, 1.0
    for moved, decay in enumerate((2 / 11, 3 / 12, 4 / 13), 1):
        value = 1.0 - moved
        expected = decay * expected + (1 - decay) * value
    assert path == [1, 0, 0, -1, -1, -2]
    averages = stepper.sides[0].averages
    assert averages is not None
    assert averages.moves == 3
    assert float(averages.state()["encoder"]["p"]) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("encoder", ["normed", "running"])
def test_averages_are_swapped_in_and_out_without_a_trace(recipe: Any, encoder: str) -> None:
    stepper = recipe(AVERAGED, f"encoder={encoder}")
    run(stepper, 3)
    averages, module = stepper.sides[0].averages, stepper.modules["encoder"]
    assert averages is not None
    live = numbers(module)
    copies = {k: t.clone() for k, t in averages.state()["encoder"].items()}
    with averages.in_place():
        assert not differing(module.state_dict(), copies)
    assert not differing(module.state_dict(), live)
    assert not differing(averages.state()["encoder"], copies)


TIED = (
    BASE
    + """
    encoder: plain
    decoder: tied
    wires:
      restored: decoder(encoder(x))
      loss: mse(x, restored)
    players: {model: {trains: [encoder, decoder], minimises: {loss: 1}, ema: 0.9}}
    outputs: {reconstruct(x): decoder(encoder(x))}
"""
)


def test_tied_weights_are_one_parameter_trained_once(recipe: Any) -> None:
    stepper = recipe(TIED)
    (side,) = stepper.sides
    assert sorted(side.parameters) == ["decoder.bias", "encoder.linear.bias", "encoder.linear.weight"]
    assert stepper.modules["decoder"].encoder is stepper.modules["encoder"]
    twin_encoder, twin_bias = nn.Linear(2, 2), nn.Parameter(torch.zeros(2))
    twin_encoder.load_state_dict(stepper.modules["encoder"].linear.state_dict())
    optimizer = torch.optim.Adam([*twin_encoder.parameters(), twin_bias], 1e-3, fused=True)
    x = batch_of(stepper.plan)["x"]
    for _ in range(5):
        optimizer.zero_grad()
        (x - (twin_encoder(x) @ twin_encoder.weight + twin_bias)).square().mean().backward()
        optimizer.step()
    run(stepper, 5)
    torch.testing.assert_close(stepper.modules["encoder"].linear.weight, twin_encoder.weight)
    torch.testing.assert_close(stepper.modules["decoder"].bias, twin_bias)


def test_outputs_by_averages_leave_tied_weights_as_they_were(recipe: Any) -> None:
    stepper = recipe(TIED)
    run(stepper, 3)
    outputs = Outputs(stepper.plan, [side.averages for side in stepper.sides])
    before = {name: numbers(module) for name, module in stepper.modules.items()}
    kept = {
        name: {k: t.clone() for k, t in s.items()} for name, s in stepper.sides[0].averages.state().items()
    }
    x = batch_of(stepper.plan)["x"]
    with outputs.evaluating("test"):
        averaged = outputs["reconstruct"](x)
    weight, bias = kept["encoder"]["linear.weight"], kept["encoder"]["linear.bias"]
    torch.testing.assert_close(averaged, (x @ weight.T + bias) @ weight + kept["decoder"]["bias"])
    for name, module in stepper.modules.items():
        assert not differing(before[name], module.state_dict()), name
    for name, state in stepper.sides[0].averages.state().items():
        assert not differing(kept[name], state), name


def test_what_an_author_fixed_stays_fixed(recipe: Any) -> None:
    stepper = recipe(AVERAGED, "encoder=half")
    before = numbers(stepper.modules["encoder"])
    assert sorted(stepper.sides[0].parameters) == ["encoder.last.bias", "encoder.last.weight"]
    run(stepper, 3)
    moved = differing(before, stepper.modules["encoder"].state_dict())
    assert moved == ["last.bias", "last.weight"]


DRAWN = (
    BASE
    + """
    encoder: plain
    wires: {out: encoder(x), noisy: jitter(out), other: jitter(out), loss: size(noisy), more: size(other)}
    players: {model: {trains: [encoder], minimises: {loss: 1, more: 1}}}
"""
)


def terms_at(stepper: Stepper, step: int) -> dict[str, float]:
    stepper.step(step, batch_of(stepper.plan))
    return {name: rows[0][1] for name, rows in stepper.take_history().items()}


def test_draws_are_a_function_of_seed_wire_and_step(recipe: Any) -> None:
    still = "players.model.optimizer={use: sgd, lr: 1e-30}"
    stepper = recipe(DRAWN, still)
    first = terms_at(stepper, 3)
    torch.manual_seed(99)
    assert terms_at(stepper, 3) == first, "whatever was drawn before"
    assert terms_at(stepper, 4) != first
    assert terms_at(recipe(DRAWN, still, "seed=1"), 3) != first
    assert first["loss"] != first["more"], "two wires of one expression draw apart"
    assert terms_at(recipe(DRAWN, still, "wires.another=jitter(x)"), 3) == first, "and no other wire matters"


def test_a_wire_that_is_computed_again_repeats_its_draws(recipe: Any) -> None:
    swapped = small(
        "gan/digits", "players={critic: {trains: [discriminator]}, generator: {trains: [decoder]}}"
    )
    stepper = stepper_of(plan_of(swapped))
    seen: list[Tensor] = []
    original = stepper._compute

    def watched(instruction: Any, env: dict[str, Any], step: int) -> None:
        original(instruction, env, step)
        if "fake" in instruction.unpacked:
            seen.append(env["fake"].detach().clone())

    stepper._compute = watched  # type: ignore[method-assign]
    batch = batch_of(stepper.plan)
    for side in stepper.sides:
        side.optimizer.step = lambda: None  # type: ignore[method-assign]
    for key in ((("critic_loss",), ()), ((), ("generator_loss",))):
        for program in stepper._program(key):
            stepper._move(program, {**batch, **stepper._numbers, "step": 5}, 5)
    one, again = seen
    assert torch.equal(one, again)


def test_trained_parts_are_in_train_mode_and_the_others_in_eval_mode(recipe: Any) -> None:
    text = AVERAGED.replace("encoder: normed", "encoders: {a: normed, b: {use: normed, frozen: true}}")
    text = text.replace("encoder(x)", "b(a(x))").replace("[encoder]", "[a]")
    stepper = recipe(text)
    assert stepper.modules["a"].training
    assert not stepper.modules["b"].training
    before = numbers(stepper.modules["b"])
    run(stepper, 2)
    assert not differing(before, stepper.modules["b"].state_dict())


def test_an_average_of_several_components_is_kept_apart() -> None:
    one, other = nn.Linear(1, 1), nn.Linear(1, 1)
    averages = Averages(0.1, {"one": one, "other": other})
    with torch.no_grad():
        one.weight.add_(2)
    averages.update()
    assert float((one.weight - averages.state()["one"]["weight"]).detach()) == pytest.approx(0.2)
    assert float((other.weight - averages.state()["other"]["weight"]).detach()) == pytest.approx(0)


def test_an_average_begins_from_what_the_data_gave() -> None:
    net = nn.Linear(2, 2)
    averages = Averages(0.9, {"net": net})
    with torch.no_grad():
        net.weight.fill_(3.0)  # as `begin_from` does, after the average was made
    averages.begin()
    assert torch.equal(averages.state()["net"]["weight"], torch.full((2, 2), 3.0))
    assert averages.moves == 0
