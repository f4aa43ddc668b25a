"""Recipes: those that a plugin ships load and train; so does the smallest one about each component."""

from __future__ import annotations

import inspect
import re
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from genframe.binding import called, public_methods
from genframe.errors import GenframeError, RecipeError
from genframe.methods import asked
from genframe.recipe import load_recipe
from genframe.recipe.model import Recipe
from genframe.registry import RecipeFile
from genframe.testing.kit import EVERY, Failure, NotApplicable, check, told
from genframe.testing.runs import listed, refused
from genframe.testing.standard import RESTORER
from genframe.testing.standard import recipe as standard
from genframe.testing.subject import RecipeSubject, Subject
from genframe.testing.toys import WIRES
from genframe.testing.training import Trained, few_steps

NEEDS = (
    "GF505",
    "GF508",
    "GF519",
    "GF401",
    "GF402",
    "GF502",
    "GF510",
    "GF511",
    "GF512",
    "GF533",
    "GF601",
    "GF604",
    "GF605",
    "GF606",
)
"""Problems by which a recipe says that it needs something else: other parts, a wire, a given, a player, data."""

ALWAYS = ("encoder", "decoder", "discriminator", "noise", "optimizer")
"""Kinds that every setting of the standard recipe fits: there whatever fails is the component's fault."""


@check("recipe")
def recipe_loads(subject: RecipeSubject) -> None:
    """The recipe passes every check that needs no torch; a pipeline does in a recipe about it."""
    _loaded(subject)


@check("recipe")
def recipe_trains(subject: RecipeSubject) -> None:
    """It can be built, and trains for some steps on random rows; every term and weight stays finite."""
    try:
        trained = few_steps(_loaded(subject))
    except RecipeError as error:
        lacking = subject.file.pipeline or error.problems[0].code in NEEDS[-4:]
        if lacking and error.problems[0].code in NEEDS:
            raise NotApplicable(f"it needs what is not here: {error.problems[0].message}") from error
        raise Failure("the recipe can be built", came=_problems(error)) from error
    _require_finite(trained)


@check(EVERY)
def trains_in_a_recipe(subject: Subject) -> None:
    """The smallest recipe about it (`genframe plugins new` writes it) is valid, builds and trains for some steps."""
    _require_known_wires(subject)
    with _blamed(subject):
        recipe, trained = _trained(subject)
    if subject.kind != "schedule":  # whose numbers are guesses
        _require_finite(trained)
    for name, instance in recipe.instances.items():
        mine = instance.offer == subject.offer and name in trained.before
        if mine and trained.before[name] and not trained.moved(name):
            raise Failure(
                "after three steps its parameters are not what they were",
                came="each is the same to the bit",
                hint="what it gives depends on none of its parameters, or their gradients are zero",
            )


def _loaded(subject: RecipeSubject) -> Recipe:
    """The recipe, on the CPU. Raises Failure with its problems."""
    file = subject.file
    owned = f"{file.plugin}/{file.name}"
    try:
        if file.pipeline:
            return load_recipe(_about_pipeline(file, owned), registry=subject.registry)
        return load_recipe(owned, ["device=cpu"], registry=subject.registry)
    except GenframeError as error:
        raise Failure("the recipe is valid", came=_problems(error)) from error


def _about_pipeline(file: RecipeFile, name: str) -> dict[str, Any]:
    """A recipe with every part that a pipeline leaves to it; one too many is a remark."""
    net = {"use": "mlp", "hidden": [8]}
    parts = {"encoder": net, "decoder": net, "discriminator": net, "prior": {"use": "gaussian", "dim": 3}}
    written = set(re.findall(r"^(\w+):", file.path.read_text(encoding="utf-8"), re.MULTILINE))
    parts = {slot: part for slot, part in parts.items() if slot not in written}
    data = {"use": "digits", "batch_size": 16}
    return {"genframe": 1, "pipeline": name, "data": data, **parts, "train": {"epochs": 1}}


def _trained(subject: Subject) -> tuple[Recipe, Trained]:
    """The smallest recipe after some steps; where a decoder refuses a latent vector, the one that restores pictures."""
    recipe = _standard(subject, subject.kind)
    try:
        return recipe, few_steps(recipe)
    except RecipeError as error:
        cause = error.__cause__
        if subject.kind != "decoder" or cause is None or not refused(cause):
            raise
        recipe = _standard(subject, RESTORER)
        return recipe, few_steps(recipe)


def _standard(subject: Subject, kind: str) -> Recipe:
    """The smallest recipe about a component, with the options that the kit builds it with."""
    options = {
        key: list(value) if isinstance(value, tuple) else value for key, value in subject.options().items()
    }
    call = called(subject.target)
    takes = subject.entries()[0].parameters if call is not None and subject.entries() else ()
    if subject.kind == "alarm":
        takes = asked(subject.offer) or ()
    tree = standard(
        kind,
        subject.offer.name,
        options=options,
        takes=takes if subject.kind in ("loss", "function", "alarm") else (),
        methods=public_methods(subject.target) if subject.is_class else (),
        needs=subject.needs,
    )
    return load_recipe(tree, ["device=cpu"], registry=subject.registry)


def _require_known_wires(subject: Subject) -> None:
    """A loss or a function that asks for what no toy recipe has: only its own recipe can train it."""
    if subject.kind not in ("loss", "function"):
        return
    for entry in subject.entries():
        for name in entry.parameters:
            if name not in WIRES and str(entry.annotations.get(name)) not in _TENSOR:
                raise NotApplicable(f"the smallest recipe has no wire {name!r}; ship a recipe that has one")


_TENSOR = ("None", "Tensor", "torch.Tensor", "<class 'torch.Tensor'>")


@contextmanager
def _blamed(subject: Subject) -> Iterator[None]:
    """What fails in a standard recipe is a component's failure where nothing else can be at fault.

    Elsewhere (a discrete posterior in a recipe that draws by rsample) the recipe is only not made for it.
    """
    try:
        yield
    except (Failure, NotApplicable):
        raise
    except Exception as error:
        code = error.problems[0].code if isinstance(error, GenframeError) else ""
        if code not in NEEDS and (subject.kind in ALWAYS or _inside(subject, error)):
            came = _problems(error) if isinstance(error, GenframeError) else told(error)
            raise Failure("it is built and trained in the smallest recipe about it", came=came) from error
        raise NotApplicable(f"the smallest recipe is not made for it: {error}") from error


def _inside(subject: Subject, error: BaseException) -> bool:
    """Whether an error came about in the component's own file, and is no refusal."""
    own = inspect.getsourcefile(subject.target)
    causes = [error]
    while causes[-1].__cause__ is not None:
        causes.append(causes[-1].__cause__)
    steps = [
        step for step in traceback.extract_tb(causes[-1].__traceback__) if "/torch/" not in step.filename
    ]
    return bool(steps) and steps[-1].filename == own and not refused(causes[-1])


def _require_finite(trained: Trained) -> None:
    bad = trained.not_finite()
    if bad:
        raise Failure(
            "after three steps every term and every weight is finite", came=f"{listed(bad)} are not"
        )


def _problems(error: GenframeError) -> str:
    return "\n".join(f"{p.code} {p.mark or ''} {p.message}".replace("  ", " ") for p in error.problems[:3])
