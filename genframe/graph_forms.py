"""The forms that a graph is written in, and run in again: ONNX, torch.export."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from genframe import __version__, durable
from genframe.errors import Problem, RecipeError
from genframe.graph_inputs import Input

METADATA = "genframe.json"
"""The extra file of a torch.export file that holds what is documented."""


def unable(what: str, to: str, error: Exception) -> RecipeError:
    """What stands in the way, by the operation where torch names one."""
    text = str(error) or type(error).__name__
    cause, found = error.__cause__, re.search(r"aten[.:]{1,2}\w+(\.\w+)?", text)
    while found is None and cause is not None:
        found, cause = re.search(r"aten[.:]{1,2}\w+(\.\w+)?", str(cause)), cause.__cause__
    operation = f"the operation {found[0]} has no counterpart there. " if found else ""
    lines = " ".join(line.strip() for line in text.splitlines() if "TORCH_LOGS" not in line)
    message = f"{what} can't be written as {to}: {operation}{type(error).__name__}: {lines[:400].strip()}"
    return RecipeError(Problem("GF831", message, path=f"outputs.{what}"))


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
        raise unable(what, "onnx", error) from error
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
