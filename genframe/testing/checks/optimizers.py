"""What an optimizer promises: it moves exactly the parameters it was given, as its options say, and can be resumed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, get_args, get_origin

import torch
from torch import Tensor, nn

from genframe.engine import optimizer_state
from genframe.recipe.words import number_of
from genframe.testing.examples import outside
from genframe.testing.kit import Failure, NotApplicable, check
from genframe.testing.subject import Subject

SHAPES = {"weight": (4, 3), "kernel": (2, 3, 2, 2), "bias": (4,), "scale": ()}
"""The toy parameters: a matrix, a convolution's, a vector and a number."""

Parameters = dict[str, nn.Parameter]


def toy_parameters(seed: int = 0) -> Parameters:
    """Parameters by name, each value between 0.5 and 1.5 away from zero."""
    generator = torch.Generator().manual_seed(seed)
    return {
        name: nn.Parameter(
            (0.5 + torch.rand(shape, generator=generator)) * (1 - 2 * (place % 2))
            if shape
            else torch.tensor(1.0)
        )
        for place, (name, shape) in enumerate(SHAPES.items())
    }


def make(subject: Subject, parameters: Iterable[nn.Parameter], **changed: Any) -> torch.optim.Optimizer:
    """The optimizer as the engine makes it; `changed` are options by recipe keys."""
    declared = subject.signature.options
    keywords = {declared[key].parameter: value for key, value in subject.options(**changed).items()}
    made = subject.target(parameters, **keywords)
    if not isinstance(made, torch.optim.Optimizer):
        raise Failure("a torch.optim.Optimizer", came=f"a {type(made).__name__}")
    return made


def has(subject: Subject, *options: str) -> None:
    """Raise NotApplicable unless it has these options."""
    for option in options:
        if option not in subject.signature.options:
            raise NotApplicable(f"it has no option {option!r}")


def without_decay(subject: Subject) -> dict[str, Any]:
    return {"weight_decay": 0.0} if "weight_decay" in subject.signature.options else {}


def descend(optimizer: torch.optim.Optimizer, parameters: Parameters, steps: int, first: int = 0) -> float:
    """Steps on a quadratic whose least value is at 3, its gradient different in each step; its value before them."""
    loss = 0.0
    for step in range(first, first + steps):
        torch.manual_seed(step)  # a resumed step draws what it would have drawn
        for place, parameter in enumerate(parameters.values()):
            far = parameter.detach() - 3
            loss += float(far.square().mean()) if step == first else 0.0
            parameter.grad = far * (1 + 0.1 * ((step + place) % 3))
        optimizer.step()
    return loss


def still(optimizer: torch.optim.Optimizer, parameters: Parameters, steps: int = 5) -> None:
    """Steps whose gradients are zero."""
    for _ in range(steps):
        for parameter in parameters.values():
            parameter.grad = torch.zeros_like(parameter)
        optimizer.step()


def kept(parameters: Parameters) -> dict[str, Tensor]:
    return {name: parameter.detach().clone() for name, parameter in parameters.items()}


@check("optimizer")
def optimizes_what_it_is_given(subject: Subject) -> None:
    """It is a torch optimizer of exactly the given parameters, which may come from a generator."""
    parameters = toy_parameters()
    for given in (list(parameters.values()), (one for one in parameters.values())):
        optimizer = make(subject, given)
        held = [id(p) for group in optimizer.param_groups for p in group["params"]]
        missing = [name for name, p in parameters.items() if id(p) not in held]
        if missing or len(held) != len(parameters):
            raise Failure(
                f"param_groups hold each of the parameters {', '.join(SHAPES)} once",
                came=f"{len(held)} parameters" + (f", without {', '.join(missing)}" if missing else ""),
                hint="take params = list(params) before it is looked at: a generator can be read once",
            )


@check("optimizer")
def lowers_a_quadratic(subject: Subject) -> None:
    """Its steps lower a quadratic, and move each parameter towards its least value."""
    parameters = toy_parameters()
    before = kept(parameters)
    optimizer = make(subject, list(parameters.values()))
    descend(optimizer, parameters, 100)
    for name, parameter in parameters.items():
        far, near = (float((p.detach() - 3).square().mean()) for p in (before[name], parameter))
        if not near < far:
            came = "it did not move" if near == far else f"{near:.4g}"
            raise Failure(
                f"100 steps lower the squared distance of {name} from its best value, {far:.4g} at first",
                came=came,
                hint="a step goes against the gradient, for each parameter of each group",
            )


@check("optimizer")
def resumes_bit_for_bit(subject: Subject) -> None:
    """Stopped, and resumed from what a checkpoint holds of it, it goes on to the same bits."""
    whole, halves = toy_parameters(), toy_parameters()
    descend(make(subject, list(whole.values())), whole, 8)
    first = make(subject, list(halves.values()))
    start = optimizer_state.entries(first)
    descend(first, halves, 4)
    stored = {
        name: {key: _copied(v) for key, v in state.items()}
        for name, state in optimizer_state.of_parameters(first, halves).items()
    }
    resumed = {name: nn.Parameter(value) for name, value in kept(halves).items()}
    second = make(subject, list(resumed.values()))
    optimizer_state.restore(second, resumed, stored, optimizer_state.counted(first, start))
    descend(second, resumed, 4, first=4)
    for name in whole:
        if not torch.equal(whole[name], resumed[name]):
            far = float((whole[name] - resumed[name]).detach().abs().max())
            raise Failure(
                f"4 steps, a checkpoint and 4 more give the bits of 8 steps, for {name}",
                came=f"a difference of up to {far:.3g}",
                hint="a checkpoint holds optimizer.state of each parameter, and the numbers and tensors that step() "
                "changes in param_groups: what is counted on the object itself is lost",
            )


def _copied(value: Any) -> Any:
    return value.clone() if isinstance(value, Tensor) else value


@check("optimizer")
def scheduled_rate_takes_effect(subject: Subject) -> None:
    """The learning rate is that of param_groups, where a schedule writes it before each step."""
    has(subject, "lr")
    rate = 0.0123
    parameters = toy_parameters()
    optimizer = make(subject, list(parameters.values()), lr=rate)
    if optimizer.param_groups[0].get("lr") != rate:
        raise Failure(
            f"with lr={rate} the first of param_groups has that lr",
            came=f"{optimizer.param_groups[0].get('lr')}",
        )
    descend(optimizer, parameters, 2)
    before = kept(parameters)
    for group in optimizer.param_groups:
        group["lr"] = 0.0
    descend(optimizer, parameters, 2)
    _unmoved(parameters, before, "nothing moves after a schedule has set lr to 0 in param_groups", _RATE)
    for group in optimizer.param_groups:
        group["lr"] = rate
    descend(optimizer, parameters, 2)
    for name, parameter in parameters.items():
        if torch.equal(parameter, before[name]):
            raise Failure(f"{name} moves again after a schedule has set lr back", came="no move")


_RATE = 'step() must read group["lr"] each time'


def _unmoved(parameters: Parameters, before: Mapping[str, Tensor], expected: str, hint: str) -> None:
    for name, parameter in parameters.items():
        far = float((parameter.detach() - before[name]).abs().max())
        if far:
            raise Failure(expected, came=f"{name} moved by up to {far:.3g}", hint=hint)


@check("optimizer")
def stands_still_without_gradient(subject: Subject) -> None:
    """A gradient of zero moves nothing (without weight decay), and a parameter that has none is left alone."""
    _zero_gradient(subject)
    parameters = toy_parameters()
    before = kept(parameters)
    optimizer = make(subject, list(parameters.values()))
    parameters["weight"].grad = torch.ones_like(parameters["weight"])
    optimizer.step()
    others = {name: p for name, p in parameters.items() if name != "weight"}
    _unmoved(others, before, "parameters whose grad is None stay where they are", "skip p.grad is None")


def _zero_gradient(subject: Subject) -> None:
    """From zero nothing decays; elsewhere only where weight decay can be turned off."""
    nought = {name: nn.Parameter(torch.zeros(shape)) for name, shape in SHAPES.items()}
    starts = [nought, toy_parameters()] if without_decay(subject) else [nought]
    for parameters in starts:
        before = kept(parameters)
        torch.manual_seed(0)
        still(make(subject, list(parameters.values()), **without_decay(subject)), parameters)
        if _random(subject, before):
            continue
        hint = "with weight_decay=0 there is nothing to decay" if without_decay(subject) else ""
        _unmoved(parameters, before, "gradients of zero move nothing", hint)


def _random(subject: Subject, start: Mapping[str, Tensor]) -> bool:
    """Whether its steps draw noise, as those of Langevin dynamics do."""
    ends = []
    for seed in (1, 2):
        parameters = {name: nn.Parameter(value.clone()) for name, value in start.items()}
        torch.manual_seed(seed)
        still(make(subject, list(parameters.values()), **without_decay(subject)), parameters)
        ends.append(kept(parameters))
    return any(not torch.equal(ends[0][name], ends[1][name]) for name in SHAPES)


@check("optimizer")
def weight_decay_decays(subject: Subject) -> None:
    """With weight decay and gradients of zero, values shrink towards zero (those that it is applied to)."""
    has(subject, "weight_decay")
    parameters = toy_parameters()
    before = kept(parameters)
    still(make(subject, list(parameters.values()), weight_decay=0.1), parameters)
    shrunk = [n for n, p in parameters.items() if bool((p.detach().abs() < before[n].abs()).all())]
    if not shrunk or any(bool((p.detach().abs() > before[n].abs()).any()) for n, p in parameters.items()):
        wrong = next(name for name in parameters if name not in shrunk)
        raise Failure(
            "with weight_decay=0.1 and gradients of zero each value shrinks in 5 steps",
            came=f"{wrong} goes from {_told(before[wrong])} to {_told(parameters[wrong])}",
            hint="pass weight_decay on; decay subtracts a share of the value",
        )


def _told(tensor: Tensor) -> str:
    return f"{float(tensor.detach().flatten()[0]):.6g}"


@check("optimizer")
def options_reach_param_groups(subject: Subject) -> None:
    """An option that is called as one of the optimizer's own settings is that setting."""
    asked = 0
    for key, option in subject.signature.options.items():
        for value in _values(option.default, option.annotation):
            try:
                optimizer = make(subject, list(toy_parameters().values()), **{key: value})
            except ValueError:  # with the other options as they are, it is refused
                continue
            group = optimizer.param_groups[0]
            if key not in group:
                continue
            asked += 1
            if not _equal(group[key], value):
                raise Failure(
                    f"with {key}={value} the setting {key!r} of param_groups is {value}",
                    came=f"{group[key]}",
                    hint="pass options on by their names: torch's optimizers take them in orders that differ",
                )
    if not asked:
        raise NotApplicable("no option is called as a setting in param_groups")


def _values(default: Any, annotation: Any) -> list[Any]:
    """Values other than the default, where it is of numbers."""
    if isinstance(default, bool) or not isinstance(default, (int, float, tuple)):
        return []
    if isinstance(default, tuple):
        numbers = [one for one in default if isinstance(one, float)]
        return [tuple(one * 0.75 for one in default)] if len(numbers) == len(default) and default else []
    if isinstance(default, int):
        return []
    value = default * 0.5 if default else 0.25
    number = number_of(annotation) if get_origin(annotation) is Annotated else annotation
    bounds = get_args(number)[1:] if get_origin(number) is Annotated else ()
    refused = any(not isinstance(bad, str) and bad == value for bad in outside(number)) if bounds else False
    return [] if refused else [value]


def _equal(one: Any, other: Any) -> bool:
    if isinstance(other, tuple):
        return isinstance(one, (tuple, list)) and tuple(one) == other
    return bool(one == other)
