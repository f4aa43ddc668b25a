"""The checks of a plugin as a whole, of signatures, and of the recipes that it ships."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

import pytest
from fake_plugins import Site

from genframe.discovery import discover
from genframe.testing import check_plugin

HOOK = """
    from genframe import Component, hookimpl

    GENFRAME_API = 1

    @hookimpl
    def genframe_functions():
        {before}
        return [Component("half", "{module}:half")]

    def half(x):
        {doc}
        return 0.5 * x
"""


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.syspath_prepend(tmp_path)
    site = Site(tmp_path)
    yield site
    site.forget()


def hook(module: str, before: str = "pass", doc: str = '"""Half of x."""') -> str:
    return HOOK.format(module=module, before=before, doc=doc)


def messages(plugin: str | Path, *only: str) -> dict[str, str]:
    """What fails, by id."""
    made = check_plugin(plugin, registry=discover(local=False), only=only or ("plugin:*",))
    return {result.id: result.message for result in made if result.outcome == "failed"}


def test_a_plugin_that_is_right_passes_alone_and_installed(site: Site, tmp_path: Path) -> None:
    site.plugin("right", hook("genframe_right"))
    assert not messages("right", "*")
    file = tmp_path / "rightful.py"
    file.write_text(dedent(hook("rightful")))
    assert not messages(file)


def test_one_that_does_not_load_fails_with_its_place(site: Site) -> None:
    site.plugin("ailing", "import nothing_of_this_name\n")
    found = messages("ailing")
    assert list(found) == ["plugin:loads"]
    assert "nothing_of_this_name" in found["plugin:loads"] and "genframe_ailing.py:1" in found["plugin:loads"]


def test_torch_beside_the_hooks_is_told_with_the_line_that_imports_it(site: Site) -> None:
    site.module("weighty", "import json\nimport torch\n")
    site.plugin("heavy", "import weighty\n" + dedent(hook("genframe_heavy")))
    message = messages("heavy")["plugin:declares_without_torch"]
    assert "genframe_heavy.py:1: import weighty" in message
    assert "weighty.py:2: import torch" in message


@pytest.mark.parametrize(
    ("before", "words"),
    [
        ("print('hello')", "it prints 'hello'"),
        ("import os; os.environ['MADE_UP'] = '1'", "MADE_UP"),
        ("import os; os.chdir('/')", "the working folder"),
        ("import random; random.seed(0)", "random"),
        ("import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)", "SIGINT"),
        ("import warnings; warnings.simplefilter('ignore')", "warnings"),
        (
            "import threading, time; threading.Thread(target=time.sleep, args=(9,), daemon=True).start()",
            "thread",
        ),
    ],
)
def test_traces_of_a_declaration_are_told(
    site: Site, before: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.module("genframe_tracing", "VALUE = 1\n")
    text = hook("genframe_tracing", before=f"if __import__('os').environ.get('_GENFRAME_PROBE'): {before}")
    site.plugin("tracing", text)
    assert words in messages("tracing")["plugin:declares_without_side_effects"]


def test_traces_of_importing_components_are_told(site: Site) -> None:
    site.module(
        "late_parts", "import torch\ntorch.set_default_dtype(torch.float64)\ndef half(x):\n    'Half.'\n"
    )
    site.plugin("late", hook("late_parts"))
    (message,) = messages("late").values()
    assert "torch's default dtype" in message


def test_a_component_without_a_line_about_it_is_told(site: Site) -> None:
    site.plugin("silent", hook("genframe_silent", doc="pass"))
    assert list(messages("silent", "*:has_a_summary")) == ["function/half:has_a_summary"]


def test_a_signature_that_no_source_shows_is_told(site: Site) -> None:
    text = hook("genframe_veiled").replace("def half(x):", "def half(x, **options):")
    site.plugin("veiled", text)
    found = messages("veiled", "*:signature_is_readable", "*:static_signature_is_runtime_signature")
    assert "genframe_veiled.py:1" in found["function/half:signature_is_readable"]


def test_a_signature_that_a_decorator_changes_is_told(site: Site) -> None:
    site.plugin(
        "wrapped",
        hook("genframe_wrapped")
        .replace("def half(x):", "@swapped\n    def half(x, *, factor: float = 2.0):")
        .replace(
            "GENFRAME_API = 1", "GENFRAME_API = 1\n\n    def swapped(f):\n        return lambda x, y: f(x)"
        ),
    )
    found = messages("wrapped", "*:static_signature_is_runtime_signature")
    assert "givens: the source says ('x',), Python ('x', 'y')" in str(found)


RECIPE = """
    genframe: 1
    pipeline: vae
    data: {{use: digits, batch_size: 16}}
    encoder: {{use: mlp, hidden: [8]}}
    decoder: {{use: mlp, hidden: [8]}}
    prior: {{use: gaussian, dim: {dim}}}
    optimizer: {{use: sgd, lr: {rate}}}
    train: {{epochs: 1}}
"""


def ships(site: Site, name: str, text: str) -> None:
    """A plugin that ships one recipe."""
    folder = site.folder / f"recipes_of_{name}"
    (folder / "mine").mkdir(parents=True)
    (folder / "mine" / "first.yaml").write_text(dedent(text))
    hooks = f"""
        from pathlib import Path
        from genframe import hookimpl
        GENFRAME_API = 1
        @hookimpl
        def genframe_recipes():
            return [Path({str(folder)!r})]
    """
    site.plugin(name, hooks)


def test_a_shipped_recipe_that_is_right_passes(site: Site) -> None:
    ships(site, "cook", RECIPE.format(dim=2, rate=0.01))
    assert not messages("cook", "recipe/*")


def test_a_shipped_recipe_with_a_mistake_is_told_with_its_place(site: Site) -> None:
    ships(site, "burnt", RECIPE.format(dim="two", rate=0.01))
    found = messages("burnt", "recipe/*")
    assert "first.yaml:7" in found["recipe/mine/first:recipe_loads"]


def test_a_shipped_recipe_that_diverges_is_told(site: Site) -> None:
    ships(site, "hot", RECIPE.format(dim=2, rate=1e30))
    assert list(messages("hot", "recipe/*")) == ["recipe/mine/first:recipe_trains"]
