"""A model's Markov chain, step by step: what noise, or an example, becomes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.distributions import Distribution

from genframe import abilities, conditions
from genframe.errors import Problem, RecipeError, nearest
from genframe.latents import Latents, examples, turns_alike

if TYPE_CHECKING:
    from genframe.api import Model

STRIDE = 0.15
"""How far a walk of codes turns with a step, in radians: a tenth of the way to an unrelated draw."""

POOL = 1000
"""Examples whose least and largest value noise lies between."""

Step = Callable[[Any], tuple[Tensor, Any]]
"""A state -> what is shown of the step (chains, ...), and the next state."""


@dataclass(frozen=True)
class Walk:
    """x (shown steps, chains, ...), steps: which each is, 0 the start. of: what chain it is, in words; by: its name.

    start: `noise`, `example 3`, `p(z)`. told: the condition.
    """

    x: Tensor
    steps: tuple[int, ...]
    of: str
    by: str
    start: str
    told: tuple[str, ...] = ()


@dataclass(frozen=True)
class Chain:
    """A way to walk: the outputs that it needs, what it is, and what makes its step."""

    needs: tuple[str, ...]
    of: str
    step: Callable[[Model, Mapping[str, Tensor], bool], Step]


def chains(model: Model) -> tuple[str, ...]:
    """The chains that a model's outputs allow, the one that is walked unasked first."""
    return tuple(
        name for name, chain in CHAINS.items() if all(abilities.has(model, need) for need in chain.needs)
    )


def walk(
    model: Model,
    *,
    steps: int = 20,
    every: int = 1,
    count: int = 8,
    example: int | None = None,
    split: str | None = None,
    by: str | None = None,
    draws: bool = False,
    seed: int = 0,
    given: Mapping[str, Any] | None = None,
) -> Walk:
    """`count` chains of `steps` steps, of which each `every`-th is kept, from noise or from an example.

    by: one of `chains(model)`; the first of them without. example: chains start from examples from this one on; without
    it from uniform noise between the least and the largest value of the data (a walk of codes: from draws of the
    prior). draws: what is shown of p(x'|x) is the x' that was drawn, instead of its mean, which papers show. Raises
    RecipeError: GF804 for a model that has no chain, GF806 for a chain or an example that is not there, GF807.
    """
    known = chains(model)
    if not known:
        abilities.require(model, "walk")
    if by is not None and by not in known:
        message = f"there is no chain {by!r} of this model: it has {', '.join(known)}"
        raise RecipeError(Problem("GF806", message, nearest=nearest(by, known)))
    name = by or known[0]
    chain = CHAINS[name]
    if name == "latent" and example is not None:
        others = ", ".join(chain for chain in known if chain != "latent")
        hint = f"name another chain, {others}" if others else "leave the example out"
        message = f"a walk of codes starts from draws of the prior, not from an example: {hint}"
        raise RecipeError(Problem("GF806", message))
    if name == "latent":
        return _of_codes(model, chain, steps, every, count, seed, given)
    taken = conditions.checked(model, given or {}, *chain.needs)
    rows, start = _start(model, example, split, count, seed)
    rows = {**rows, **conditions.repeated(taken, count)}
    step = chain.step(model, rows, draws)
    state: Any = rows["x"]
    shown = [rows["x"]]
    with model.outputs.evaluating("walk", "seeded", seed):
        for number in range(1, steps + 1):
            x, state = step(state)
            if number % every == 0:
                shown.append(x)
    told = (conditions.told(taken),) if taken else ()
    return Walk(torch.stack(shown), tuple(range(0, steps + 1, every)), chain.of, name, start, told)


def _start(
    model: Model, example: int | None, split: str | None, count: int, seed: int
) -> tuple[dict[str, Tensor], str]:
    """The rows that chains start from, and the words for it."""
    if example is not None:
        several = f"examples {example} to {example + count - 1}" if count > 1 else f"example {example}"
        return examples(model, range(example, example + count), split), several
    pool = examples(model, POOL, split)
    low, high = pool["x"].aminmax()
    rows = conditions.repeated(pool, count)
    generator = torch.Generator().manual_seed(seed)
    noise = torch.rand(rows["x"].shape, generator=generator).to(rows["x"])
    return {**rows, "x": low + (high - low) * noise}, "noise"


def _called(model: Model, output: str, rows: Mapping[str, Tensor]) -> Callable[[Any], Any]:
    """An output of one state and fields of the data: the state in the place of the argument that is no condition."""
    arguments = model.outputs.arguments(output)
    taken = conditions.asked(model, output)
    conditions.missing(model, output, rows)
    states = [name for name in arguments if name not in taken]
    if len(states) != 1:
        message = (
            f"the output {output}({', '.join(arguments)}) takes more than a state and fields of the data"
        )
        raise RecipeError(Problem("GF804", message, path=f"outputs.{output}"))
    function = model.outputs[output]
    beside = {name: rows[name] for name in taken}
    return lambda state: function({**beside, states[0]: state})


def _transition(model: Model, rows: Mapping[str, Tensor], draws: bool) -> Step:
    """The recipe's own kernel: p(x'|x), or (p(x'|state), the next state)."""
    transition = _called(model, "transition", rows)

    def step(state: Any) -> tuple[Tensor, Any]:
        made = transition(state)
        law, after = made if isinstance(made, tuple) else (made, None)
        if not isinstance(law, Distribution):
            message = (
                f"transition gives a {type(law).__name__}, and a chain draws from a distribution p(x'|x)"
            )
            raise RecipeError(Problem("GF804", message, path="outputs.transition"))
        moved = law.sample() if after is None else after
        x = moved if isinstance(moved, Tensor) else moved[0]
        return (x if draws else law.mean), moved

    return step


def _through(*outputs: str) -> Callable[[Model, Mapping[str, Tensor], bool], Step]:
    """Outputs one after the other: x' = decode(draw_code(x)), say."""

    def built(model: Model, rows: Mapping[str, Tensor], draws: bool) -> Step:
        functions = [_called(model, output, rows) for output in outputs]

        def step(state: Any) -> tuple[Tensor, Any]:
            for function in functions:
                state = function(state)
            return state, state

        return step

    return built


def _of_codes(
    model: Model, chain: Chain, steps: int, every: int, count: int, seed: int, given: Mapping[str, Any] | None
) -> Walk:
    latents = Latents(model, given or {})
    conditions.missing(model, "decode", latents.conditions)
    z = latents.draw(count, seed)
    codes = [z]
    turns = latents.prior is not None and turns_alike(latents.prior)
    generator = torch.Generator().manual_seed(seed)
    fresh = latents.draw(count * steps, seed + 1).reshape(steps, *z.shape) if steps else z[None][:0]
    for number in range(steps):
        z = _turned(z, fresh[number]) if turns else _renewed(z, fresh[number], generator)
        if (number + 1) % every == 0:
            codes.append(z)
    x = torch.stack([latents.decode(code) for code in codes])
    told = (conditions.told(latents.conditions),) if latents.conditions else ()
    return Walk(x, tuple(range(0, steps + 1, every)), chain.of, "latent", "draws of p(z)", told)


def _turned(z: Tensor, fresh: Tensor) -> Tensor:
    """cos(a) z + sin(a) e: of draws of N(0, s I) again such a draw; on a sphere back onto it."""
    moved = torch.cos(torch.tensor(STRIDE)) * z + torch.sin(torch.tensor(STRIDE)) * fresh
    lengths = fresh.flatten(1).norm(dim=1)
    if float(lengths.std(correction=0)) < 1e-4 * float(lengths.mean()):
        moved = moved * (lengths / moved.flatten(1).norm(dim=1)).reshape(-1, *[1] * (z.ndim - 1))
    return moved


def _renewed(z: Tensor, fresh: Tensor, generator: torch.Generator) -> Tensor:
    """Each number drawn anew with the probability STRIDE: of independent numbers the law stays, whatever it is."""
    anew = torch.rand(z.shape, generator=generator).to(z.device) < STRIDE
    return torch.where(anew, fresh, z)


CHAINS: Mapping[str, Chain] = {
    "transition": Chain(("transition",), "the model's Markov chain x -> x' ~ p(x'|x)", _transition),
    "gibbs": Chain(
        ("draw_code", "decode"), "pseudo-Gibbs: z ~ q(z|x), x' = E[x|z]", _through("draw_code", "decode")
    ),
    "restored": Chain(("restored",), "corrupted and denoised in turn", _through("restored")),
    "coding": Chain(("encode", "decode"), "encoded and decoded in turn", _through("encode", "decode")),
    "reconstruct": Chain(("reconstruct",), "reconstructed again and again", _through("reconstruct")),
    "latent": Chain((abilities.PRIOR, "decode"), "a random walk of z that keeps p(z)", _through("decode")),
}
"""By name, the first that a model's outputs allow being its own. Bengio et al. 2013 (generalised denoising
autoencoders) for `transition` and `restored`; Rezende et al. 2014, appendix F, for `gibbs`."""
