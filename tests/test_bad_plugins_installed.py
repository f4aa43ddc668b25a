"""Bad plugins, installed: each is reported clearly, and costs the other verbs and plugins nothing.

All of them are installed at once, beside a sound one, and genframe is a process as its users start it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import pytest
from fake_plugins import Site, good

RECIPE = """genframe: 1
pipeline: vae
data: {use: digits, batch_size: 16}
encoder: {use: sound/fine}
decoder: {use: mlp, hidden: [4]}
prior: {use: gaussian, dim: 2}
train: {steps: 2}
"""

SOUND = """
from genframe import Component, hookimpl

GENFRAME_API = 1

@hookimpl
def genframe_encoders():
    return [Component("fine", "genframe_sound_nets:Net")]
"""

NETS = """
import math
from torch import nn

class Net(nn.Module):
    def __init__(self, in_shape):
        super().__init__()
        self.net = nn.Sequential(nn.Flatten(), nn.Linear(math.prod(in_shape), 4))

    def forward(self, x):
        return self.net(x)
"""


@dataclass(frozen=True)
class Bad:
    """A bad plugin: its text, and what is said of it."""

    text: str
    state: str
    cause: str
    place: str
    command: str = "genframe plugins doctor"


BAD = {
    "future": Bad(
        "GENFRAME_API = 9", "incompatible", "pip install --upgrade genframe", "genframe_future.py:1"
    ),
    "missing": Bad(
        "import os\nimport a_package_that_is_not_there",
        "broken",
        "No module named 'a_package_that_is_not_there'",
        "genframe_missing.py:2",
    ),
    "exits": Bad("import os\nos._exit(9)", "broken", "exit code 9", ""),
    "crashes": Bad(
        "import ctypes\n\nctypes.string_at(0)",
        "broken",
        "SIGSEGV (Segmentation fault)",
        "genframe_crashes.py:3",
    ),
    "twin": Bad("", "conflict", "claimed by genframe-twin 1.0 (genframe_twin) and by twin-too 1.0", ""),
}


@dataclass(frozen=True)
class Told:
    code: int
    out: str
    err: str


Call = Callable[..., Told]


@pytest.fixture(scope="module")
def call(tmp_path_factory: pytest.TempPathFactory) -> Call:
    """`call("list")` is that command, in a fresh process; called alike again, it is not run again."""
    folder = tmp_path_factory.mktemp("installed")
    site = Site(folder / "site")
    site.plugin("sound", SOUND)
    site.module("genframe_sound_nets", NETS)
    for name, bad in BAD.items():
        site.plugin(name, bad.text or good("genframe_twin"))
    site.distribution("twin-too", {"twin": "genframe_twin"})
    (folder / "recipe.yaml").write_text(RECIPE)
    environment = {**os.environ, "PYTHONPATH": str(site.folder), "XDG_CACHE_HOME": str(folder / "cache")}
    environment.pop("GENFRAME_NO_PLUGINS", None)

    @cache
    def command(*arguments: str) -> Told:
        done = subprocess.run(
            [sys.executable, "-m", "genframe", *arguments],
            cwd=folder, env=environment, capture_output=True, text=True, timeout=300,
        )  # fmt: skip
        return Told(done.returncode, done.stdout, done.stderr)

    return command


@pytest.mark.parametrize(
    "arguments",
    [
        ("list",),
        ("list", "encoder"),
        ("validate", "recipe.yaml"),
        ("train", "recipe.yaml", "--run-dir", "run", "device=cpu"),
        ("show", "encoder", "sound/fine"),
        ("plugins", "list"),
        ("doctor", "--json"),
    ],
    ids=" ".join,
)
def test_other_verbs_and_plugins_do_not_notice(call: Call, arguments: tuple[str, ...]) -> None:
    told = call(*arguments)
    assert told.code == (1 if arguments[0] == "doctor" else 0), (
        told.err
    )  # doctor's code says that some are broken
    assert "Traceback" not in told.err


def test_the_sound_one_is_listed_beside_them(call: Call) -> None:
    assert "sound/fine" in call("list", "encoder").out
    rows = {row["name"]: row for row in json.loads(call("plugins", "list", "--json").out)}
    assert rows["sound"]["state"] == "ok"


@pytest.mark.parametrize("name", BAD)
def test_plugins_list_says_what_and_where_and_what_to_do(call: Call, name: str) -> None:
    bad = BAD[name]
    rows = [
        row for row in json.loads(call("plugins", "list", "--broken", "--json").out) if row["name"] == name
    ]
    assert len(rows) == (2 if name == "twin" else 1)
    for row in rows:
        assert row["state"] == bad.state and bad.cause in row["cause"]
        assert row["place"].endswith(bad.place)
        assert f"pip uninstall {row['distribution']}" in row["remedies"]
    text = call("plugins", "list").out
    said = "in conflict" if bad.state == "conflict" else bad.state
    assert f"{name} is {said}: " in text and bad.cause in text and "--no-plugins=" in text


@pytest.mark.parametrize("name", BAD)
def test_plugins_doctor_says_it_too(call: Call, name: str) -> None:
    told = call("plugins", "doctor", name, "--json")
    assert told.code == 3
    for report in json.loads(told.out):
        errors = [f for f in report["findings"] if f["severity"] == "error"]
        assert any(BAD[name].cause in f["what"] and f["place"].endswith(BAD[name].place) for f in errors)
        assert not report["ok"]


def test_plugins_doctor_tells_the_sound_from_the_bad(call: Call) -> None:
    told = call("plugins", "doctor", "--json")
    assert told.code == 3
    verdicts = {report["name"]: report["ok"] for report in json.loads(told.out)}
    assert verdicts == {"sound": True} | dict.fromkeys(BAD, False)
    assert call("plugins", "doctor", "sound").code == 0


@pytest.mark.parametrize("name", BAD)
@pytest.mark.parametrize("listed", [False, True], ids=["used", "listed"])
def test_a_recipe_that_uses_it_hears_the_cause_and_a_command(call: Call, name: str, listed: bool) -> None:
    override = f"plugins=[{name}]" if listed else f"encoder={{use: {name}/fine}}"
    told = call("validate", "recipe.yaml", override, "--json")
    assert told.code == 3
    (problem, *_) = json.loads(told.out)["problems"]
    assert problem["code"] == ("GF312" if listed else "GF303")
    assert BAD[name].cause in problem["message"] and BAD[name].place in problem["message"]
    assert problem["command"].startswith("genframe plugins ")
