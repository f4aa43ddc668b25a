"""One model on the page: its examples, codes, axes and noises, made once, and what a request names of them."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from functools import cached_property
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from genframe import abilities, conditions, interpolation, latents, manifold
from genframe.axes import Axes, principal_axes
from genframe.data.spec import Field
from genframe.errors import Problem, RecipeError
from genframe.explorer import injectors
from genframe.explorer.asked import Asked, Unfit
from genframe.explorer.render import Frame
from genframe.latents import Latents

if TYPE_CHECKING:
    from genframe.api import Model

POOL = 1000
"""Examples that can be chosen, and whose codes are the map's dots."""

SLIDERS = 24
"""Latents or axes that have a slider, at most."""

CANVAS = 112
"""The side of a drawing as the page sends it, in pixels."""


class Explored:
    """A model with what the page asks for again and again. Its methods are functions of their arguments alone."""

    def __init__(self, model: Model, name: str) -> None:
        self.model, self.name = model, name
        self._held = ExitStack()
        for average in model.outputs.averages:  # once: to swap weights for each picture takes longer than it
            self._held.enter_context(average.in_place())
        with torch.no_grad():
            self.missing = ""
            try:
                self.rows = latents.examples(model, POOL)
            except RecipeError as error:  # a packed file opens where its data are not
                self.missing = "; ".join(problem.message for problem in error.problems)
                self.rows = self._blank()
            if "x" not in self.rows:
                message = f"the data have no field x to look at: they have {', '.join(self.rows)}"
                raise RecipeError(Problem("GF842", message, path="data"))
            self.frame = Frame.of(self.shape, self.field.image, self.rows["x"])
            self.default = self._conditions()

    def close(self) -> None:
        self._held.close()

    @staticmethod
    def computing() -> torch.inference_mode:
        """Within, nothing is kept for gradients."""
        return torch.inference_mode()

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.rows["x"].shape[1:])

    @cached_property
    def field(self) -> Field:
        specs = self.model.outputs.plan.parts.specs.values()
        return next(spec.fields["x"] for spec in specs if "x" in spec.fields)

    @cached_property
    def conditions(self) -> dict[str, Field]:
        """The conditions that any output of the page takes, by field."""
        return conditions.asked(self.model, *self.model.outputs)

    @cached_property
    def labels(self) -> Tensor | None:
        """The class of each example, where the data tell one."""
        fields = conditions.fields(self.model)
        name = next((name for name, field in fields.items() if field.classes is not None), None)
        return self.rows.get(name) if name is not None else None

    @cached_property
    def encodes(self) -> bool:
        return "encode" in self.model.outputs

    @cached_property
    def codes(self) -> Tensor:
        """Codes of the examples, or draws of the prior where nothing encodes: (n, ...)."""
        with torch.no_grad():
            known = Latents(self.model) if self.encodes else self.latents({})
            found = known.encode(self.rows) if self.encodes else known.draw(POOL)
        if not found.is_floating_point() or found.numel() == 0:
            raise Unfit(
                f"codes are {str(found.dtype).removeprefix('torch.')}: they can't be moved by a slider"
            )
        return found

    @cached_property
    def axes(self) -> Axes:
        with torch.no_grad():
            known = Latents(self.model) if self.encodes else self.latents({})
            return principal_axes(self.model, SLIDERS, latents=known)

    @cached_property
    def moving(self) -> tuple[Tensor, Tensor, Tensor]:
        """The latents that vary most, (k,) by number, the widest first, and the ends (k,) of their sliders."""
        flat = self.codes.flatten(1).float()
        spread, mean = flat.std(0, correction=0), flat.mean(0)
        chosen = spread.argsort(descending=True, stable=True)[:SLIDERS]
        room = 3.5 * spread[chosen].clamp_min(1e-3)
        return chosen, mean[chosen] - room, mean[chosen] + room

    @cached_property
    def plane(self) -> manifold.Plane:
        with torch.no_grad():
            return manifold.plane(self.model, given=self.default)

    @cached_property
    def noises(self) -> tuple[dict[str, injectors.Injector], dict[str, str]]:
        """The noises that suit the data, by name, and the others with why not."""
        facts = {"image"} if self.field.image else set()
        facts |= {"bits"} if bool(((self.rows["x"] == 0) | (self.rows["x"] == 1)).all()) else set()
        with torch.no_grad():
            found, others = injectors.found(self.model, self.rows["x"][: injectors.TRIED], frozenset(facts))
        return {injector.name: injector for injector in found}, others

    @cached_property
    def method(self) -> interpolation.Method:
        """How codes are joined unasked."""
        with torch.no_grad():
            return interpolation.method_for(self.latents({}))

    def latents(self, given: Mapping[str, Any]) -> Latents:
        """Codes under conditions, which are the first example's where none are given."""
        return Latents(self.model, {**self.default, **given})

    def given(self, asked: Asked) -> dict[str, Any]:
        """The conditions that a request chooses. Raises GenframeError for those that there are not."""
        chosen = dict(asked.object("conditions").values)
        conditions.checked(self.model, chosen, *self.model.outputs)
        return chosen

    def source(self, asked: Asked, name: str = "source") -> dict[str, Tensor]:
        """One row of the picture that a request names, `x` (1, ...), with the conditions that hold beside it.

        `{"example": 3}`, `{"drawing": base64, "channels": 1}` of CANVAS x CANVAS bytes a channel, or
        `{"values": [...]}`. An example's own conditions hold where the request chooses none.
        """
        wanted = asked.object(name)
        if "drawing" in wanted:
            x, own = self._drawn(wanted), self.default
        elif "values" in wanted:
            numbers = torch.tensor(wanted.numbers("values", self.rows["x"][0].numel()))
            x, own = numbers.reshape(1, *self.shape).to(self.rows["x"]), self.default
        else:
            place = wanted.count("example", 0, 10**6, 0) % len(self.rows["x"])
            row = {key: value[place : place + 1] for key, value in self.rows.items()}
            x, own = row["x"], {key: row[key] for key in self.conditions if key in row}
        taken = conditions.checked(self.model, {**own, **self.given(asked)}, *self.model.outputs)
        return {**taken, "x": x}

    def code(self, asked: Asked, name: str = "start") -> tuple[Tensor, dict[str, Tensor]]:
        """The code (1, ...) that a request starts from, and what holds beside it.

        `{"seed": 3}` is a draw of the prior, `{"middle": true}` the mean of all codes; else a `source`.
        """
        wanted = asked.object(name)
        if "seed" in wanted or not self.encodes:
            return self.latents(self.given(asked)).draw(1, wanted.seed()), {}
        if wanted.flag("middle"):
            return self.axes.codes(torch.zeros(1, 0)).to(self.codes), {}
        row = self.source(asked, name)
        return Latents(self.model).encode(row), {key: value for key, value in row.items() if key != "x"}

    def _drawn(self, wanted: Asked) -> Tensor:
        if self.frame.look != "pictures":
            raise Unfit("examples of this model are no pictures: nothing can be drawn")
        channels = 3 if wanted.count("channels", 1, 3, 1) == 3 else 1
        raw = bytearray(wanted.data("drawing", CANVAS * CANVAS * channels))
        ink = torch.frombuffer(raw, dtype=torch.uint8).reshape(1, CANVAS, CANVAS, channels)
        picture = ink.permute(0, 3, 1, 2).float() / 255
        picture = torch.nn.functional.interpolate(picture, self.shape[-2:], mode="area")
        own = self.shape[0] if len(self.shape) == 3 else 1
        if channels != own:
            picture = picture.mean(1, keepdim=True).expand(-1, own, -1, -1)
        picture = self.frame.low + (self.frame.high - self.frame.low) * picture
        return picture.reshape(1, *self.shape).to(self.rows["x"])

    def _conditions(self) -> dict[str, Any]:
        """The first example's, for what is no example."""
        return {name: self.rows[name][0].tolist() for name in self.conditions if name in self.rows}

    def _blank(self) -> dict[str, Tensor]:
        """One example of zeros, of the shapes that the data were promised to have."""
        specs = self.model.outputs.plan.parts.specs.values()
        fields = next((s.fields for s in specs if "x" in s.fields), next(iter(specs)).fields)
        return {
            name: torch.zeros(1, *field.shape, dtype=getattr(torch, field.dtype), device=self.model.device)
            for name, field in fields.items()
        }

    def has(self, *needs: str) -> bool:
        return all(abilities.has(self.model, need) for need in needs)
