"""What a sampler promises: rows under a seed, of the right law, from a fit that can be stored."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from safetensors.torch import load, save
from torch import Tensor, nn

from genframe.arguments import named
from genframe.binding import required_parameters
from genframe.engine.fits import restore
from genframe.testing.kit import Failure, NotApplicable, check, told
from genframe.testing.linear import LinearModel
from genframe.testing.statistics import kolmogorov_p, ks_one_sample
from genframe.testing.subject import Subject
from genframe.testing.toys import image, vector

DRAWS = 10_000
"""Draws that a law is judged by: a mean that is off by a tenth of a deviation, or a width by 7 %, is seen."""

ERRORS = 6.0
"""Standard errors that a moment may be off: once in 5e8 by chance."""

RARE = 1e-6
"""The p-value of Kolmogorov and Smirnov's test below which a law is another; four are taken a check."""

_GENERATOR = "draw from torch's default generator alone, and never seed it"


@check("sampler")
def sampler_gives_rows(subject: Subject) -> None:
    """It gives n draws of the data's shape, finite and without gradient, for n = 1 too."""
    bench = Bench(subject, _model(subject, fitting=True))
    if "n" not in bench.parameters:
        raise Failure("it asks for n, how many to draw", came=f"it asks for {', '.join(bench.parameters)}")
    part = bench.fitted()
    for n in (1, 5):
        drawn = bench.draw(part, n, detached=False)
        expected = (n, *bench.model.shape)
        if tuple(drawn.shape) != expected:
            came = f"shape {tuple(drawn.shape)}"
            raise Failure(f"a tensor {expected} for n={n}, for data of {bench.model.shape}", came=came)
        if not drawn.isfinite().all():
            raise Failure(f"finite values for n={n}", came=f"{int((~drawn.isfinite()).sum())} that are not")
        if drawn.requires_grad or drawn.dtype != torch.float32:
            raise Failure("float32 without gradient", came=f"{drawn.dtype}, gradient: {drawn.requires_grad}")


@check("sampler")
def sampler_follows_its_seed(subject: Subject) -> None:
    """The same seed draws the same, another seed others, and the rows of one call differ."""
    bench = Bench(subject, _model(subject, fitting=True))
    part = bench.fitted()
    one, again, other = bench.draw(part, 8, 1), bench.draw(part, 8, 1), bench.draw(part, 8, 2)
    if torch.initial_seed() != 2:
        raise Failure(
            "it leaves the seed as it was set", came=f"the seed {torch.initial_seed()}", hint=_GENERATOR
        )
    if not torch.equal(one, again):
        largest = float((one - again).abs().max())
        raise Failure(
            "the same draws under the same seed", came=f"a difference of {largest:.3g}", hint=_GENERATOR
        )
    if torch.equal(one, other):
        raise Failure("other draws under another seed", came="the same", hint=_GENERATOR)
    if torch.equal(one, one[:1].expand_as(one)):
        raise Failure("8 different draws", came="the same 8 times", hint="give the noise a row for each draw")


@check("sampler")
def sampler_leaves_the_law_invariant(subject: Subject) -> None:
    """Of a model whose prior fits its data, its draws have the law of the data.

    A linear-Gaussian toy, x = W z + b. Judged by moments and by Kolmogorov and Smirnov's test of four projections;
    a false alarm in one of 200,000 right samplers.
    """
    bench = Bench(subject, _model(subject, fitting=True))
    bench.require_law()


@check("sampler")
def fit_has_the_law_of_the_data(subject: Subject) -> None:
    """Fitted to data whose codes the prior does not fit, its draws have the law of the data.

    The toy's codes are N(m, R R^T), and the law is judged as in `sampler_leaves_the_law_invariant`.
    """
    bench = Bench(subject, _model(subject, fitting=False))
    if not bench.fits:
        raise NotApplicable("it has no fit()")
    if "sample" in bench.asked:
        raise NotApplicable("it draws from the model itself, so the law of its draws is not the data's alone")
    bench.require_law()


@check("sampler")
def fit_is_stored_whole(subject: Subject) -> None:
    """Its state_dict, stored as safetensors and put into a new one, draws the same."""
    bench = Bench(subject, _model(subject, fitting=False))
    part = bench.fitted()
    if not bench.fits:
        raise NotApplicable("it has no fit()")
    if not isinstance(part, nn.Module):
        raise Failure("a torch.nn.Module, whose state_dict is stored", came=f"a {type(part).__name__}")
    state = {name: tensor.detach().clone().contiguous() for name, tensor in part.state_dict().items()}
    fresh = bench.build(seed=1)
    with _promise("its state fits into a new one", "make its parts in the constructor, by register_buffer"):
        restore(fresh, load(save(state)))
    drawn = bench.draw(
        fresh.eval(), 8, 1, f"a new one draws from the stored state ({', '.join(state)})", _BUFFERS
    )
    expected = bench.draw(part, 8, 1)
    if not torch.equal(drawn, expected):
        raise Failure(
            f"a new one with the stored state ({', '.join(state) or 'it is empty'}) draws the same",
            came=f"a difference of up to {float((drawn - expected).abs().max()):.3g}",
            hint=_BUFFERS,
        )


@check("sampler")
def fit_repeats_under_its_seed(subject: Subject) -> None:
    """Fitted twice under one seed it has the same state, so that a lost fit can be made again."""
    bench = Bench(subject, _model(subject, fitting=False))
    if not bench.fits:
        raise NotApplicable("it has no fit()")
    one, other = bench.fitted(), bench.fitted()
    if not torch.equal(bench.draw(one, 8, 1), bench.draw(other, 8, 1)):
        raise Failure("the same fit under the same seed", came="another", hint=_GENERATOR)


_BUFFERS = "what fit() learns belongs in parameters or buffers: register_buffer(name, None), set by fit()"


@dataclass(frozen=True)
class Bench:
    """A sampler at work on the toy, as the engine calls it. Raises NotApplicable where it asks for more."""

    subject: Subject
    model: LinearModel

    @property
    def fits(self) -> bool:
        return hasattr(self.subject.target, "fit")

    @property
    def parameters(self) -> tuple[str, ...]:
        """What drawing asks for."""
        target = self.subject.target
        if not self.subject.is_class:
            return required_parameters(target)
        if not callable(getattr(target, "sample", None)):
            raise Failure(
                "a function, or a class with sample(..., n)", came=f"{target.__name__} has no sample"
            )
        return required_parameters(target.sample)

    @property
    def asked(self) -> tuple[str, ...]:
        """What drawing and fitting ask for."""
        return (*self.parameters, *(required_parameters(self.subject.target.fit) if self.fits else ()))

    def build(self, seed: int = 0) -> Any:
        case = image(*self.model.shape) if len(self.model.shape) == 3 else vector(2)
        with _promise("it is built from its options"):
            return self.subject.build(case, seed=seed)

    def fitted(self) -> Any:
        """Built, and fitted where it can be."""
        part = self.build()
        if self.fits:
            arguments = self._arguments(required_parameters(self.subject.target.fit), tell=lambda text: None)
            torch.manual_seed(5)
            with _promise(f"it is fitted to {self.model.examples:,} examples", _OUTPUTS):
                if isinstance(part, nn.Module):
                    part.train()
                part.fit(*arguments)
        return part.eval() if isinstance(part, nn.Module) else part

    def draw(
        self, part: Any, n: int, seed: int = 1, promise: str = "", hint: str = "", detached: bool = True
    ) -> Tensor:
        """n draws under a seed. Raises Failure, with the promise that was broken, for whatever is raised."""
        arguments = self._arguments(self.parameters, n)
        torch.manual_seed(seed)
        with torch.no_grad(), _promise(promise or f"it draws n={n}", hint or _OUTPUTS):
            drawn = (part.sample if self.subject.is_class else part)(*arguments)
        if not isinstance(drawn, Tensor):
            raise Failure(f"a tensor ({n}, ...)", came=f"a {type(drawn).__name__}")
        return drawn.detach() if detached else drawn

    def require_law(self) -> None:
        """Raise Failure where the draws have another law than the model's data."""
        drawn = self.draw(self.fitted(), DRAWS).reshape(DRAWS, -1).double()
        if drawn.shape[1] != 2:
            raise Failure(f"draws of {self.model.shape}", came=f"{drawn.shape[1]} values each")
        for name, along in _directions(self.model).items():
            mean = float(along @ self.model.mean.double())
            deviation = math.sqrt(float(along @ self.model.covariance.double() @ along))
            _require_normal(name, drawn @ along, mean, deviation, self.model.examples)

    def _arguments(
        self, names: tuple[str, ...], n: int | None = None, tell: Callable[[str], None] | None = None
    ) -> list[Any]:
        known: dict[str, Callable[[], Any]] = {"data": self.model.data}
        known |= {} if tell is None else {"tell": lambda: tell}
        known |= {name: partial(_by_name, made) for name, made in self.model.outputs().items()}
        known |= {} if n is None else {"n": lambda: n}
        for name in names:
            if name not in known:
                raise NotApplicable(
                    f"it asks for the output {name!r}, which the kit's toy has not: it has {', '.join(known)}"
                )
        return [known[name]() for name in names]


_OUTPUTS = (
    "outputs: encode(x) -> z, decode(z) -> x, reconstruct(x), sample(n); data: len, batches(size), first(n)"
)


def _by_name(output: Callable[..., Any]) -> Callable[..., Any]:
    """The output as the engine hands it over: `encode(batch)` is `encode(x)` of the batch's x."""
    parameters = required_parameters(output)
    return lambda *args: output(**named(parameters, args))


def _model(subject: Subject, *, fitting: bool) -> LinearModel:
    return LinearModel(fitting, (1, 1, 2) if "image" in subject.needs else (2,))


def _directions(model: LinearModel) -> dict[str, Tensor]:
    """The axes, and the principal axes: a wrong covariance shows most where the law is narrow."""
    narrow, wide = torch.linalg.eigh(model.covariance.double()).eigenvectors.T
    first, second = torch.eye(2, dtype=torch.float64)
    named = {"the first value": first, "the second value": second}
    for name, axis in (("narrow", narrow), ("wide", wide)):
        named[f"{float(axis[0]):.2f} x_1 {float(axis[1]):+.2f} x_2, where the law is {name},"] = axis
    return named


def _require_normal(name: str, values: Tensor, mean: float, deviation: float, examples: int) -> None:
    """Raise Failure where values (n,) are not N(mean, deviation^2), up to what a fit to `examples` may be off."""
    error = math.sqrt(1 / len(values) + 1 / examples)
    came_mean, came_deviation = float(values.mean()), float(values.std())
    if abs(came_mean - mean) > ERRORS * error * deviation:
        raise Failure(
            f"a mean of {mean:.3f} of {name}, +- {ERRORS * error * deviation:.3f}, the data's",
            came=f"{came_mean:.3f} of {len(values):,} draws",
            hint="is a shift lost, or the draw not decoded?",
        )
    if abs(math.log(max(came_deviation, 1e-9) / deviation)) > ERRORS * error / math.sqrt(2):
        raise Failure(
            f"a standard deviation of {deviation:.3f} of {name}, +- {100 * ERRORS * error / math.sqrt(2):.0f} %",
            came=f"{came_deviation:.3f} of {len(values):,} draws",
            hint="are variances taken for deviations, a factor transposed, or weights not used?",
        )
    knots = torch.linspace(-4, 4, 801, dtype=torch.float64)
    distance, place = ks_one_sample((values - mean) / deviation, knots, torch.special.ndtr(knots))
    p = kolmogorov_p(distance, 1 / error**2)
    if p < RARE:
        raise Failure(
            f"the law of {name} is N({mean:.3f}, {deviation:.3f}^2), the data's",
            came=f"a distribution function that is {distance:.3f} off at {mean + place * deviation:.3f} (p = {p:.1g})",
            hint="mean and deviation are right, the shape is not",
        )


@contextmanager
def _promise(expected: str, hint: str = "") -> Iterator[None]:
    try:
        yield
    except (Failure, NotApplicable):
        raise
    except Exception as error:
        raise Failure(expected, came=told(error), hint=hint) from error
