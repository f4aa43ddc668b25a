"""What a run makes, written to a file of the user's: pictures, scatters, arrays."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genframe import durable
from genframe.errors import Problem, RecipeError

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import Tensor

    from genframe.api import Model
    from genframe.data.feed import Feed
    from genframe.interpolation import Interpolation
    from genframe.manifold import Manifold
    from genframe.run import Run
    from genframe.traversal import Traversal
    from genframe.walk import Walk

SUFFIXES = (".png", ".npy", ".npz")
"""A picture; one array; several by name."""

REFERENCE_POINTS = 1000
"""Points of the data that are drawn under a scatter."""

FRAME_SECONDS = 0.12
"""How long a frame of what moves is shown: eight a second, which the eye can follow."""


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
    given: Mapping[str, Any] | None = None,
    titles: bool = True,
) -> None:
    """Draw `n` samples, by an output or by a sampler, and write them. given: conditions, `{"y": 7}`, of `sample`.

    Raises RecipeError for an output or a sampler that is not there, and for a condition that is not taken.
    """
    from genframe import conditions, figures

    drawn: Tensor
    if sampler is not None:
        drawn = model.draw(sampler, n, seed)
    elif given:
        drawn = model.sample(n, seed, given=given)
    else:
        _arguments(model, output, draws=True)
        drawn = model.call(output, n, seed=seed)
    by = f", by the sampler {_sampler_name(sampler)}" if sampler is not None else ""
    rows = conditions.checked(model, given or {}, "sample", "decode")
    said = f", {conditions.told(rows)}" if rows else ""
    title = _title(model, f"{n} samples, seed {seed}{by}{said}") if titles else None
    above = _turns(rows, n)
    reference = _reference(model, drawn)
    _write(
        path,
        {"x": drawn},
        lambda: figures.samples(drawn, title, reference, above if titles else (), len(above) or None),
        lambda: figures.sample_frames(drawn, title),
    )


def reconstructions(
    model: Model,
    path: Path,
    n: int,
    split: str | None,
    output: str = "reconstruct",
    given: Mapping[str, Any] | None = None,
    titles: bool = True,
) -> None:
    """Write the first `n` examples of a split beside what an output makes of them and of the fields it asks for.

    given: conditions in the place of the examples' own.
    """
    from genframe import conditions, figures

    argument, *beside = _arguments(model, output, draws=False)
    feed = model.feeds.get(argument) or _feed_of(model, [argument, *beside] if beside else ["x"])
    feed = feed or next(iter(model.feeds.values()))
    if "x" not in feed.spec.fields:
        known = ", ".join(feed.spec.fields)
        raise RecipeError(
            Problem("GF804", f"the data have no wire 'x' to put beside anything; they have {known}")
        )
    chosen = split or next(name for name in ("test", "validation", "train") if name in feed.spec.lengths)
    batch = feed.split(chosen).first(n)
    x: Tensor = batch["x"]
    rows = conditions.checked(model, given or {}, output)
    batch = {**batch, **conditions.repeated(rows, len(x))}
    made = model.call(output, batch if beside else x, seed=0)
    said = f", {conditions.told(rows)}" if rows else ""
    name = "reconstruction" if output == "reconstruct" else output
    title = _title(model, f"{len(x)} examples of the {chosen} split{said}") if titles else None
    arrays = {"reconstruction": made, "x": x}
    _write(path, arrays, lambda: figures.beside(x, made, title, ("original", name)))


def filters(model: Model, path: Path, component: str | None = None, titles: bool = True) -> str:
    """Write the filters of a component's first layer as a picture (or its weights); gives the component's name.

    Raises RecipeError (GF804) where the component, or without one every component, has no filters to look at.
    """
    from genframe import charts, pictures, sheets

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
                said = f"{len(weight)} filters of {name}, each on a scale of its own, 0 grey"
                title = _title(model, said) if titles else ""
                pictures.save_png(sheets.labelled(image, title=title), path)
            else:
                _write_arrays(path, {"weight": weight})
            return name
    what = f"the component {component!r} has" if component is not None else "the components of this run have"
    known = ", ".join(modules) or "none"
    raise RecipeError(Problem("GF804", f"{what} no first layer of filters over pictures; there are {known}"))


def traversal(model: Model, found: Traversal, path: Path, start: str, titles: bool = True) -> None:
    """Write what latents do: a row of pictures each, all of them as they move (.gif), or arrays."""
    from genframe import figures

    ends = f"from {float(found.values[0]):g} to {float(found.values[-1]):g}"
    words = [f"each latent {ends}, all others as in {start}", *found.told]
    title = _title(model, ", ".join(words)) if titles else None
    _write(
        path,
        {"x": found.x, "z": found.z},
        lambda: figures.traversal(found, title),
        lambda: figures.traversal_frames(found, title),
    )


def interpolation(model: Model, found: Interpolation, path: Path, titles: bool = True) -> None:
    """Write what lies between codes: a row of pictures a way, the way as it goes (.gif), or arrays x, z and t."""
    from genframe import figures

    words = [f"{found.method} interpolation", *found.told]
    title = _title(model, ", ".join(words)) if titles else None
    reference = _reference(model, found.x.flatten(0, 1))
    _write(
        path,
        {"x": found.x, "z": found.z, "t": found.at},
        lambda: figures.interpolation(found, title, reference),
        lambda: figures.interpolation_frames(found, title),
    )


def manifold(model: Model, found: Manifold, path: Path, titles: bool = True) -> None:
    """Write a plane of codes as a grid of pictures, or arrays x, z and the coordinates `across` and `up`."""
    from genframe import figures

    title = _title(model, ", ".join([found.plane.of, *found.told])) if titles else None
    reference = _reference(model, found.x.flatten(0, 1))
    arrays = {"x": found.x, "z": found.z, "across": found.across, "up": found.up}
    _write(path, arrays, lambda: figures.manifold(found, title, reference))


def walk(model: Model, found: Walk, path: Path, titles: bool = True) -> None:
    """Write the steps of chains: a row of pictures a chain, the chains as they go (.gif), or arrays x and `step`."""
    import torch

    from genframe import figures

    title = _title(model, ", ".join([f"{found.of}; from {found.start}", *found.told])) if titles else None
    reference = _reference(model, found.x.flatten(0, 1))
    _write(
        path,
        {"x": found.x, "step": torch.tensor(found.steps)},
        lambda: figures.walk(found, title, reference),
        lambda: figures.walk_frames(found, title),
    )


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
    of a dataset, its x among them.

    Raises RecipeError for any other output, and for one that the recipe has not.
    """
    from genframe import abilities

    if output in abilities.VERBS:
        abilities.require(model, output, output)
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
    return "x" in arguments and _feed_of(model, arguments) is not None


def _feed_of(model: Model, arguments: Sequence[str]) -> Feed | None:
    """The first dataset that has all of these fields."""
    wanted = set(arguments)
    return next((feed for feed in model.feeds.values() if wanted <= feed.spec.fields.keys()), None)


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


def _title(model: Model, text: str) -> str:
    return f"{model.recipe.name}, step {model.step}: {text}"


def _sampler_name(sampler: str | Mapping[str, Any]) -> str:
    return sampler if isinstance(sampler, str) else str(sampler.get("use", "?"))


def _turns(rows: Mapping[str, Tensor], n: int) -> list[str]:
    """A word for each column where conditions are taken in turn, one a column."""
    count = max((len(values) for values in rows.values()), default=1)
    if not 1 < count <= min(n, 50) or len({len(values) for values in rows.values()} - {1}) != 1:
        return []
    return [
        ", ".join(
            f"{name}={','.join(f'{number:g}' for number in values[k % len(values)].flatten().tolist())}"
            for name, values in rows.items()
        )
        for k in range(count)
    ]


def _write(
    path: Path,
    arrays: Mapping[str, Tensor],
    picture: Callable[[], Image],
    frames: Callable[[], list[Image]] | None = None,
) -> None:
    """A file in the form that its name says. Raises RecipeError (GF803) for an animation of what is no picture."""
    from genframe import pictures

    if path.suffix == ".png":
        pictures.save_png(picture(), path)
    elif path.suffix == ".gif" and frames is not None:
        pictures.save_frames(frames(), path, FRAME_SECONDS)
    else:
        _write_arrays(path, arrays)


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
