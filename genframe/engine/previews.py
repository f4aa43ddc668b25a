"""The pictures a run leaves: each output that gives something to look at, on a fixed latent and fixed examples.

What is drawn follows from an output's argument: `n` asks for samples, a data wire (`x`, or a dataset's name for its
`x`) for examples beside what the output makes of them, and `z` with two latents for the manifold.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from genframe import pictures, plots, sheets
from genframe.data.feed import Feed
from genframe.engine.outputs import Outputs
from genframe.run import Run

MOST_POINTS = 1000
"""Reference points under a scatter of two-dimensional samples."""


class Previews:
    """Draws the outputs of a run into `samples/`; `shown` is told the name, step and file of each picture."""

    def __init__(
        self,
        outputs: Outputs,
        feeds: Mapping[str, Feed],
        run: Run,
        n: int,
        shown: Callable[[str, int, Path], None] = lambda name, step, path: None,
    ) -> None:
        self.outputs, self.run, self.n, self.shown = outputs, run, n, shown
        self.feeds = feeds
        self._examples: dict[str, Mapping[str, Tensor]] = {}

    def references(self) -> None:
        """The first examples of each dataset, once."""
        for name in self.feeds:
            image = self._look(self.examples(name)[: self.n], self.examples(name)[:0])
            if image is not None:
                title = f"data{'-' if name else ''}{name}"
                self._save(image, title, 0, f"{title}.png")

    def draw(self, step: int) -> None:
        """Every output that can be drawn, after `step` steps."""
        for name in self.outputs:
            image = self.picture(name)
            if image is not None:
                self._save(image, name, step, f"{name}-{step:08d}.png")

    def picture(self, name: str) -> Image.Image | None:
        """What one output looks like; None for what is no picture."""
        arguments = self.outputs.arguments(name)
        output = self.outputs[name]
        with self.outputs.evaluating("preview", name):
            if arguments == ("n",):
                value = output(self.n)
                return self._look(value, self._reference(value)) if isinstance(value, Tensor) else None
            if arguments == ("z",):
                return self._manifold(output)
            if len(arguments) == 1 and (examples := self._argument(arguments[0])) is not None:
                return self._beside(examples, output(examples))
            if "" in self.feeds and "x" in arguments and set(arguments) <= self.batch("").keys():
                batch = {key: value[: max(self.n // 2, 1)] for key, value in self.batch("").items()}
                return self._beside(batch["x"], output(batch))
        return None

    def examples(self, name: str) -> Tensor:
        """Fixed examples of a dataset's `x`."""
        return self.batch(name)["x"]

    def batch(self, name: str) -> Mapping[str, Tensor]:
        """Fixed examples of a dataset: of the test split, else validation, else training."""
        if name not in self._examples:
            feed = self.feeds[name]
            split = next(s for s in ("test", "validation", "train") if s in feed.spec.lengths)
            points = feed.spec.fields["x"].shape == (2,)
            self._examples[name] = feed.split(split).first(MOST_POINTS if points else self.n)
        return self._examples[name]

    def _argument(self, argument: str) -> Tensor | None:
        """The examples an argument stands for: `x`, or the name of a dataset."""
        name = "" if argument == "x" and "" in self.feeds else argument
        return self.examples(name)[: max(self.n // 2, 1)] if name in self.feeds else None

    def _reference(self, samples: Tensor) -> Tensor | None:
        """The data behind a scatter of samples, where one dataset has that shape."""
        return next((e for e in map(self.examples, self.feeds) if e.shape[1:] == samples.shape[1:]), None)

    @staticmethod
    def _look(samples: Tensor, reference: Tensor | None) -> Image.Image | None:
        """A grid, a scatter, or of vectors such as the data's lines; None for what has no look, such as codes."""
        if sheets.drawable(samples) and samples.ndim == 4:
            return pictures.grid(sheets.viewable(samples))
        if samples.ndim == 2 and samples.shape[1] != 2 and reference is not None:
            return plots.vectors(samples, reference)
        return pictures.picture_of(samples, reference if samples.shape[1:] == (2,) else None)

    @staticmethod
    def _beside(examples: Tensor, made: object) -> Image.Image | None:
        if not isinstance(made, Tensor) or made.shape != examples.shape:
            return None
        if sheets.drawable(examples) and examples.ndim == 4:
            return pictures.pairs(sheets.viewable(examples), sheets.viewable(made))
        if examples.shape[1:] == (2,):
            return pictures.scatter(made, examples)
        return plots.vectors(made, examples) if examples.ndim == 2 else None

    def _manifold(self, decode: Callable[[Tensor], Tensor]) -> Image.Image | None:
        plan = self.outputs.plan
        priors = plan.recipe.of_kind("prior")
        if len(priors) != 1 or tuple(plan.parts[priors[0]].event_shape) != (2,):
            return None
        device = next(iter(self.feeds.values())).device
        one = decode(torch.zeros(1, 2, device=device))
        if one.ndim != 4 or pictures.picture_of(one) is None:
            return None  # two latents of what is no picture, such as points
        return pictures.manifold(lambda z: decode(z.to(device)))

    def _save(self, image: Image.Image, name: str, step: int, file: str) -> None:
        path = self.run.path("samples", file)
        pictures.save_png(image, path)
        self.shown(name, step, path)
