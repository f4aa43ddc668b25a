"""The components of a recipe, built: each once, under a seed of its own, from its givens and its options."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from genframe.bound import Bound, FromWire, Invoke, Part
from genframe.data.order import seeded
from genframe.data.spec import UNKNOWN, DataSpec
from genframe.data.spec import Field as DataField
from genframe.errors import Problem, RecipeError, nearest
from genframe.kinds import KINDS
from genframe.recipe.model import Instance, Site
from genframe.scheduled import value_at
from genframe.selection import chosen, fault
from genframe.sites import Hook, attach
from genframe.values import Levels, Shape, Verdict
from genframe.wiring import Wiring


@dataclass
class Parts:
    """The built components of a recipe.

    `built` are the objects by instance name, `options` the options that functions are called with (the loop
    writes a scheduled one before each step), `shapes` what each was first called with, without the batch.
    `hooks` are the noises inside components, `noised` what first stood at each of their sites, without the batch.
    `inner` are the components that options of others hold. `clock` is the step, with the steps per epoch, whose
    numbers scheduled options are built with, `device` where the model is once it was moved. `differentiated` are the
    wires with arguments of which some call takes the slope: the trial run finds them. `rows` is how many the trial run
    has.
    """

    wiring: Wiring
    specs: Mapping[str, DataSpec]
    built: dict[str, Any] = field(default_factory=dict)
    options: dict[str, dict[str, Any]] = field(default_factory=dict)
    shapes: dict[str, tuple[Shape, ...]] = field(default_factory=dict)
    hooks: list[Hook] = field(default_factory=list)
    noised: dict[Site, Shape] = field(default_factory=dict)
    inner: dict[str, tuple[Instance, Any]] = field(default_factory=dict)
    clock: tuple[int, int] = (0, 1)
    device: torch.device | str = "cpu"
    differentiated: set[str] = field(default_factory=set)
    rows: int = 2
    _building: list[str] = field(default_factory=list)
    _fixed: set[int] = field(default_factory=set)

    def __getitem__(self, name: str) -> Any:
        """The component `name`, built if it was not."""
        return self.built[name] if name in self.built else self.build(name, ())

    def modules(self) -> dict[str, nn.Module]:
        """The components that hold parameters or buffers."""
        return {name: part for name, part in self.built.items() if isinstance(part, nn.Module)}

    def own_parameters(self, name: str) -> dict[str, nn.Parameter]:
        """A component's parameters by name, without those of the components it was given (tied weights).

        Nor those that its constructor fixed: an author's `requires_grad_(False)` stands.
        """
        if not isinstance(self.built.get(name), nn.Module):
            return {}
        held = self.wiring.held_by(name) - {name}
        theirs = {id(p) for other in held for p in self.modules().get(other, nn.Identity()).parameters()}
        others = theirs | self._fixed
        return {key: p for key, p in self.built[name].named_parameters() if id(p) not in others}

    def frozen_parameters(self, name: str) -> frozenset[str]:
        """Which of a component's own parameters the recipe freezes. Raises RecipeError for a part that it has not."""
        instance, own = self.wiring.instances[name], self.own_parameters(name)
        entries = instance.frozen_parts()
        for entry in entries:
            wrong = fault(self.built.get(name), own, entry.path)
            if wrong:
                message, path = f"{name!r} ({instance.offer.name}): {wrong[0]}", f"{name}.frozen"
                raise RecipeError(Problem("GF528", message, instance.mark, path, wrong[1]))
        return frozenset(own if instance.frozen is True else chosen(own, entries) if entries else ())

    def build(self, name: str, shapes: Sequence[Shape]) -> Any:
        """Build the instance `name`, whose first call has arguments of `shapes` (without the batch).

        Raises RecipeError for a given that can't be had, and for whatever the constructor raises.
        """
        instance = self.wiring.instances[name]
        if name in self._building:
            cycle = " -> ".join([*self._building, name])
            raise RecipeError(
                Problem("GF503", f"these components need each other to be built: {cycle}", instance.mark)
            )
        self._building.append(name)
        try:
            self.shapes[name] = tuple(shapes)
            target = instance.offer.load()
            options = {key: self._option(value, shapes) for key, value in instance.keywords().items()}
            if not inspect.isclass(target):
                self.options[name] = options
                self.built[name] = target
            else:
                self.built[name] = self._construct(instance, target, options)
            attach(self, name)
        finally:
            self._building.pop()
        return self.built[name]

    def _option(self, value: Any, shapes: Sequence[Shape]) -> Any:
        """An option as its component gets it: a schedule's number, a component built."""
        if isinstance(value, dict):
            return {name: self._option(inside, shapes) for name, inside in value.items()}
        return self._part(value, shapes) if isinstance(value, Instance) else value_at(value, *self.clock)

    def beside(self, instance: Instance, shapes: Sequence[Shape]) -> Any:
        """A component that the recipe does not hold, built from the recipe's givens, for calls with these shapes."""
        return self._part(instance, shapes)

    def options_beside(self, instance: Instance) -> dict[str, Any]:
        """The options of what no wire calls (a metric, a sampler, an optimizer), its components built, on the device.

        They are built for calls with data, where all datasets have an `x` of one shape.
        """
        shapes = {spec.fields["x"].shape for spec in self.specs.values() if "x" in spec.fields}
        asked = tuple(shapes) if len(shapes) == 1 else ()
        return {key: self._option(value, asked) for key, value in instance.keywords().items()}

    def _part(self, instance: Instance, shapes: Sequence[Shape]) -> Any:
        """A component that another's option holds, built from the shapes that the other is called with."""
        self.shapes[instance.name] = tuple(shapes)
        target = instance.offer.load()
        options = {key: self._option(value, shapes) for key, value in instance.keywords().items()}
        name = instance.name  # one optimizer's block serves several players, each with a component of its own
        while name in self.inner and self.inner[name][0] is not instance:
            name += "'"
        if inspect.isclass(target):
            part = self._construct(instance, target, options)
        else:
            self.options[name] = options
            part = _with_options(target, options)
        self.inner[name] = instance, part.to(self.device) if isinstance(part, nn.Module) else part
        return part

    def _construct(self, instance: Instance, target: Any, options: dict[str, Any]) -> Any:
        givens = [self._given(instance, name) for name in instance.offer.signature().givens]
        with torch.random.fork_rng(devices=[]), torch.enable_grad():
            torch.manual_seed(seeded(self.wiring.recipe.seed, "init", instance.name))
            try:
                part = target(*givens, **options)
            except RecipeError:
                raise
            except Exception as error:
                named = dict(zip(instance.offer.signature().givens, givens, strict=True))
                names = ", ".join(
                    f"{key}={value!r}" if not isinstance(value, nn.Module) else key
                    for key, value in named.items()
                )
                message = f"{instance.offer.name} could not be built from ({names}): {type(error).__name__}: {error}"
                message = _no_picture(instance, named) or message
                raise RecipeError(Problem("GF501", message, instance.mark, instance.name)) from error
        if isinstance(part, nn.Module):
            self._fixed |= {id(p) for p in part.parameters() if not p.requires_grad}
        if instance.init and isinstance(part, nn.Module):
            _load_initial(part, instance, Path(instance.init))
        if instance.frozen is True and isinstance(part, nn.Module):
            part.requires_grad_(False)
        return part

    def _given(self, instance: Instance, name: str) -> Any:
        """The value of one given; the table of the author's guide."""
        bound = instance.given.get(name, name)
        if isinstance(bound, list):
            return tuple(bound)
        if bound in self.wiring.instances and (bound != name or name not in _TABLE):
            return self[bound] if name not in _TABLE else self._shape_of(bound, instance, name)
        if bound in self.wiring.data and bound != name:
            return self.wiring.data[bound].shape
        if name in _TABLE:
            return _TABLE[name](self, instance)
        message = f"{instance.offer.name} asks for {name!r}, which is neither a given nor a component of this recipe"
        hint = f"rebind it: given: {{{name}: ...}}"
        near = nearest(name, (*GIVENS, *self.wiring.instances))
        raise RecipeError(Problem("GF502", f"{message}; {hint}", instance.mark, instance.name, near))

    def _shape_of(self, bound: str, instance: Instance, name: str) -> Shape:
        """The shape that a component stands for: what a law draws, else what a likelihood takes."""
        part = self[bound]
        if hasattr(part, "event_shape"):
            return tuple(part.event_shape)
        if hasattr(part, "takes"):
            return self.taken(bound)
        message = f"{name}: {bound} of {instance.name!r} asks {self.wiring.instances[bound].offer.name} for its shape, "
        message += "and it has none: name a prior (event_shape), a likelihood (takes), a field of the data, or numbers"
        raise RecipeError(Problem("GF502", message, instance.mark, f"{instance.name}.given"))

    def in_shape(self, instance: Instance) -> Any:
        shapes = self.shapes[instance.name]
        if not shapes:
            message = (
                f"{instance.name!r} needs to know in_shape, but is asked for before any wire calls it with a tensor: "
                f"give it: given: {{in_shape: [...]}}"
            )
            raise RecipeError(Problem("GF502", message, instance.mark, instance.name))
        return shapes[0] if len(shapes) == 1 else shapes

    def out_shape(self, instance: Instance) -> Shape:
        """What the consumer takes: a likelihood says it; else the shape of the data."""
        consumer = self.consumer(instance.name)
        return self.taken(consumer) if consumer else self.data_shape(instance)

    def taken(self, name: str) -> Shape:
        """What a component with `takes(data_shape)` takes: for the data, or for the data_shape that it is given."""
        shape = self._given(self.wiring.instances[name], "data_shape")
        return tuple(self[name].takes(shape))

    def consumer(self, name: str) -> str | None:
        """The component with `takes(data_shape)` that is called with what `name` returns."""
        wiring = self.wiring
        for wire in (*wiring.plain.values(), *wiring.templates.values(), *wiring.outputs.values()):
            for bound in wiring.parts(wire.bound):
                if not (isinstance(bound, Invoke) and isinstance(bound.function, Part)):
                    continue
                target = wiring.instances[bound.function.instance].offer.load()
                if hasattr(target, "takes") and any(self._is_result(arg, name) for arg in bound.args):
                    return bound.function.instance
        return None

    def _is_result(self, bound: Bound, name: str) -> bool:
        if isinstance(bound, FromWire) and bound.name in self.wiring.plain:
            bound = self.wiring.plain[bound.name].bound
        return isinstance(bound, Invoke) and bound.function == Part(name)

    def data_shape(self, instance: Instance) -> Shape:
        shapes = {spec.fields["x"].shape for spec in self.specs.values() if "x" in spec.fields}
        if len(shapes) == 1:
            return next(iter(shapes))
        message = (
            f"{instance.name!r} asks for data_shape, and the datasets have {sorted(shapes) or 'no field x'}: "
            "say which: given: {data_shape: NAME.x}"
        )
        raise RecipeError(Problem("GF502", message, instance.mark, instance.name))

    def latent_shape(self, instance: Instance) -> Shape:
        priors = self.wiring.recipe.of_kind("prior")
        if len(priors) == 1:
            return tuple(self[priors[0]].event_shape)
        message = (
            f"{instance.name!r} asks for latent_shape, the event_shape of the prior, and the recipe has "
            f"{', '.join(priors) or 'no prior'}: say which: given: {{latent_shape: ...}}"
        )
        raise RecipeError(Problem("GF502", message, instance.mark, instance.name))

    def classes(self, instance: Instance) -> int:
        counts = {f.classes for spec in self.specs.values() for f in spec.fields.values() if f.classes}
        if len(counts) == 1:
            return int(next(iter(counts)) or 0)
        message = f"{instance.name!r} asks for classes, and the data have {sorted(counts) or 'no labels'}"
        raise RecipeError(Problem("GF502", message, instance.mark, instance.name))

    def train_size(self, instance: Instance) -> int:
        """How many examples are trained on: of the dataset that `given` names, else of all that have one size."""
        named = instance.given.get("train_size")
        datasets = self.wiring.recipe.datasets
        sizes = {self._trained_on(name) for name in datasets if named in (None, name)}
        if len(sizes) == 1 and min(sizes) > 0:
            return next(iter(sizes))
        came = "a length that only loading tells" if UNKNOWN in sizes else sorted(sizes) or f"no {named!r}"
        message = f"{instance.name!r} asks for train_size, the number of training examples, and the data have {came}"
        message += ": say whose: given: {train_size: NAME}, or give it the number by an option"
        raise RecipeError(Problem("GF502", message, instance.mark, instance.name))

    def _trained_on(self, name: str) -> int:
        """The training examples of a dataset: its `limit`, or all without those that are held out for validation."""
        length = self.specs[name].lengths.get("train", UNKNOWN)
        data = self.wiring.recipe.datasets[name]
        held_out = data.validation
        if data.limit:
            return data.limit
        if length == UNKNOWN:
            return UNKNOWN
        return length - (int(held_out) if held_out >= 1 else round(held_out * length))

    def handed(self, name: str) -> Any:
        """The component as it is handed to another: the object itself, or the function with its options."""
        part = self[name]
        return _with_options(part, self.options[name]) if name in self.options else part

    def caller(self, name: str, *, bf16: bool = False, compiled: bool = False) -> Callable[..., Any]:
        """How wires call the component: with its options, sample dimensions folded, nets under autocast or compiled."""
        instance, part = self.wiring.instances[name], self.built[name]
        if name in self.options:
            return _with_options(part, self.options[name])
        if not KINDS[instance.kind].folds:
            return part  # type: ignore[no-any-return]
        call = part
        if isinstance(part, nn.Module):
            call = torch.compile(part) if compiled else part
            call = autocast(call, part) if bf16 else call
        ranks = [len(shape) for shape in self.shapes[name]]
        return _folded(call, ranks) if ranks else call


_TABLE: dict[str, Callable[[Parts, Instance], Any]] = {
    "in_shape": Parts.in_shape,
    "out_shape": Parts.out_shape,
    "data_shape": Parts.data_shape,
    "latent_shape": Parts.latent_shape,
    "classes": Parts.classes,
    "train_size": Parts.train_size,
}

GIVENS: tuple[str, ...] = tuple(_TABLE)
"""The givens that the engine knows, besides the other components of the recipe by their names."""


def _no_picture(instance: Instance, givens: Mapping[str, Any]) -> str | None:
    """What to say of a component of pictures that is given the shape of none; None where that is not so."""
    if "image" not in instance.offer.component.needs:
        return None
    found = [givens[key] for key in ("in_shape", "out_shape", "data_shape") if key in givens]
    shapes = [s for shape in found for s in (shape if shape and isinstance(shape[0], tuple) else (shape,))]
    if not shapes or any(len(shape) == 3 for shape in shapes):
        return None
    came = shapes[-1 if instance.kind == "decoder" else 0]
    return f"{instance.offer.name} takes pictures (channels, height, width), and gets {tuple(came)}"


def _load_initial(part: nn.Module, instance: Instance, path: Path) -> None:
    from safetensors.torch import load_file

    try:
        part.load_state_dict(load_file(path))
    except Exception as error:
        message = f"init: the weights in {path} do not fit {instance.offer.name}: {error}"
        raise RecipeError(Problem("GF504", message, instance.mark, f"{instance.name}.init")) from error


def _with_options(function: Callable[..., Any], options: dict[str, Any]) -> Callable[..., Any]:
    def call(*args: Any, **keywords: Any) -> Any:
        return function(*args, **({**options, **keywords} if keywords else options))

    return call


def _folded(part: Callable[..., Any], ranks: Sequence[int]) -> Callable[..., Any]:
    """`part`, written for (batch, ...), callable with any number of dimensions in front of the event's.

    `ranks` are those of the events of its tensors, in order. A condition (batch, ...) stands for every sample.
    """

    def call(*args: Any, **keywords: Any) -> Any:
        first = args[0]
        if first.ndim == ranks[0] + 1:
            return part(*args, **keywords)
        front = first.shape[: first.ndim - ranks[0]]
        rank_of = iter(ranks)
        flat = [_flat(a, front, next(rank_of, a.ndim - 1)) if isinstance(a, Tensor) else a for a in args]
        return _unfold(part(*flat, **keywords), front)

    return call


def _flat(tensor: Tensor, front: torch.Size, rank: int) -> Tensor:
    """(..., *event) expanded to (*front, *event), and these dimensions folded into one."""
    event = tensor.shape[tensor.ndim - rank :]
    return tensor.expand(*front, *event).reshape(-1, *event)


def _unfold(value: Any, front: torch.Size) -> Any:
    if isinstance(value, Tensor):
        return value.reshape(*front, *value.shape[1:])
    if isinstance(value, Verdict):
        features = None if value.features is None else _unfold(value.features, front)
        return Verdict(_unfold(value.score, front), features)
    if isinstance(value, Levels):
        return replace(value, table=_unfold(value.table, front))
    if isinstance(value, tuple):
        return tuple(_unfold(item, front) for item in value)
    raise TypeError(
        f"a component that is called with sample dimensions must return tensors or a Verdict, not {type(value)}"
    )


def autocast(function: Callable[..., Any], part: nn.Module) -> Callable[..., Any]:
    """A net computed in bfloat16 where that is safe; distributions and losses see float32."""
    device = next((p.device.type for p in part.parameters()), "cpu")

    def call(*args: Any, **keywords: Any) -> Any:
        with torch.autocast(device, dtype=torch.bfloat16):
            return _to_float32(function(*args, **keywords))

    return call


def _to_float32(value: Any) -> Any:
    if isinstance(value, Tensor):
        return value.float() if value.dtype == torch.bfloat16 else value
    if isinstance(value, Verdict):
        return Verdict(
            _to_float32(value.score), None if value.features is None else _to_float32(value.features)
        )
    if isinstance(value, tuple):
        return tuple(map(_to_float32, value))
    return value


def random_rows(fields: Mapping[str, DataField], rows: int = 2, bits: bool = False) -> dict[str, Tensor]:
    """Rows of the promised shapes: images in [0, 1], labels below the number of classes. For the trial run.

    bits: images are 0 or 1, as those of binarised data are.
    """
    made: dict[str, Tensor] = {}
    for name, spec in fields.items():
        if spec.dtype == "int64":
            made[name] = torch.randint(spec.classes or rows, (rows, *spec.shape))
        else:
            made[name] = torch.rand(rows, *spec.shape)
            if bits and spec.image:
                made[name].round_()
    return made
