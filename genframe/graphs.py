"""An output of a trained recipe as a graph that serves elsewhere: ONNX, or torch.export; checked by running it."""

from __future__ import annotations

import logging
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from genframe import __version__, abilities, durable
from genframe.errors import Problem, RecipeError, RunError
from genframe.graph_forms import FORMS, unable
from genframe.graph_inputs import Input, inputs_of
from genframe.lock import recipe_facts

if TYPE_CHECKING:
    from genframe.api import Model

BATCHES = (1, 7)
"""The batch sizes that a graph is checked at; it is traced at another."""

CLOSE = (1e-4, 1e-3)
"""How far a graph may be from the model, absolutely and relative to the value: float32 in another order of sums."""


@dataclass(frozen=True)
class Exported:
    """What was written. difference: the largest from the model's outputs over the batches checked; None unchecked."""

    path: Path
    what: str
    to: str
    metadata: dict[str, Any]
    difference: float | None
    bytes: int


class _Graph(nn.Module):
    """An output as a module that holds the parts, so that their weights are the graph's."""

    def __init__(self, function: Callable[..., Any], modules: Mapping[str, nn.Module]) -> None:
        super().__init__()
        self.parts = nn.ModuleDict({name.replace(".", "_"): module for name, module in modules.items()})
        self._function = function

    def forward(self, *args: Tensor) -> Any:
        return self._function(*args)


def export(
    model: Model, what: str, path: Path, to: str = "onnx", *, unchecked: bool = False, force: bool = False
) -> Exported:
    """Write an output as a graph of any batch size, with the weights that the model has (the players' averages).

    what: an output of tensors, `decode`, `encode`, `reconstruct`, `denoise`, any of the recipe's; or `sample`, which is
    `decode` with the noise z ~ p(z) as its input. `encode` gives what the recipe's does, the mean of q(z|x) where that
    is a law; a condition is an input. The file is run on fresh inputs before it is put in place, and its metadata say
    what goes in: names, shapes, ranges, how z is drawn; the recipe's digest and the step. Raises RecipeError: GF831 for
    what can't be a graph, GF833 for a package that is missing; RunError (GF832) for a graph that differs.
    """
    if to not in FORMS:
        raise RecipeError(Problem("GF831", f"a graph is written as {' or '.join(FORMS)}, not as {to!r}"))
    if model.device.type != "cpu":
        message = f"a graph is traced on the CPU, and runs anywhere; the model is on {model.device}"
        raise RecipeError(Problem("GF831", f"{message}: genframe.load(run, device='cpu')"))
    if path.exists() and not force:
        raise RecipeError(Problem("GF801", f"{path} is there already; --force overwrites it"))
    _require_packages(to, unchecked)
    if what == "sample":
        abilities.require(model, "exporting sample", abilities.PRIOR, "decode")
    output = "decode" if what == "sample" else what
    with model.outputs.evaluating("graph"), torch.no_grad(), _quiet():
        inputs = inputs_of(model, output)
        function = model.outputs[output]
        _require_one_value(model, output, function, inputs)
        graph = _Graph(function, model.outputs.plan.parts.modules()).eval()
        facts = _facts(model, what, output, inputs)
        program = _traced(graph, inputs, what)
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / f"graph{FORMS[to].suffix}"
            FORMS[to].write(program, file, inputs, what, facts)
            difference = None if unchecked else _difference(FORMS[to].run(file), function, inputs, what)
            data = file.read_bytes()
    with durable.reported(path.name, path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        durable.write_bytes(path, data)
    return Exported(path, what, to, facts, difference, len(data))


def _require_packages(to: str, unchecked: bool) -> None:
    lacking = [name for name in FORMS[to].packages if find_spec(name) is None]
    if lacking:
        message = f"{to} needs {' and '.join(lacking)}, which are not installed"
        raise RecipeError(Problem("GF833", message, command="pip install 'genframe[onnx]'"))
    if FORMS[to].checker and find_spec(FORMS[to].checker) is None and not unchecked:
        message = f"{FORMS[to].checker} is not installed, by which the graph would be run and checked"
        command = f"pip install {FORMS[to].checker}"
        raise RecipeError(Problem("GF833", f"{message}: install it, or add --unchecked", command=command))


def _require_one_value(
    model: Model, output: str, function: Callable[..., Any], inputs: Sequence[Input]
) -> None:
    """Raise RecipeError (GF831) for an output that gives no tensors, or other ones at each call."""
    rows = [each.rows(3, 0) for each in inputs]
    torch.manual_seed(1)
    one = function(*rows)
    torch.manual_seed(2)
    other = function(*rows)
    for first, second in zip(_tensors(one, output), _tensors(other, output), strict=True):
        if not torch.equal(first.nan_to_num(), second.nan_to_num()):
            message = f"the output {output} draws at random, and a graph would hide where from"
            told = "export one that takes its noise as an input (sample), or that gives a mean"
            raise RecipeError(Problem("GF831", f"{message}: {told}", path=f"outputs.{output}"))


def _tensors(made: Any, output: str) -> list[Tensor]:
    values = list(made) if isinstance(made, (tuple, list)) else [made]
    for value in values:
        if not isinstance(value, Tensor):
            message = f"the output {output} gives a {type(value).__name__}, and a graph gives tensors"
            raise RecipeError(Problem("GF831", message, path=f"outputs.{output}"))
    return values


def _traced(graph: _Graph, inputs: Sequence[Input], what: str) -> Any:
    batch = torch.export.Dim("batch", min=1)
    rows = tuple(each.rows(3, 0) for each in inputs)
    try:
        program = torch.export.export(graph, rows, dynamic_shapes=(tuple({0: batch} for _ in rows),))
    except Exception as error:  # torch raises a dozen kinds
        raise unable(what, "torch.export", error) from error
    idle = graph.parts.keys() - _called(program)
    if not idle:
        return program
    for name in idle:  # a critic, an encoder: it would be stored beside the graph
        del graph.parts[name]
    return torch.export.export(graph, rows, dynamic_shapes=(tuple({0: batch} for _ in rows),))


def _called(program: Any) -> set[str]:
    """The parts of which a graph uses weights."""
    signature = program.graph_signature
    held = {**signature.inputs_to_parameters, **signature.inputs_to_buffers}
    used = {node.name for node in program.graph.nodes if node.op == "placeholder" and node.users}
    return {target.split(".")[1] for node, target in held.items() if node in used}


def _facts(model: Model, what: str, output: str, inputs: Sequence[Input]) -> dict[str, Any]:
    bound = model.outputs.plan.wiring.outputs[output]
    arguments = ", ".join(each.name for each in inputs)
    facts: dict[str, Any] = {
        "genframe": __version__,
        "recipe": model.recipe.name,
        "recipe_sha256": recipe_facts(model.recipe)["sha256"],
        "step": model.step,
        "weights": "averaged" if model.outputs.averages else "raw",
        "what": what,
        "output": f"{output}({arguments}): {bound.wire.text}",
        "inputs": [each.facts() for each in inputs],
        "outputs": [what],
    }
    if what == "sample" and "sample" in model.outputs:
        facts["sample"] = f"sample(n): {model.outputs.plan.wiring.outputs['sample'].wire.text}"
    if what == "sample":
        facts["noise"] = f"each sample takes a {inputs[0].name} of its own, {inputs[0].range}"
    return facts


def _difference(
    run: Callable[[Sequence[Tensor]], list[Tensor]],
    function: Callable[..., Any],
    inputs: Sequence[Input],
    what: str,
) -> float:
    """The largest difference over the batch sizes. Raises RunError (GF832) where it is too large."""
    worst = 0.0
    for place, size in enumerate(BATCHES):
        rows = [each.rows(size, 100 + place) for each in inputs]
        expected = _tensors(function(*rows), what)
        made = run(rows)
        for theirs, ours in zip(made, expected, strict=True):
            if theirs.shape != ours.shape:
                message = f"{what} as a graph gives {tuple(theirs.shape)} for {size} examples, not {tuple(ours.shape)}"
                raise RunError(Problem("GF832", message))
            apart = (theirs.double() - ours.double()).abs()
            bound = CLOSE[0] + CLOSE[1] * ours.double().abs()
            worst = max(worst, float(apart.max()) if apart.numel() else 0.0)
            if not bool((apart <= bound).all()):  # NaN is not
                message = (
                    f"{what} as a graph differs from the model by {float(apart.max()):.3g} on {size} examples"
                )
                raise RunError(Problem("GF832", f"{message}: nothing was written"))
    return worst


@contextmanager
def _quiet() -> Iterator[None]:
    """Without what torch's exporters log of packages that nobody asked for."""
    logger = logging.getLogger("torch.onnx")
    before = logger.level
    logger.setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            yield
        finally:
            logger.setLevel(before)
