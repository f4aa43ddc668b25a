"""What samples and data are compared by: features of a trained classifier or a scripted net, or plain values."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor

from genframe import GenframeError, Shape, load

SHIPPED = {"digits": Path(__file__).with_name("lenet-digits.genframe")}
"""Classifiers that ship with genframe: that of the digits is a run of the recipe `classifier/lenet-digits`, packed."""

SCRIPTED = (".pt", ".ts", ".torchscript")


class Extractor(Protocol):
    """Turns examples into what they are compared by. `facts` are what a figure's provenance says of it.

    classes: how many it tells apart; 0 where it is no classifier.
    """

    facts: dict[str, Any]
    classes: int

    def features(self, x: Tensor) -> Tensor:
        """x (n, ...) -> (n, d), float32."""

    def probabilities(self, x: Tensor) -> Tensor:
        """x (n, ...) -> of each class (n, classes). Raises ValueError where it is no classifier."""


def extractor(features: str, x: Tensor) -> Extractor:
    """What `features` names, for examples such as those of x (n, ...), on its device.

    A run or a packed file of a model with the outputs features(x) and classify(x); a TorchScript file; a classifier
    that ships, by its word; or `pixels`, the values themselves.
    Raises ValueError where there is no such file or run, it lacks the outputs, or takes examples of another shape.
    """
    if features == "pixels":
        return Values()
    path = SHIPPED.get(features, Path(features))
    if not path.exists():
        raise ValueError(
            f"there is no {path} to take features by: give a run of a classifier (genframe train "
            "classifier/lenet-digits) or a TorchScript file of an Inception net, or features: pixels"
        )
    if path.suffix in SCRIPTED:
        return Scripted(path, x)
    found = _classifier(path, _stamp(path), str(x.device))
    found.check(tuple(x.shape[1:]))
    return found


def _stamp(path: Path) -> int:
    """When a run or a file last changed: one that is trained on is read anew."""
    inside = path / "checkpoints"
    return (inside if inside.is_dir() else path).stat().st_mtime_ns


class Values:
    """The values of examples as they are: (n, all of them)."""

    classes = 0

    def __init__(self) -> None:
        self.facts: dict[str, Any] = {"features": "the values themselves"}

    def features(self, x: Tensor) -> Tensor:
        return x.flatten(1).float()

    def probabilities(self, x: Tensor) -> Tensor:
        raise ValueError("classes need a classifier: features: RUN, and not pixels")


class Classifier:
    """A trained model with the outputs features(x) and classify(x), in eval mode, by its averaged weights."""

    def __init__(self, path: Path, device: str) -> None:
        with warnings.catch_warnings(), torch.random.fork_rng(devices=range(torch.cuda.device_count())):
            warnings.simplefilter("ignore")  # its weights have a digest, and its accuracy is measured
            try:
                self.model = load(path, device=device)
            except GenframeError as error:
                raise ValueError(f"features: {path} can't be opened: {error.problems[0].message}") from error
        for output in ("features", "classify"):
            if output not in self.model.outputs:
                known = ", ".join(self.model.outputs) or "none"
                raise ValueError(
                    f"features: {path} has no output {output}(x), but {known}: the pipeline `classifier` has it"
                )
        feed = next(iter(self.model.feeds.values()))
        self.path, self.shape = path, tuple(feed.promised.fields["x"].shape)
        self.classes = feed.promised.classes or 0
        weights = sorted(self.model.digests.items())
        self.facts = {
            "features": path.name,
            "layer": next(o.text for o in self.model.recipe.outputs if o.names[0] == "features"),
            "trained for": f"{self.model.step:,} steps",
            "weights": hashlib.sha256(repr(weights).encode()).hexdigest()[:16],
        }

    def check(self, shape: Shape) -> None:
        """Raise ValueError for examples of another shape than it was trained on."""
        if shape != self.shape:
            ours, theirs = ("x".join(map(str, size)) for size in (self.shape, shape))
            advice = "train one on these data (genframe train classifier/lenet-digits data.use=...), or take pixels"
            raise ValueError(
                f"the classifier {self.path.name} takes examples of {ours}, not {theirs}: {advice}"
            )

    def features(self, x: Tensor) -> Tensor:
        return self._call("features", x).flatten(1).float()

    def probabilities(self, x: Tensor) -> Tensor:
        return self._call("classify", x)

    def _call(self, output: str, x: Tensor) -> Tensor:
        found: Tensor = self.model.call(output, x.clamp(0, 1) if x.ndim == 4 else x, seed=0)
        return found


@lru_cache(maxsize=4)
def _classifier(path: Path, stamp: int, device: str) -> Classifier:
    return Classifier(path, device)


class Scripted:
    """A TorchScript net: pictures of three channels -> features.

    Where its call has `return_features`, as that of StyleGAN's Inception file, it takes bytes (n, 3, h, w), else
    pictures (n, 3, h, w) in [0, 1]. Grey ones are given three times; how they are resized is the net's own matter.
    """

    classes = 0

    def __init__(self, path: Path, x: Tensor) -> None:
        if x.ndim != 4 or x.shape[1] not in (1, 3):
            raise ValueError(
                f"{path.name} takes pictures of one or three channels, not examples {tuple(x.shape[1:])}"
            )
        try:
            net: Any = torch.jit.load(str(path), map_location=x.device)  # type: ignore[no-untyped-call]
            self.net: Callable[..., Tensor] = net.eval()
            self.bytes = "return_features" in str(net.forward.schema)
        except RuntimeError as error:
            raise ValueError(
                f"features: {path} is no TorchScript file: {str(error).splitlines()[0]}"
            ) from error
        digest = hashlib.sha256(path.read_bytes()).hexdigest()[:16]
        self.facts: dict[str, Any] = {"features": path.name, "layer": "what it gives", "weights": digest}

    @torch.no_grad()
    def features(self, x: Tensor) -> Tensor:
        x = x.clamp(0, 1).expand(-1, 3, -1, -1)
        if self.bytes:
            return self.net((255 * x).round().to(torch.uint8), return_features=True).flatten(1).float()
        return self.net(x).flatten(1).float()

    def probabilities(self, x: Tensor) -> Tensor:
        raise ValueError(
            "classes need a classifier of these data: features: RUN of the pipeline `classifier`"
        )
