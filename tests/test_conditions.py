"""What a conditional model is asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from tiny import SMALL

import genframe
from genframe import conditions
from genframe.latents import Latents


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> genframe.Model:
    small = [*SMALL["vae/conditional-digits"], "train={epochs: null, steps: 2}", "device=cpu"]
    folder: Path = tmp_path_factory.mktemp("runs") / "conditional"
    return genframe.load(genframe.train("vae/conditional-digits", small, run_dir=folder, quiet=True))


def test_what_outputs_take_beside_a_code_are_conditions(model: genframe.Model) -> None:
    assert list(conditions.asked(model, "decode", "sample")) == ["y"]
    assert conditions.asked(model, "sample") == {}


@pytest.mark.parametrize(
    ("value", "rows"), [(7, [7]), ([0, 1], [0, 1]), (torch.tensor([3, 3]), [3, 3]), (7.0, [7])]
)
def test_a_value_is_of_one_example_or_of_several(model: genframe.Model, value: Any, rows: list[int]) -> None:
    found = conditions.checked(model, {"y": value}, "decode")["y"]
    assert found.tolist() == rows and found.dtype == torch.int64


def test_rows_are_taken_in_turn() -> None:
    found = conditions.repeated({"y": torch.tensor([4, 5]), "c": torch.tensor([[1.0, 2.0]])}, 5)
    assert found["y"].tolist() == [4, 5, 4, 5, 4] and found["c"].shape == (5, 2)


@pytest.mark.parametrize(
    ("text", "value"), [("y=7", 7), ("y=1,2", [1, 2]), ("y=all", list(range(10))), (" y = 3", 3)]
)
def test_a_condition_is_read_from_the_command_line(model: genframe.Model, text: str, value: Any) -> None:
    assert conditions.read([text], model, "decode") == {"y": value}
    assert conditions.read([], model, "decode", label="7") == {"y": 7}


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"y": 10}, "a class from 0 to 9"),
        ({"y": 1.5}, "y=1.5"),
        ({"y": -1}, "a class from 0 to 9"),
        ({"y": [[1]]}, r"shape \(1, 1\)"),
        ({"y": []}, "shape"),
        ({"y": float("nan")}, "y=nan"),
        ({"y": "seven"}, "no number"),
        ({"z": 1}, "takes y and no 'z'"),
    ],
)
def test_what_can_not_be_a_condition_is_said(model: genframe.Model, given: dict[str, Any], says: str) -> None:
    with pytest.raises(genframe.RecipeError, match=says) as raised:
        conditions.checked(model, given, "decode")
    assert raised.value.problems[0].code == "GF807"


@pytest.mark.parametrize("text", ["y", "y=", "=7", "y=seven", "y=1,,2"])
def test_what_is_written_otherwise_is_said(model: genframe.Model, text: str) -> None:
    with pytest.raises(genframe.RecipeError) as raised:
        conditions.checked(model, conditions.read([text], model, "decode"), "decode")
    assert raised.value.problems[0].code == "GF807"


def test_a_decoder_that_is_told_nothing_says_what_it_asks_for(model: genframe.Model) -> None:
    with pytest.raises(genframe.RecipeError, match="a class from 0 to 9") as raised:
        Latents(model).decode(torch.zeros(1, 3))
    assert raised.value.problems[0].command == "--given y=CLASS"


def test_codes_are_decoded_under_the_condition(model: genframe.Model) -> None:
    z = Latents(model).draw(300, seed=3)
    made = Latents(model, {"y": [0, 1]}).decode(z)
    labels = torch.arange(300) % 2
    assert torch.allclose(made, model.call("decode", {"y": labels}, z), atol=1e-6)
