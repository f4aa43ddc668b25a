"""An output of a trained recipe as a graph that serves elsewhere: ONNX, or torch.export; checked by running it."""

from __future__ import annotations

import json
import logging
import re
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

from genframe import __version__, abilities, conditions, durable
from genframe.data.spec import Field
from genframe.errors import Problem, RecipeError, RunError
from genframe.latents import Latents
from genframe.lock import recipe_facts
from genframe.parts import random_rows

if TYPE_CHECKING:
    from genframe.api import Model

BATCHES = (1, 7)
"""The batch sizes that a graph is checked at; it is traced at another."""

CLOSE = (1e-4, 1e-3)
"""How far a graph may be from the model, absolutely and relative to the value: float32 in another order of sums."""

METADATA = "genframe.json"
"""The extra file of a torch.export file that holds what is documented."""


@dataclass(frozen=True)
class Input:
    """What a graph is given: its name, the shape of one example, its dtype and its range in words."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    range: str
    rows: Callable[[int, int], Tensor]  # (n, seed) -> examples (n, *shape)

    def facts(self) -> dict[str, Any]:
        return {"name": self.name, "shape": ["batch", *self.shape], "dtype": self.dtype, "range": self.range}


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


def inputs_of(model: Model, output: str) -> tuple[Input, ...]:
    """What an output takes, as inputs of a graph. Raises RecipeError: GF531 for none, GF831 for what is no tensor."""
    _ = model.outputs[output]  # says which there are
    return tuple(_input(model, output, name) for name in model.outputs.arguments(output))


def _input(model: Model, output: str, name: str) -> Input:
    """A field of the data, a code, a level, or something like x: a picture."""
    specs = model.outputs.plan.parts.specs
    fields: dict[str, Field] = {**conditions.fields(model)}
    for dataset, spec in specs.items():
        if "x" in spec.fields:
            fields.setdefault("x", spec.fields["x"])
            fields[dataset or "x"] = spec.fields["x"]
    bits = any(data.binarise != "none" for data in model.recipe.datasets.values())
    if name in ("n", "k", "step", "batch_size"):
        written = f"{output}({', '.join(model.outputs.arguments(output))})"
        message = f"the output {written} draws {name} of something, and a graph takes tensors"
        known = "sample takes its noise as an input" if abilities.has(model, abilities.PRIOR) else ""
        raise RecipeError(
            Problem("GF831", ": ".join(filter(None, (message, known))), path=f"outputs.{output}")
        )
    if name in fields:
        return _field(name, fields[name], bits)
    if "decode" in model.outputs and output == "decode" and name == Latents(model).argument:
        return _code(model, name)
    if name == "level":
        return Input(
            name, (), "float32", "the level of the noise, 0 or above", lambda n, seed: _rand(n, (), seed)
        )
    if "x" not in fields:
        raise RecipeError(
            Problem("GF831", f"nothing is known of the argument {name!r}", path=f"outputs.{output}")
        )
    return _field(name, fields["x"], False)


def _field(name: str, field: Field, bits: bool) -> Input:
    if field.classes is not None:
        said = f"a class from 0 to {field.classes - 1}"
    elif field.image:
        said = "[0, 1], binarised in training" if bits else "[0, 1]"
    else:
        said = "as in the data"

    def rows(n: int, seed: int) -> Tensor:
        torch.manual_seed(seed)
        return random_rows({name: field}, n, bits)[name]

    return Input(name, tuple(field.shape), field.dtype, said, rows)


def _code(model: Model, name: str) -> Input:
    """A code: drawn from the prior where there is one, else an example's."""
    latents = Latents(model)
    if abilities.has(model, abilities.PRIOR):
        given = {field: 0 for field, spec in conditions.asked(model, "decode").items() if spec.classes}

        def drawn(n: int, seed: int) -> Tensor:
            return Latents(model, given).draw(n, seed).cpu()

        one, said = drawn(1, 0), f"a draw of p(z): {_law(latents)}"
        return Input(name, tuple(one.shape[1:]), str(one.dtype).removeprefix("torch."), said, drawn)
    abilities.require(model, "exporting decode", "encode", "decode")
    x = inputs_of(model, "encode")

    def encoded(n: int, seed: int) -> Tensor:
        code: Tensor = model.outputs["encode"](*[each.rows(n, seed) for each in x])
        return code

    one = encoded(1, 0)
    return Input(name, tuple(one.shape[1:]), str(one.dtype).removeprefix("torch."), "a code", encoded)


def _law(latents: Latents) -> str:
    """p(z) in words: its class, and mean and standard deviation where all numbers share them."""
    law = latents.prior
    if law is None:
        return "as the recipe draws it"
    try:
        mean, std = law.mean, law.stddev
    except (NotImplementedError, AttributeError):
        return type(law).__name__
    shared = all(float(v.max() - v.min()) < 1e-6 for v in (mean, std))
    numbers = f", mean {float(mean.mean()):g}, standard deviation {float(std.mean()):g}" if shared else ""
    return f"{type(law).__name__}{numbers}"


def _rand(n: int, shape: Sequence[int], seed: int) -> Tensor:
    return torch.rand(n, *shape, generator=torch.Generator().manual_seed(seed))


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
        raise _unable(what, "torch.export", error) from error
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


def _unable(what: str, to: str, error: Exception) -> RecipeError:
    """What stands in the way, by the operation where torch names one."""
    text = str(error) or type(error).__name__
    cause, found = error.__cause__, re.search(r"aten[.:]{1,2}\w+(\.\w+)?", text)
    while found is None and cause is not None:
        found, cause = re.search(r"aten[.:]{1,2}\w+(\.\w+)?", str(cause)), cause.__cause__
    operation = f"the operation {found[0]} has no counterpart there. " if found else ""
    lines = " ".join(line.strip() for line in text.splitlines() if "TORCH_LOGS" not in line)
    message = f"{what} can't be written as {to}: {operation}{type(error).__name__}: {lines[:400].strip()}"
    return RecipeError(Problem("GF831", message, path=f"outputs.{what}"))


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


def _write_onnx(
    program: Any, file: Path, inputs: Sequence[Input], what: str, facts: Mapping[str, Any]
) -> None:
    import onnx

    names = [each.name for each in inputs]
    try:
        torch.onnx.export(
            program,
            f=file,
            input_names=names,
            output_names=[what],
            external_data=False,
            verbose=False,
            dynamo=True,
        )
    except Exception as error:  # torch raises a dozen kinds
        raise _unable(what, "onnx", error) from error
    made = onnx.load(file)
    _name_batch(made)
    made.producer_name, made.producer_version = "genframe", __version__
    made.doc_string = f"{facts['recipe']}, step {facts['step']}: {facts['output']}"
    for key, value in facts.items():
        made.metadata_props.add(
            key=f"genframe.{key}", value=value if isinstance(value, str) else json.dumps(value)
        )
    onnx.checker.check_model(made)
    onnx.save(made, file)


def _name_batch(made: Any) -> None:
    """The first dimension of each input, and what is as long as it, is called `batch`."""
    symbols = {value.type.tensor_type.shape.dim[0].dim_param for value in made.graph.input} - {""}
    for value in (*made.graph.input, *made.graph.output, *made.graph.value_info):
        for dimension in value.type.tensor_type.shape.dim:
            if dimension.dim_param in symbols:
                dimension.dim_param = "batch"


def _run_onnx(file: Path) -> Callable[[Sequence[Tensor]], list[Tensor]]:
    import onnxruntime  # type: ignore[import-untyped, unused-ignore]

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
    names = [each.name for each in session.get_inputs()]

    def run(rows: Sequence[Tensor]) -> list[Tensor]:
        fed = {name: row.numpy() for name, row in zip(names, rows, strict=True)}
        return [torch.from_numpy(made) for made in session.run(None, fed)]

    return run


def _write_export(
    program: Any, file: Path, inputs: Sequence[Input], what: str, facts: Mapping[str, Any]
) -> None:
    torch.export.save(program, file, extra_files={METADATA: durable.as_json(facts)})


def _run_export(file: Path) -> Callable[[Sequence[Tensor]], list[Tensor]]:
    module = torch.export.load(file).module()

    def run(rows: Sequence[Tensor]) -> list[Tensor]:
        made = module(*rows)
        return list(made) if isinstance(made, (tuple, list)) else [made]

    return run


@dataclass(frozen=True)
class Form:
    """A form of graph: the file's ending, how it is written and run, which packages that takes."""

    suffix: str
    write: Callable[[Any, Path, Sequence[Input], str, Mapping[str, Any]], None]
    run: Callable[[Path], Callable[[Sequence[Tensor]], list[Tensor]]]
    packages: tuple[str, ...] = ()
    checker: str = ""


FORMS: Mapping[str, Form] = {
    "onnx": Form(".onnx", _write_onnx, _run_onnx, ("onnx", "onnxscript"), "onnxruntime"),
    "torch.export": Form(".pt2", _write_export, _run_export),
}
