"""Noise where no wire is: inside a component, by hooks on its modules, or on what a player moves.

Draws need no care here: inside a component they come from the seed of the wire that is computed, and a player's
from one of their own, so that a step repeats and a run resumes to the bit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from genframe.bound import Part
from genframe.errors import Problem, RecipeError, nearest
from genframe.recipe.model import Site
from genframe.values import Shape

if TYPE_CHECKING:
    from genframe.parts import Parts
    from genframe.wiring import Wiring

Noised = Callable[[Tensor], tuple[Tensor, Any]]
"""A noise as it is called: x -> (noised x, levels)."""

MOST_NAMED = 40
"""So many modules of a component a message lists at most."""


class Hook:
    """A noise inside a component, in train mode: what its module gets or gives is noised, a row an example.

    Module hooks of torch: `before` for the site's input, `behind` for its output.
    """

    def __init__(self, parts: Parts, site: Site) -> None:
        self.parts, self.site = parts, site
        self._noised: Callable[[Tensor], Tensor] = self._first

    def before(self, module: nn.Module, args: tuple[Any, ...]) -> tuple[Any, ...] | None:
        if not module.training:
            return None
        return (self._noised(args[0] if args else None), *args[1:])  # type: ignore[arg-type]

    def behind(self, module: nn.Module, args: tuple[Any, ...], result: Any) -> Any:
        return self._noised(result) if module.training else None

    def leave_graphs(self) -> None:
        """A compiled net is cut at the site: the noise stays eager, with the draws of an eager net, at any level."""
        self._noised = torch.compiler.disable(self._noised)  # type: ignore[no-untyped-call]

    def _first(self, value: Any) -> Tensor:
        """The call of the trial run: it builds the noise and looks at what stands there and what becomes of it."""
        site = self.site
        if not isinstance(value, Tensor) or not value.is_floating_point():
            what = f"tensor {value.dtype}" if isinstance(value, Tensor) else type(value).__name__
            raise self._problem(f"is {what}; a noise takes one tensor of floats: choose a module inside")
        noise = built(self.parts, site.noise, tuple(value.shape[1:]))

        def noised(value: Tensor) -> Tensor:
            result: Tensor = noise(value)[0]
            return result if result.dtype == value.dtype else result.to(value.dtype)

        result = checked(noise, value, site)
        self.parts.noised[site] = tuple(value.shape[1:])
        self._noised = noised
        return result.to(value.dtype)

    def _problem(self, message: str) -> RecipeError:
        path = f"{self.site.noise}.at"
        return RecipeError(Problem("GF517", f"what stands at {self.site} {message}", self.site.mark, path))


def attach(parts: Parts, name: str) -> None:
    """Hook the noises that stand inside the component `name`, which was just built.

    Raises RecipeError where it is no module, or has none of the site's path.
    """
    for site in parts.wiring.recipe.sites:
        if site.inside and site.owner == name:
            module, hook = _module(parts, site), Hook(parts, site)
            if site.what == "input":
                module.register_forward_pre_hook(hook.before)
            else:
                module.register_forward_hook(hook.behind)
            parts.hooks.append(hook)


def _module(parts: Parts, site: Site) -> nn.Module:
    part, path = parts.built[site.owner], f"{site.noise}.at"
    offer = parts.wiring.instances[site.owner].offer.name
    if not isinstance(part, nn.Module):
        message = f"{site}: {site.owner!r} ({offer}) is no torch module, so that no noise can stand inside it"
        raise RecipeError(Problem("GF517", message, site.mark, path))
    modules: dict[str, nn.Module] = dict(part.named_modules(remove_duplicate=False))
    if site.path in modules:
        return modules[site.path]
    names = [name for name in modules if name]
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    has = f"its modules are {', '.join(names[:MOST_NAMED])}{more}" if names else "it has none inside"
    message = f"{site}: {site.owner!r} ({offer}) has no module {site.path!r}; {has}"
    raise RecipeError(Problem("GF516", message, site.mark, path, nearest(site.path, names)))


def built(parts: Parts, name: str, shape: Shape) -> Noised:
    """The noise of an instance, built for examples of `shape` if it was not."""
    if name not in parts.built:
        parts.build(name, (shape,))
    noise: Noised = parts.handed(name)
    return noise


def checked(noise: Noised, value: Tensor, site: Site) -> Tensor:
    """`value` noised. Raises RecipeError where that fails, or where the result has another shape."""
    shape, path = tuple(value.shape), f"{site.noise}.at"
    try:
        result = noise(value)[0]
    except Exception as error:
        message = f"{site.noise!r} fails at {site} on {shape}: {type(error).__name__}: {error}"
        raise RecipeError(Problem("GF517", message, site.mark, path)) from error
    if tuple(result.shape) != shape:
        message = f"{site.noise!r} makes {tuple(result.shape)} of the {shape} that stands at {site}"
        raise RecipeError(Problem("GF517", message, site.mark, path))
    return result


class Moved:
    """The noises on what a player moves, its gradients say: all its tensors at once, as one long example.

    One draw and one application serve all of them; a noise that draws its level draws one a step.
    """

    def __init__(self, parts: Parts, sites: Sequence[Site], seed: Callable[[Site, int], None]) -> None:
        self.noises = [(site, parts.handed(site.noise)) for site in sites]
        self.seed = seed

    @torch.no_grad()
    def apply(self, tensors: Sequence[Tensor], step: int) -> None:
        """Noise the tensors in place."""
        for site, noise in self.noises:
            self.seed(site, step)
            _put(tensors, noise(flat(tensors))[0])


def flat(tensors: Sequence[Tensor]) -> Tensor:
    """The values of some tensors as one example: (1, values)."""
    return torch.cat([tensor.detach().reshape(-1) for tensor in tensors]).unsqueeze(0)


def _put(tensors: Sequence[Tensor], values: Tensor) -> None:
    """Write (1, values) back into the tensors, in place."""
    parts = torch.split(values.squeeze(0), [tensor.numel() for tensor in tensors])
    torch._foreach_copy_(
        list(tensors), [part.view(tensor.shape) for part, tensor in zip(parts, tensors, strict=True)]
    )


def used_by_wires(wiring: Wiring) -> Iterator[Problem]:
    """Noises that stand at a site and are called, or handed over, by wires and components as well."""
    wires = (*wiring.plain.values(), *wiring.templates.values(), *wiring.outputs.values())
    for site in {site.noise: site for site in wiring.recipe.sites}.values():
        users = {
            wire.label: wire.wire.mark for wire in wires if Part(site.noise) in set(wiring.parts(wire.bound))
        }
        for name in wiring.instances:
            if site.noise in wiring.given(name):
                users[name] = wiring.instances[name].mark
        if users:
            message = f"{site.noise!r} stands at {site}, and {', '.join(users)} use it too: give the site a noise of "
            message += "its own, under `noises: {NAME: {use: ..., at: ...}}`"
            related = tuple((mark, f"{label} uses it here") for label, mark in users.items())
            yield Problem("GF518", message, site.mark, f"{site.noise}.at", related=related)


def never_called(parts: Parts) -> Iterator[Problem]:
    """Sites that no term of the trial run came by."""
    for site in parts.wiring.recipe.sites:
        if site.inside and site not in parts.noised:
            what = (
                f"the module {site.path!r} of {site.owner!r}"
                if site.owner in parts.built and site.path
                else ""
            )
            message = f"no term calls {what or repr(site.owner)}, so that nothing ever stands at {site}"
            yield Problem("GF517", message, site.mark, f"{site.noise}.at")
