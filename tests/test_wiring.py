"""What the words of an expression bind to, and what is said of those that bind to nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from tiny import batch_of, parts_file, plan_of, recipe_file, stepper_of

from genframe.errors import Problem, RecipeError
from genframe.plan import Plan
from genframe.recipe import load_recipe

PARTS = """
    import torch
    from torch import Tensor, nn
    from genframe import Component, Shape, Verdict, hookimpl

    class Net(nn.Module):
        def __init__(self, in_shape: Shape):
            super().__init__()
            self.linear = nn.Linear(in_shape[0], 2)
        def forward(self, x, extra=None):
            return self.linear(x) if extra is None else self.linear(x) + extra
        def twice(self, x):
            return 2 * self.linear(x)

    class Sides:
        '''A loss that can't be called, with two sides.'''
        def low(self, out): return out.mean()
        def high(self, out): return -out.mean()

    def difference(a: Tensor, b: Tensor): return a - b
    def mean(out: Tensor): return out.mean()
    def through(x: Tensor, net): return net(x).mean()
    def pair(a: Tensor): return a, -a
    def powered(a: Tensor, *, power: float): return a ** power

    @hookimpl
    def genframe_encoders():
        return [Component("net", "my_parts:Net")]

    @hookimpl
    def genframe_functions():
        return [Component(n, f"my_parts:{n}") for n in ("difference", "pair", "powered")]

    @hookimpl
    def genframe_losses():
        return [
            Component("mean", "my_parts:mean"),
            Component("through", "my_parts:through"),
            Component("sides", "my_parts:Sides"),
        ]
"""

HEAD = """
    plugins: [./my_parts.py]
    data: {use: ring, n: 64, batch_size: 16}
    train: {steps: 4}
    device: cpu
    encoder: {use: net, given: {in_shape: [2]}}
    players: {model: {trains: [encoder], minimises: {loss: 1}}}
"""

Compile = Callable[..., Plan]
Wrong = Callable[..., tuple[Problem, ...]]


@pytest.fixture
def compiled(tmp_path: Path) -> Compile:
    """The plan of `wires` (their YAML lines) under HEAD."""
    parts_file(tmp_path, PARTS)

    def make(*wires: str, more: str = "") -> Plan:
        lines = "".join(f"      {wire}\n" for wire in wires)
        return plan_of(str(recipe_file(tmp_path, f"{HEAD}    wires:\n{lines}{more}")))

    return make


@pytest.fixture
def wrong(compiled: Compile) -> Wrong:
    """The problems of a recipe that must not compile."""

    def problems(*wires: str, more: str = "") -> tuple[Problem, ...]:
        with pytest.raises(RecipeError) as caught:
            compiled(*wires, more=more)
        return caught.value.problems

    return problems


def bindings(plan: Plan) -> list[tuple[str, str, str]]:
    return [(b.call, b.parameter, b.source) for b in plan.wiring.bindings]


def values(plan: Plan, *names: str) -> list[torch.Tensor]:
    """Wires on the batch, no gradient."""
    stepper, env = stepper_of(plan), {**batch_of(plan), "batch_size": 16, "n": 16, "step": 0}
    for name in plan.wiring.ancestors(frozenset(names)):
        bound = plan.wiring.plain[name]
        value = stepper.compiler.compile(bound.bound)(env, {})
        parts = [value] if len(bound.wire.names) == 1 else value
        env.update(zip(bound.wire.names, parts, strict=True))
    return [env[name].detach() for name in names]


def test_what_a_call_leaves_out_is_found_by_name(compiled: Compile) -> None:
    plan = compiled("out: encoder()", "loss: mean()")
    assert bindings(plan) == [("encoder", "x", "x"), ("mean", "out", "out")]
    written = compiled("out: encoder(x)", "loss: mean(out)")
    assert torch.equal(*values(plan, "loss"), *values(written, "loss"))


def test_what_is_left_out_may_stand_before_what_is_written_by_name(compiled: Compile) -> None:
    plan = compiled("a: encoder(x)", "c: encoder.twice(x)", "both: difference(b=c)", "loss: mean(both)")
    a, c, both = values(plan, "a", "c", "both")
    assert torch.equal(both, a - c)


def test_a_component_that_is_asked_for_is_found_by_its_name(compiled: Compile) -> None:
    plan = compiled("loss: through(x, encoder)")
    assert plan.wiring.reach["loss"] == {"through", "encoder"}
    assert plan.routing == {"model": {"loss": ("encoder",)}}


def test_an_argument_shadows_a_wire_and_a_data_field(compiled: Compile) -> None:
    plan = compiled("net(x): encoder.twice(x)", "y2: net(x)", "out: net(y2)", "loss: mean(out)")
    linear = plan.parts["encoder"].linear
    x = batch_of(plan)["x"]
    (out,) = values(plan, "out")
    torch.testing.assert_close(out, 2 * linear(2 * linear(x)).detach())


def test_a_wire_wins_over_a_data_field_and_a_function(compiled: Compile) -> None:
    plan = compiled("pair: encoder(x)", "out: difference(pair, pair)", "loss: mean(pair)")
    assert "pair" not in plan.wiring.instances
    (out,) = values(plan, "out")
    assert not out.any()


def test_a_wire_with_arguments_is_inlined_and_may_be_handed_to_what_calls_it(compiled: Compile) -> None:
    plan = compiled("net(v): encoder.twice(v)", "loss: through(x)")
    assert plan.wiring.reach["loss"] == {"through", "encoder"}
    (loss,) = values(plan, "loss")
    x = batch_of(plan)["x"]
    torch.testing.assert_close(loss, 2 * plan.parts["encoder"].linear(x).detach().mean())


def test_a_function_is_an_instance_without_being_declared(compiled: Compile) -> None:
    plan = compiled("out: encoder(x)", "loss: mean(out)")
    assert plan.wiring.instances["mean"].offer.name == "my_parts/mean"
    assert "mean" not in plan.recipe.instances


def test_an_optional_parameter_is_filled_only_when_written(compiled: Compile) -> None:
    left_out = compiled("extra: encoder.twice(x)", "out: encoder(x)", "loss: mean(out)")
    given = compiled("extra: encoder.twice(x)", "out: encoder(x, extra)", "loss: mean(out)")
    linear = left_out.parts["encoder"].linear
    x = batch_of(left_out)["x"]
    torch.testing.assert_close(*values(left_out, "out"), linear(x).detach())
    torch.testing.assert_close(*values(given, "out"), 3 * linear(x).detach() - 0 * linear(x).detach())


def test_a_key_unpacks_and_an_underscore_drops(compiled: Compile) -> None:
    plan = compiled("a: encoder(x)", "up, down: pair(a)", "_, again: pair(a)", "loss: mean(down)")
    up, down, again = values(plan, "up", "down", "again")
    assert torch.equal(up, -down)
    assert torch.equal(again, down)


def test_methods_are_bound_by_name_too(compiled: Compile) -> None:
    plan = compiled("out: encoder(x)", "loss: losses.low()", more="    losses: {losses: sides}\n")
    assert ("losses.low", "out", "out") in bindings(plan)


@pytest.mark.parametrize("wire", ["a, b, c: pair(out)", "a, b: mean(out)"])
def test_unpacking_another_number_of_values_is_told(wrong: Wrong, wire: str) -> None:
    (problem,) = wrong("out: encoder(x)", wire, f"loss: mean({wire[0]})")
    assert problem.code == "GF507"
    assert "unpacks" in problem.message
    assert problem.mark is not None
    assert problem.mark.line == 11


def test_a_cycle_is_told_with_its_path(wrong: Wrong) -> None:
    (problem,) = wrong("one: encoder(two)", "two: encoder(one)", "loss: mean(one)")
    assert "one -> two -> one" in problem.message or "two -> one -> two" in problem.message


def test_a_wire_with_arguments_that_calls_itself_is_told(wrong: Wrong) -> None:
    problems = wrong("net(v): net(v)", "out: net(x)", "loss: mean(out)")
    assert any("net -> net" in problem.message for problem in problems)


def test_an_unknown_name_is_told_with_the_nearest(wrong: Wrong) -> None:
    problems = wrong("out: encodr(x)", "loss: maen(out)")
    assert [(p.code, p.nearest) for p in problems] == [("GF401", "encoder"), ("GF401", "mean")]
    assert [p.mark.column for p in problems if p.mark] == [8, 9]


def test_a_parameter_that_nothing_fills_is_told_with_the_call_to_write(wrong: Wrong) -> None:
    (problem,) = wrong("a: encoder(x)", "out: difference(a)", "loss: mean(out)")
    assert problem.code == "GF402"
    assert "add a wire 'b', or write difference(b=...)" in problem.message


def test_too_many_arguments_of_a_wire_are_told(wrong: Wrong) -> None:
    problems = wrong("net(v): encoder(v)", "out: net(x, x)", "loss: mean(out)")
    assert [p.code for p in problems] == ["GF405"]


def test_a_function_with_a_required_option_asks_for_an_instance(wrong: Wrong) -> None:
    (problem,) = wrong("a: encoder(x)", "out: powered(a)", "loss: mean(out)")
    assert problem.code == "GF404"
    assert "'power'" in problem.message


def test_what_cannot_be_called_is_told(wrong: Wrong) -> None:
    problems = wrong("out: encoder(x)", "loss: sides(out)")
    assert [p.code for p in problems] == ["GF407"]
    assert "low, high" in problems[0].message
    assert wrong("out: encoder(x)", "k: 3", "loss: batch_size(out)")[0].code == "GF406"


def test_an_unknown_method_is_told_with_the_nearest(wrong: Wrong) -> None:
    (problem,) = wrong("out: encoder.twise(x)", "loss: mean(out)")
    assert (problem.code, problem.nearest) == ("GF407", "twice")


@pytest.mark.parametrize(
    "expression",
    [
        "out.shape",
        "out.data",
        "out.grad",
        "out.T",
        "encoder._modules",
        "encoder.linear",
        "encoder._apply(x)",
        "encoder.requires_grad_(x)",
        "encoder.register_forward_hook(mean)",
        "encoder.__class__",
        "x.__class__",
        "q._param",
        "q.__init__",
        "q.expand",
        "q.batch_shape.numel",
        "pair.__globals__",
        "encoder.twice.__globals__",
        "encoder.twice.__func__",
    ],
)
def test_nothing_is_reachable_but_what_the_white_list_names(wrong: Wrong, expression: str) -> None:
    more = "    prior: {use: gaussian, dim: 2}\n"
    problems = wrong(
        "out: encoder(x)",
        "q: prior()",
        f"taken: {expression}",
        "loss: difference(mean(out), taken)",
        more=more,
    )
    assert {p.code for p in problems} <= {"GF411", "GF506", "GF407"}, problems
    assert all(p.mark is not None for p in problems)


def test_an_output_has_nothing_but_its_arguments(wrong: Wrong) -> None:
    outputs = "    outputs: {again(n): difference(out, out)}\n"
    (problem,) = wrong(
        "out: encoder(x)", "loss: mean(out)", more=outputs.replace("difference(out, out)", "mean(out)")
    )
    assert problem.code == "GF408"
    assert "'x'" in problem.message


def test_all_mistakes_are_told_at_once(wrong: Wrong) -> None:
    problems = wrong("one: encodr(x)", "two: maen(one)", "loss: mean(one)")
    assert [p.code for p in problems] == ["GF401", "GF401"]
    problems = wrong("one: encoder(x)", "two: difference(one)", "three: encoder.twise(x)", "loss: mean(one)")
    assert [p.code for p in problems] == ["GF402", "GF407"]


def test_two_datasets_give_wires_of_their_own_names(tmp_path: Path) -> None:
    parts_file(tmp_path, PARTS)
    text = HEAD.replace(
        "data: {use: ring, n: 64, batch_size: 16}",
        "datasets: {left: {use: ring, n: 64, batch_size: 16}, right: {use: moons, n: 64, batch_size: 16}}",
    )
    text += "    wires:\n      out: difference(encoder(left.x), encoder(right.x))\n      loss: mean(out)\n"
    plan = plan_of(str(recipe_file(tmp_path, text)))
    assert plan.wiring.needs(plan.wiring.plain["out"].bound) == {"left.x", "right.x"}
    with pytest.raises(RecipeError) as caught:
        plan_of(load_recipe(recipe_file(tmp_path, text.replace("left.x", "left.xx"))))
    assert caught.value.problems[0].code == "GF401"
    assert caught.value.problems[0].nearest == "x"
