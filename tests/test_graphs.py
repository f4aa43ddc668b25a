"""Outputs as graphs that serve elsewhere."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tiny import SMALL, parts_file
from torch import Tensor

import genframe
from genframe import graphs
from genframe.graph_forms import FORMS, METADATA, Form
from genframe.graphs import Exported

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")

Loaded = Callable[[str], genframe.Model]
Written = Callable[[str, str, str], Exported]


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    """A shipped recipe, tiny, after two steps; each is trained once."""
    made: dict[str, genframe.Model] = {}

    def load(name: str) -> genframe.Model:
        if name not in made:
            small = [*SMALL[name], "train={epochs: null, steps: 2}", "device=cpu"]
            folder = tmp_path_factory.mktemp("runs") / "run"
            made[name] = genframe.load(genframe.train(name, small, run_dir=folder, quiet=True))
        return made[name]

    return load


@pytest.fixture(scope="module")
def written(loaded: Loaded, tmp_path_factory: pytest.TempPathFactory) -> Written:
    """An output as a graph, in a folder of its own; each is written once."""
    made: dict[tuple[str, str, str], Exported] = {}

    def write(name: str, what: str, to: str) -> Exported:
        key = (name, what, to)
        if key not in made:
            path = tmp_path_factory.mktemp("graphs") / f"graph{FORMS[to].suffix}"
            made[key] = loaded(name).export(what, path, to)
        return made[key]

    return write


def run_elsewhere(path: Path, *rows: Tensor) -> np.ndarray[Any, Any]:
    """The file, by onnxruntime or torch alone."""
    if path.suffix == ".onnx":
        session = onnxruntime.InferenceSession(path)
        names = [each.name for each in session.get_inputs()]
        found: np.ndarray[Any, Any] = session.run(
            None, dict(zip(names, [r.numpy() for r in rows], strict=True))
        )[0]
        return found
    made: Tensor = torch.export.load(path).module()(*rows)
    return made.detach().numpy()


@pytest.mark.parametrize(
    ("name", "what", "arguments", "to"),
    [
        ("vae/conditional-digits", "sample", ("z", "y"), "onnx"),
        ("vae/conditional-digits", "encode", ("x", "y"), "torch.export"),
        ("gan/ring", "sample", ("z",), "onnx"),
        ("gan/ring", "decode", ("z",), "torch.export"),
        ("dae/digits", "denoise", ("picture",), "onnx"),
        ("dae/digits", "denoise", ("picture",), "torch.export"),
    ],
)
def test_a_graph_gives_what_the_model_gives_at_any_batch_size(
    loaded: Loaded, written: Written, name: str, what: str, arguments: tuple[str, ...], to: str
) -> None:
    made = written(name, what, to)
    assert made.difference is not None and made.difference < 1e-5
    assert list(made.path.parent.iterdir()) == [made.path]
    assert [each["name"] for each in made.metadata["inputs"]] == list(arguments)
    inputs = {each["name"]: each["shape"][1:] for each in made.metadata["inputs"]}
    for batch in (1, 7, 64):
        rows = [
            torch.randint(10, (batch,)) if argument == "y" else torch.rand(batch, *inputs[argument])
            for argument in arguments
        ]
        expected = loaded(name).call("decode" if what == "sample" else what, *rows)
        assert np.allclose(run_elsewhere(made.path, *rows), expected, atol=1e-5)


def test_the_file_says_what_it_is(loaded: Loaded, written: Written) -> None:
    name = "vae/conditional-digits"
    lock = loaded(name).stored.path / "lock.json"
    digest = json.loads(lock.read_text())["recipe"]["sha256"]
    graph = onnx.load(written(name, "sample", "onnx").path)
    facts = {each.key: each.value for each in graph.metadata_props}
    assert facts["genframe.recipe_sha256"] == digest and facts["genframe.step"] == "2"
    z, y = json.loads(facts["genframe.inputs"])
    assert z == {
        "name": "z", "shape": ["batch", 3], "dtype": "float32",
        "range": "a draw of p(z): DiagonalGaussian, mean 0, standard deviation 1",
    }  # fmt: skip
    assert y["range"] == "a class from 0 to 9" and y["dtype"] == "int64"
    assert graph.graph.input[0].type.tensor_type.shape.dim[0].dim_param == "batch"
    assert graph.graph.output[0].name == "sample"
    extra = {METADATA: ""}
    torch.export.load(written(name, "encode", "torch.export").path, extra_files=extra)
    stored = json.loads(extra[METADATA])
    assert (
        stored["recipe_sha256"] == digest and stored["inputs"][0]["range"] == "[0, 1], binarised in training"
    )


def test_a_graph_holds_the_averaged_weights_and_no_part_that_it_does_not_call(
    loaded: Loaded, tmp_path: Path
) -> None:
    model = loaded("dae/digits")
    before = {name: module.state_dict() for name, module in model.outputs.plan.parts.modules().items()}
    kept = {f"{name}/{key}": t.clone() for name, state in before.items() for key, t in state.items()}
    made = model.export("encode", tmp_path / "a.pt2", "torch.export")
    assert made.metadata["weights"] == "averaged"
    program = torch.export.load(tmp_path / "a.pt2")
    assert program.state_dict and all(key.startswith("parts.encoder.") for key in program.state_dict)
    live = {
        f"{name}/{key}": t
        for name, module in model.outputs.plan.parts.modules().items()
        for key, t in module.state_dict().items()
    }
    assert all(torch.equal(kept[key], live[key]) for key in kept)  # the model has its raw weights again
    x = torch.rand(4, 1, 28, 28)
    raw = genframe.load(model.stored.path, raw=True)
    assert np.allclose(run_elsewhere(tmp_path / "a.pt2", x), model.encode(x), atol=1e-5)
    assert not np.allclose(run_elsewhere(tmp_path / "a.pt2", x), raw.encode(x), atol=1e-6)


@pytest.mark.parametrize(
    ("name", "what", "to", "code", "says"),
    [
        ("dae/digits", "transition", "onnx", "GF831", "gives a Bernoulli"),
        ("dae/digits", "corrupted", "onnx", "GF831", "draws at random"),
        ("gan/ring", "draw_z", "onnx", "GF831", "sample takes its noise"),
        ("dae/digits", "sample", "onnx", "GF804", "no `decode`"),
        ("gan/ring", "encode", "onnx", "GF531", "no output 'encode'"),
        ("gan/ring", "sample", "onx", "GF831", "onnx or torch.export"),
    ],
)
def test_what_can_not_be_a_graph_is_said(
    loaded: Loaded, tmp_path: Path, name: str, what: str, to: str, code: str, says: str
) -> None:
    with pytest.raises(genframe.RecipeError, match=says) as raised:
        loaded(name).export(what, tmp_path / "a.onnx", to)
    assert raised.value.problems[0].code == code and list(tmp_path.iterdir()) == []


def test_a_graph_that_differs_is_not_put_in_place(
    loaded: Loaded, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    form = FORMS["torch.export"]

    def off(file: Path) -> Callable[..., list[Tensor]]:
        run = form.run(file)
        return lambda rows: [made + 0.01 for made in run(rows)]

    monkeypatch.setattr(graphs, "FORMS", {"torch.export": Form(".pt2", form.write, off)})
    (tmp_path / "a.pt2").write_bytes(b"mine")
    with pytest.raises(genframe.RunError, match="nothing was written") as raised:
        loaded("gan/ring").export("sample", tmp_path / "a.pt2", "torch.export", force=True)
    assert raised.value.problems[0].code == "GF832" and (tmp_path / "a.pt2").read_bytes() == b"mine"


def test_a_missing_package_is_said(loaded: Loaded, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model, path = loaded("gan/ring"), tmp_path / "a.pt2"
    here, form = graphs.find_spec, FORMS["torch.export"]
    stands_in = Form(".pt2", form.write, form.run, ("onnx", "onnxscript"), "onnxruntime")
    monkeypatch.setattr(graphs, "FORMS", {"onnx": stands_in})  # quicker to write
    monkeypatch.setattr(graphs, "find_spec", lambda name: None if name == "onnxruntime" else here(name))
    with pytest.raises(genframe.RecipeError, match="--unchecked") as raised:
        model.export("sample", path)
    assert raised.value.problems[0].code == "GF833" and not path.exists()
    assert model.export("sample", path, unchecked=True).difference is None and path.exists()
    with pytest.raises(genframe.RecipeError, match="--force") as raised:
        model.export("sample", path)
    assert raised.value.problems[0].code == "GF801"
    monkeypatch.setattr(graphs, "find_spec", lambda name: None)
    with pytest.raises(genframe.RecipeError, match="onnxscript") as raised:
        model.export("sample", tmp_path / "b.onnx")
    assert raised.value.problems[0].command == "pip install 'genframe[onnx]'"


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("h @ torch.linalg.eigh(self.net.weight @ self.net.weight.T)[1]", r"aten.*eigh"),
        ("h if float(h.sum()) > 0 else -h", "data-dependent"),
    ],
)
def test_an_operation_without_a_counterpart_is_named(tmp_path: Path, body: str, says: str) -> None:
    parts_file(
        tmp_path,
        f"""
        import torch
        from genframe import Component, hookimpl

        GENFRAME_API = 1

        @hookimpl
        def genframe_decoders():
            return [Component("odd", "my_parts:Odd", "a decoder that no graph can hold")]

        class Odd(torch.nn.Module):
            def __init__(self, in_shape, out_shape):
                super().__init__()
                self.net = torch.nn.Linear(in_shape[0], out_shape[0])

            def forward(self, z):
                h = self.net(z)
                return {body}
        """,
    )
    recipe = {
        "genframe": 1,
        "plugins": [str(tmp_path / "my_parts.py")],
        "pipeline": "gan",
        "data": {"use": "ring", "n": 64, "batch_size": 16},
        "prior": {"use": "gaussian", "dim": 2},
        "likelihood": "gaussian",
        "decoder": "odd",
        "discriminator": "mlp",
        "train": {"epochs": None, "steps": 1},
    }
    model = genframe.load(genframe.train(recipe, run_dir=tmp_path / "run", quiet=True))
    with pytest.raises(genframe.RecipeError, match=says) as raised:
        model.export("sample", tmp_path / "a.onnx")
    assert raised.value.problems[0].code == "GF831" and not (tmp_path / "a.onnx").exists()
