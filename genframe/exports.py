"""What a run makes, written to a file of the user's: pictures, scatters, arrays."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genframe import durable
from genframe.errors import Problem, RecipeError

if TYPE_CHECKING:
    from torch import Tensor

    from genframe.api import Model
    from genframe.run import Run
    from genframe.traversal import Traversal

SUFFIXES = (".png", ".npy", ".npz")
"""A picture; one array; several by name."""

REFERENCE_POINTS = 1000
"""Points of the data that are drawn under a scatter."""


def check_target(path: Path, force: bool = False, moving: bool = False) -> None:
    """Raise RecipeError, before anything is computed, for a file that can't be written or is there already.

    moving: whether it may be a .gif, of draws in their order.
    """
    suffixes = (*SUFFIXES, ".gif") if moving else SUFFIXES
    if path.suffix not in suffixes:
        message = f"the name {path.name!r} says no form: it must end in {', '.join(suffixes)}"
        raise RecipeError(Problem("GF803", message))
    if path.exists() and not force:
        raise RecipeError(Problem("GF801", f"{path} is there already; --force overwrites it"))


def samples(
    model: Model,
    path: Path,
    n: int,
    seed: int,
    output: str = "sample",
    sampler: str | Mapping[str, Any] | None = None,
) -> None:
    """Draw `n` samples, by an output or by a sampler, and write them. Raises RecipeError for one that is not there."""
    if sampler is None:
        _arguments(model, output, draws=True)
    drawn: Tensor = model.call(output, n, seed=seed) if sampler is None else model.draw(sampler, n, seed)
    arrays = {"x": drawn}
    if path.suffix == ".png":
        _write_picture(path, arrays, _reference(model, drawn))
    elif path.suffix == ".gif":
        _write_animation(path, drawn)
    else:
        _write_arrays(path, arrays)


def reconstructions(model: Model, path: Path, n: int, split: str | None, output: str = "reconstruct") -> None:
    """Write the first `n` examples of a split beside what an output makes of them and of the fields it asks for."""
    argument, *beside = _arguments(model, output, draws=False)
    feed = model.feeds[argument] if argument in model.feeds else next(iter(model.feeds.values()))
    if "x" not in feed.spec.fields:
        known = ", ".join(feed.spec.fields)
        raise RecipeError(
            Problem("GF804", f"the data have no wire 'x' to put beside anything; they have {known}")
        )
    chosen = split or next(name for name in ("test", "validation", "train") if name in feed.spec.lengths)
    batch = feed.split(chosen).first(n)
    x: Tensor = batch["x"]
    arrays = {"reconstruction": model.call(output, batch if beside else x, seed=0), "x": x}
    if path.suffix == ".png":
        _write_picture(path, arrays, x)
    else:
        _write_arrays(path, arrays)


def filters(model: Model, path: Path, component: str | None = None) -> str:
    """Write the filters of a component's first layer as a picture (or its weights); gives the component's name.

    Raises RecipeError (GF804) where the component, or without one every component, has no filters to look at.
    """
    from genframe import charts, pictures

    modules = model.outputs.plan.parts.modules()
    shapes = [s.fields["x"].shape for s in model.outputs.plan.parts.specs.values() if "x" in s.fields]
    with model.outputs.evaluating("filters"):
        for name in [component] if component is not None else modules:
            weight = charts.first_layer(modules[name]) if name in modules else None
            if weight is None:
                continue
            try:
                image = charts.filters(weight.cpu(), shapes[0] if shapes else ())
            except ValueError:
                continue
            if path.suffix == ".png":
                pictures.save_png(image, path)
            else:
                _write_arrays(path, {"weight": weight})
            return name
    what = f"the component {component!r} has" if component is not None else "the components of this run have"
    known = ", ".join(modules) or "none"
    raise RecipeError(Problem("GF804", f"{what} no first layer of filters over pictures; there are {known}"))


def traversal(found: Traversal, path: Path) -> None:
    """Write what latents do, as a picture of a row each or as arrays. Raises RecipeError (GF803) for no pictures."""
    from genframe import pictures
    from genframe.traversal import picture

    if path.suffix == ".png":
        pictures.save_png(picture(found), path)
    else:
        _write_arrays(path, {"x": found.x, "z": found.z})


def curves(figures: Mapping[str, float], path: Path) -> None:
    """Write figures NAME_LEVEL as curves against their level. Raises RecipeError (GF803) where there are none."""
    from genframe import charts, pictures

    try:
        image = charts.chart(charts.curves_of(figures))
    except ValueError as error:
        raise RecipeError(Problem("GF803", f"{error}: evaluate a metric at several levels")) from error
    pictures.save_png(image, path)


def evaluation_picture(run: Run, step: int, name: str, found: Tensor) -> Path:
    """Write pictures (rows, columns, channels, height, width) that the metric `name` has into a run's samples."""
    from genframe import pictures

    path = run.samples / f"{name}-{step:08d}.png"
    pictures.save_png(pictures.grid(found.flatten(0, 1), columns=found.shape[1]), path)
    return path


def _arguments(model: Model, output: str, draws: bool) -> tuple[str, ...]:
    """The arguments of an output that draws samples, `n` alone, or that takes examples: one other argument, or fields
    of the one dataset, its x among them.

    Raises RecipeError for any other output, and for one that the recipe has not.
    """
    _ = model.outputs[output]  # says which there are
    fitting = [name for name in model.outputs if _fits(model, model.outputs.arguments(name), draws)]
    arguments = model.outputs.arguments(output)
    if output not in fitting:
        message = f"the output {output}({', '.join(arguments)}) {'draws no samples' if draws else 'takes no examples'}"
        raise RecipeError(Problem("GF804", message, path="outputs", nearest=fitting[0] if fitting else None))
    return arguments


def _fits(model: Model, arguments: tuple[str, ...], draws: bool) -> bool:
    if len(arguments) == 1 or draws:
        return (arguments == ("n",)) == draws
    return "" in model.feeds and "x" in arguments and set(arguments) <= model.feeds[""].spec.fields.keys()


def _reference(model: Model, drawn: Tensor) -> Tensor | None:
    """Data under a scatter: the first dataset's whose examples are points of a plane."""
    if drawn.shape[1:] != (2,):
        return None
    for feed in model.feeds.values():
        if "x" in feed.spec.fields and feed.spec.fields["x"].shape == (2,):
            split = "test" if "test" in feed.spec.lengths else "train"
            points: Tensor = feed.split(split).first(REFERENCE_POINTS)["x"]
            return points
    return None


def _write_picture(path: Path, arrays: Mapping[str, Tensor], reference: Tensor | None) -> None:
    """Images as a grid, beside their originals where there are any; points as a scatter."""
    from genframe import pictures

    made = next(iter(arrays.values()))
    if len(arrays) == 2 and made.ndim == 4 and made.shape == arrays["x"].shape:
        image = pictures.pairs(arrays["x"], made)
    else:
        found = pictures.picture_of(made, reference)
        if found is None:
            shape = "x".join(map(str, made.shape[1:])) or "()"
            message = f"an example of the shape {shape} is neither a picture nor a point of a plane"
            raise RecipeError(Problem("GF803", f"{message}: write .npy or .npz"))
        image = found
    pictures.save_png(image, path)


def _write_animation(path: Path, images: Tensor) -> None:
    """Images one after another in their order: what a sampler's chain went through."""
    from genframe import pictures

    if images.ndim != 4 or images.shape[1] not in (1, 3):
        shape = "x".join(map(str, images.shape[1:])) or "()"
        message = f"an example of the shape {shape} is no picture, of which a .gif could be made"
        raise RecipeError(Problem("GF803", f"{message}: write .npy or .npz"))
    pictures.save_gif(images, path)


def _write_arrays(path: Path, arrays: Mapping[str, Tensor]) -> None:
    import numpy as np

    found: dict[str, Any] = {name: tensor.detach().cpu().numpy() for name, tensor in arrays.items()}
    buffer = io.BytesIO()
    if path.suffix == ".npy":
        np.save(buffer, next(iter(found.values())), allow_pickle=False)
    else:
        np.savez_compressed(buffer, allow_pickle=False, **found)
    with durable.reported(path.name, path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        durable.write_bytes(path, buffer.getvalue())
