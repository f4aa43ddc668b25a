"""What holds for every verb: examples in its help, exit codes, completion."""

from __future__ import annotations

import click
import pytest
from command_line import Genframe

from genframe.cli import VERBS, group


def leaves() -> list[tuple[str, ...]]:
    """Every verb, and every verb under one."""
    context = click.Context(group)
    found: list[tuple[str, ...]] = []
    for verb in VERBS:
        command = group.get_command(context, verb)
        assert command is not None
        inner = command.list_commands(context) if isinstance(command, click.Group) else []
        found += [(verb, name) for name in inner] or [(verb,)]
    return found


@pytest.mark.parametrize("verb", leaves(), ids=" ".join)
def test_every_verb_has_examples_in_its_help(genframe: Genframe, verb: tuple[str, ...]) -> None:
    told = genframe(*verb, "--help")
    assert told.code == 0
    assert "Examples:" in told.out
    assert f"genframe {' '.join(verb)}" in told.out.partition("Examples:")[2]


def test_every_verb_of_the_overview_is_a_command(genframe: Genframe) -> None:
    text = genframe("--help").out
    assert all(f"  {verb} " in text for verb in VERBS)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [(("trian",), "'train'"), (("list", "--jsno"), "--json"), (("show", "encoder"), "NAME")],
)
def test_a_slip_of_the_command_line_is_invalid_input(
    genframe: Genframe, arguments: tuple[str, ...], says: str
) -> None:
    told = genframe(*arguments)
    assert told.code == 2 and says in told.err


@pytest.mark.parametrize(
    ("words", "begun", "expected"),
    [
        (["show"], "enc", {"encoder"}),
        (["show", "encoder"], "m", {"mlp"}),
        (["list", "--plugin"], "va", {"vae"}),
        (["recipes", "cat"], "vae/mnist", {"vae/mnist", "vae/mnist-conv"}),
        (
            ["explain"],
            "rbm/d",
            {"rbm/deep-belief-digits", "rbm/denoise-cifar", "rbm/denoise-digits", "rbm/digits"},
        ),
        (["data", "fetch"], "fash", {"fashion-mnist"}),
    ],
)
def test_a_shell_completes_kinds_names_and_recipes(words: list[str], begun: str, expected: set[str]) -> None:
    from click.shell_completion import BashComplete

    completion = BashComplete(group, {"obj": ["--no-plugins"]}, "genframe", "_GENFRAME_COMPLETE")
    found = completion.get_completions(words, begun)
    assert {item.value for item in found if item.type == "plain"} == expected
