"""What a recipe computes, for whom, and who teaches whom, as plain data: `genframe explain --json`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from genframe.bound import Binding, BoundWire, Part
from genframe.compiling import compile_plan
from genframe.engine.step import Stepper
from genframe.hooks import Component
from genframe.kinds import KINDS
from genframe.methods import asked
from genframe.plan import Plan
from genframe.recipe.model import Instance, Player, Recipe, Schedule, Site, Span, Term
from genframe.registry import Offer
from genframe.sharing import Move
from genframe.trial import trial_data, undisturbed

FLOPS_ARE = (
    "floating-point operations of one step in which every player adds up all its terms, forward and backward, "
    "counted with {rows} rows and scaled to the batch; matrix products, convolutions and attention count, "
    "what is done value by value and the optimizers do not"
)


def explain(recipe: Recipe) -> dict[str, Any]:
    """Everything that follows from a recipe's wires. Raises RecipeError or PluginError where it can't be compiled."""
    plan = compile_plan(recipe)
    facts = explained(plan)
    remarks = facts.pop("remarks")
    return {**facts, "flops": _flops(plan), "remarks": remarks}


def explained(plan: Plan) -> dict[str, Any]:
    """The same of a plan that is compiled, without the FLOPs, for which a step is made."""
    recipe = plan.recipe
    return {
        "recipe": recipe.name,
        "play": recipe.play,
        "datasets": [_dataset(plan, name) for name in plan.datasets],
        "bindings": _bindings(plan),
        "wires": [_wire(plan, bound) for bound in _in_order(plan)],
        "templates": [_expression(bound) for bound in plan.wiring.templates.values()],
        "outputs": [_expression(bound) for bound in plan.wiring.outputs.values()],
        "samplers": [_sampler(sampler) for sampler in recipe.samplers],
        "sites": [_site(plan, site) for site in recipe.sites],
        "watch": [
            {"name": alarm.name, **_instance(alarm.instance), "reads": list(alarm.reads)}
            for alarm in plan.watch.alarms
        ],
        "players": _players(plan),
        "routing": _routing(plan),
        "components": _components(plan),
        "parameters": _parameter_count(plan),
        "remarks": [remark.as_dict() for remark in (*recipe.remarks, *plan.remarks)],
    }


def _dataset(plan: Plan, name: str) -> dict[str, Any]:
    data, spec = plan.recipe.datasets[name], plan.parts.specs[name]
    return {
        "name": name,
        "component": data.instance.offer.name,
        "batch_size": data.batch_size,
        "binarise": data.binarise,
        "dequantise": data.dequantise,
        "wires": {f"{name}.{key}" if name else key: list(field.shape) for key, field in spec.fields.items()},
        "lengths": dict(spec.lengths),
    }


def _bindings(plan: Plan) -> list[dict[str, str]]:
    """Each call's parameters with what stands behind them; equal ones once."""
    return [_binding(plan, binding) for binding in dict.fromkeys(plan.wiring.bindings)]


def _binding(plan: Plan, binding: Binding) -> dict[str, str]:
    instance = plan.wiring.instances.get(binding.call.partition(".")[0])
    return {
        "call": binding.call,
        "component": instance.offer.name if instance else "",
        "parameter": binding.parameter,
        "source": binding.source,
        "is": _meaning(plan, binding.source),
    }


def _meaning(plan: Plan, source: str) -> str:
    """What a name stands for: a wire's expression, a component, a dataset; nothing for an expression."""
    wiring = plan.wiring
    if source in wiring.plain:
        return wiring.plain[source].wire.text
    if source in wiring.templates:
        return wiring.templates[source].wire.text
    if source in wiring.instances:
        return wiring.instances[source].offer.name
    if source in wiring.data:
        name = source.rpartition(".")[0]
        return plan.recipe.datasets[name].instance.offer.name
    return ""


def _in_order(plan: Plan) -> list[BoundWire]:
    """The wires so that each stands behind those it needs; one that unpacks stands once."""
    found = {plan.wiring.plain[name].wire.names: plan.wiring.plain[name] for name in plan.wiring.order}
    return list(found.values())


def _wire(plan: Plan, bound: BoundWire) -> dict[str, Any]:
    names = [name for name in bound.wire.names if name != "_"]
    return {
        **_expression(bound),
        "shapes": {name: plan.shapes[name] for name in names if name in plan.shapes},
        "reads": sorted(plan.wiring.needs(bound.bound)),
        "calls": sorted({p.instance for p in plan.wiring.parts(bound.bound) if isinstance(p, Part)}),
        "reaches": sorted(plan.wiring.reach[names[0]]),
    }


def _expression(bound: BoundWire) -> dict[str, Any]:
    return {"name": bound.label, "expression": bound.wire.text}


def _site(plan: Plan, site: Site) -> dict[str, Any]:
    """A noise where no wire is: what it changes, and when. `shape` is that of an example."""
    if site.inside:
        shape, when = plan.parts.noised[site], "whenever the component is called in training"
        wires = [b.label for b in _in_order(plan) if site.owner in plan.wiring.touches(b.bound)]
        changes = (
            f"the {site.what} of {site.owner}{f'.{site.path}' if site.path else ''}, for {', '.join(wires)}"
        )
    else:
        player = next(p for p in plan.recipe.players if p.name == site.owner)
        shape = (sum(p.numel() for p in plan.trained_parameters(player).values()),)
        changes = f"the {site.what} of {', '.join(plan.trains(player))}, all values as one example"
        when = {
            "gradients": f"in each move of {site.owner}, after clipping, before the optimizer's step",
            "weights": f"while {site.owner} computes its terms and their gradients; then restored to the bit",
        }[site.what]
    noise = plan.wiring.instances[site.noise]
    return {
        "noise": site.noise,
        **_instance(noise),
        "at": str(site),
        "changes": changes,
        "shape": list(shape),
        "when": when,
    }


def _players(plan: Plan) -> list[dict[str, Any]]:
    """The players with their moves in a step in which each adds up all its terms."""
    moves = plan.moves(
        tuple((player, tuple(t.wire for t in player.minimises)) for player in plan.recipe.players)
    )
    return [
        _player(plan, player, move, moves[:place])
        for place, (player, move) in enumerate(zip(plan.recipe.players, moves, strict=True))
    ]


def _again(plan: Plan, name: str, before: Sequence[Move]) -> str:
    """Why a wire is computed that a player before has made in this step; nothing where none has."""
    made = [place for place, move in enumerate(before) for c in move.computations if name in c.names]
    if not made:
        return ""
    trains = {player.name: frozenset(plan.trains(player)) for player in plan.recipe.players}
    since = [(move.player, plan.wiring.reach[name] & trains[move.player]) for move in before[made[-1] :]]
    moved = [f"{player} has moved {', '.join(sorted(what))} since" for player, what in since if what]
    return "; ".join(moved) or "what was made before can't carry the gradient that is needed here"


def _player(plan: Plan, player: Player, move: Move, before: Sequence[Move]) -> dict[str, Any]:
    return {
        "name": player.name,
        "trains": list(map(str, player.trains)) if _by_parts(plan, player) else list(plan.trains(player)),
        "parameters": sum(p.numel() for p in plan.trained_parameters(player).values()),
        "terms": [_term(player, term) for term in player.minimises],
        "computes": [
            {
                "wires": list(computation.names),
                "gradient": bool(computation.owners),
                "for": list(computation.owners),
                "detached": list(computation.detached),
                "again": _again(plan, computation.names[0], before),
            }
            for computation in move.computations
        ],
        "reuses": list(move.reused),
        "detached_terms": [term for term, carries in move.terms if not carries],
        "optimizer": _instance(player.optimizer),
        "clip": player.clip,
        "clamp": player.clamp,
        "ema": player.ema,
        "every": player.every,
        "start": _span(player.start),
        "until": _span(player.until),
    }


def _by_parts(plan: Plan, player: Player) -> bool:
    return any(entry.path for entry in player.trains)


def _term(player: Player, term: Term) -> dict[str, Any]:
    return {
        "wire": term.wire,
        "weight": _value(term.weight),
        "every": term.every,
        "counts": player.stands_for(term),
        "start": _span(term.start),
        "until": _span(term.until),
    }


def _instance(instance: Instance) -> dict[str, Any]:
    options = {key: _value(value) for key, value in instance.options.items()}
    return {"component": instance.offer.name, "options": options}


def _value(value: Any) -> Any:
    if isinstance(value, Schedule):
        return {value.offer.name: {key: _value(inner) for key, inner in value.options.items()}}
    if isinstance(value, Instance):
        return _instance(value)
    if isinstance(value, dict):
        return {key: _value(inner) for key, inner in value.items()}
    return value


def _span(span: Span | None) -> Any:
    if span is None:
        return None
    return span.steps if span.steps is not None else {"epochs": span.epochs}


def _routing(plan: Plan) -> dict[str, Any]:
    """Rows: the terms of each player. Columns: every component that has parameters. As measured by autograd."""
    entries = [name for player in plan.recipe.players for name in plan.entries(player)]
    columns = []
    for name in (name for name in plan.parts.built if plan.parts.own_parameters(name)):
        parts = [entry for entry in dict.fromkeys(entries) if entry.partition(".")[0] == name]
        columns += parts or [name]
    rows = [
        {"player": player, "term": term, "teaches": list(taught)}
        for player, terms in plan.routing.items()
        for term, taught in terms.items()
    ]
    return {"components": columns, "rows": rows}


def _components(plan: Plan) -> list[dict[str, Any]]:
    return [_component(plan, name, instance) for name, instance in plan.wiring.instances.items()]


def _component(plan: Plan, name: str, instance: Instance) -> dict[str, Any]:
    trained_by = [player.name for player in plan.recipe.players if name in plan.trains(player)]
    return {
        "name": name,
        "kind": instance.kind,
        **_instance(instance),
        "parameters": sum(p.numel() for p in plan.parts.own_parameters(name).values()),
        "in_shapes": [list(shape) for shape in plan.parts.shapes.get(name, ())]
        if KINDS[instance.kind].folds
        else [],
        "trained_by": trained_by,
        "frozen": instance.frozen,
    }


def _sampler(sampler: Instance) -> dict[str, Any]:
    """A sampler with what it asks for: outputs by name, rebound by `given`; None where only importing tells."""
    names = asked(sampler.offer)
    given = None if names is None else {name: sampler.given.get(name, name) for name in names}
    return {"name": sampler.name, **_instance(sampler), "asks": given}


def _parameter_count(plan: Plan) -> dict[str, int]:
    sizes = {
        name: sum(p.numel() for p in plan.parts.own_parameters(name).values()) for name in plan.parts.built
    }
    trained = {name for player in plan.recipe.players for name in plan.trains(player)}
    return {"total": sum(sizes.values()), "trained": sum(sizes[name] for name in trained)}


def _flops(plan: Plan) -> dict[str, Any]:
    """FLOPs of a training step, counted while a stepper makes one."""
    batch_size = next(iter(plan.recipe.datasets.values())).batch_size
    small = replace(plan, recipe=_whole_steps(plan.recipe, plan.parts.rows))
    counter = _Counter()  # type: ignore[no-untyped-call]
    with undisturbed(plan.recipe.seed), torch.enable_grad(), counter:
        stepper = Stepper(small, torch.device("cpu"), 1)
        stepper.step(0, {name: tracked.value for name, tracked in trial_data(plan.parts).items()})
    counted = counter.total
    return {
        "per_step": counted * batch_size // plan.parts.rows,
        "per_example": counted // plan.parts.rows,
        "batch_size": batch_size,
        "counted": FLOPS_ARE.format(rows=plan.parts.rows),
    }


class _Formulas:
    """Adds up the FLOPs of every operation, by torch's own formulas.

    torch's FlopCounterMode does the same, but refuses penalties, which call `autograd.grad` inside a step. A class
    apart from the mode, because of what a mode's class defines itself torch makes something that imports its compiler.
    """

    total = 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        count = flop_registry.get(func._overloadpacket)
        if count is not None:
            self.total += int(count(*args, **(kwargs or {}), out_val=result))
        return result


class _Counter(_Formulas, TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Within it, FLOPs are counted."""


class _Still:
    """An optimizer that moves nothing: a count needs none, and torch's cost a second and a half to import."""

    def __init__(self, parameters: Sequence[nn.Parameter]) -> None:
        self.parameters = parameters
        self.param_groups = [{"lr": 0.0}]

    def zero_grad(self, set_to_none: bool = True) -> None:
        for parameter in self.parameters:
            parameter.grad = None

    def step(self) -> None:
        pass


def _whole_steps(recipe: Recipe, rows: int) -> Recipe:
    """The recipe with small batches, in which every player moves in step 0 and adds up all its terms, in float32."""
    always: Mapping[str, Any] = {"every": 1, "start": Span(steps=0), "until": None}
    still = Offer("optimizer", Component("still", "genframe.explain:_Still"), "local", live=_Still)
    players = tuple(
        replace(
            player,
            **always,
            optimizer=replace(player.optimizer, offer=still, options={}),
            minimises=tuple(replace(term, **always) for term in player.minimises),
        )
        for player in recipe.players
    )
    datasets = {name: replace(data, batch_size=rows) for name, data in recipe.datasets.items()}
    train = replace(recipe.train, precision="fp32", compile=False)
    return replace(recipe, players=players, datasets=datasets, train=train)
