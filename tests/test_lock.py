"""What a lock holds, and what a training that is held to it may not change."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fake_plugins import Site
from tiny import differing, saved, small, train

import genframe
from genframe import durable
from genframe.digests import origin
from genframe.engine import loop
from genframe.errors import LockError, RunError
from genframe.lock import FORMAT, lock_facts, recipe_facts, without_secrets
from genframe.locked import Lock, checked, read_lock
from genframe.recipe import load_recipe
from genframe.rendering import render

SHORT = ("train.epochs=null", "train.steps=2")

SALT = """
    from genframe import Component, hookimpl

    GENFRAME_API = 1

    @hookimpl
    def genframe_samplers():
        return [Component("pinch", "genframe_salt.parts:pinch")]
"""


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    made = Site(folder)
    yield made
    made.forget()


# What made it.

PARTS = '''
from genframe import Component, hookimpl

GENFRAME_API = 1


@hookimpl
def genframe_losses():
    return [Component("squared", "my_parts:squared", revision=3)]


def squared(x, p_x):
    """The squared error."""
    return (x - p_x.mean).square().sum()
'''


def facts_of(recipe: Any) -> dict[str, Any]:
    return lock_facts(recipe, data={"": "d1"}, device="cpu", threads=2, command=["genframe", "train", "x"])


def test_the_lock_names_every_part_with_the_digest_of_its_source(tmp_path: Path) -> None:
    (tmp_path / "my_parts.py").write_text(PARTS)
    text = "genframe: 1\npipeline: vae\nplugins: [./my_parts.py]\ndata: {use: digits, batch_size: 10}\n"
    text += "encoder: mlp\ndecoder: mlp\nprior: {use: gaussian, dim: 2}\nloss: my_parts/squared\ntrain: {epochs: 1}\n"
    text += "seed: 7\noptimizer: {use: adam, lr: {linear: {from: 1e-3, to: 0, epochs: 1}}}\n"
    (tmp_path / "recipe.yaml").write_text(text)
    facts = facts_of(load_recipe(tmp_path / "recipe.yaml"))
    parts = facts["components"]
    assert {"encoder", "decoder", "prior", "posterior", "likelihood", "loss", "data"} <= set(parts)
    optimizer = next(place for place in parts if place.endswith(".optimizer"))
    assert parts[optimizer]["kind"] == "optimizer"
    assert parts[f"{optimizer}.lr"]["kind"] == "schedule"
    assert parts["loss"]["name"] == "my_parts/squared"
    assert parts["loss"]["revision"] == 3
    assert parts["loss"]["sha256"] == hashlib.sha256(PARTS.encode()).hexdigest()
    source = Path(genframe.__file__).parent.parent / "plugins" / "nets" / "mlp.py"
    assert parts["encoder"]["sha256"] == hashlib.sha256(source.read_bytes()).hexdigest()
    assert parts["encoder"]["distribution"] == "genframe"
    assert (facts["seed"], facts["threads"], facts["device"], facts["data"]) == (7, 2, "cpu", {"": "d1"})
    assert {"genframe", "python", "torch", "numpy"} <= set(facts["versions"])
    assert facts["format"] == FORMAT
    durable.as_json(facts)


def test_the_lock_holds_nothing_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_API_KEY", "hush-hush")
    facts = facts_of(load_recipe("vae/digits"))
    assert "hush-hush" not in json.dumps(facts)


@pytest.mark.parametrize(
    ("word", "recorded"),
    [
        ("track.wandb.api_key=hush", "track.wandb.api_key=***"),
        ("--token=hush", "--token=***"),
        ("data.PASSWORD=hush", "data.PASSWORD=***"),
        ("a.apikey=hush", "a.apikey=***"),
        ("train.epochs=40", "train.epochs=40"),
        ("encoder.monkey=3", "encoder.monkey=3"),
        ("token", "token"),
    ],
)
def test_secrets_on_the_command_line_are_struck_out(word: str, recorded: str) -> None:
    assert without_secrets([word]) == [recorded]


def test_the_lock_names_the_commit_of_the_recipe(tmp_path: Path) -> None:
    def git(*arguments: str) -> str:
        identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
        command = ["git", "-C", str(tmp_path), *identity, *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    path = tmp_path / "recipe.yaml"
    path.write_text("genframe: 1\nextends: vae/digits\n")
    outside = facts_of(load_recipe(path))["commit"]
    git("init", "-q")
    git("add", ".")
    git("commit", "-q", "-m", "recipe")
    committed = facts_of(load_recipe(path))["commit"]
    path.write_text(path.read_text() + "seed: 2\n")
    changed = facts_of(load_recipe(path))["commit"]
    assert outside is None
    assert committed == {"id": git("rev-parse", "HEAD"), "changed": False}
    assert changed == {"id": git("rev-parse", "HEAD"), "changed": True}


def test_the_lock_names_functions_that_wires_call_by_their_bare_names(tmp_path: Path) -> None:
    run = train(small("gan/restore-digits", *SHORT), tmp_path / "run")
    components = json.loads((run / "lock.json").read_text())["components"]
    assert components["wires:l1"]["kind"] == "loss"
    assert components["wires:l1"]["sha256"]
    assert {"datasets.sharp", "datasets.scan", "players.critics.optimizer", "clean", "grainy"} <= set(
        components
    )


def test_the_lock_names_metrics_samplers_and_trackers() -> None:
    facts = facts_of(load_recipe("vae/digits", ["samplers={mixed: mixture}", "track={rows: csv}"]))
    kinds = {place: part["kind"] for place, part in facts["components"].items()}
    assert kinds["samplers.mixed"] == "sampler"
    assert kinds["track.rows"] == "tracker"
    assert "metric" in {kind for place, kind in kinds.items() if place.startswith("evaluate.")}


def test_the_lock_names_the_recipes_that_it_stands_on(tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text("genframe: 1\nextends: vae/digits\nseed: 3\n")
    (tmp_path / "recipe.yaml").write_text("genframe: 1\nextends: ./base.yaml\nprior: {dim: 5}\n")
    bases = {
        base["name"]: base["sha256"] for base in facts_of(load_recipe(tmp_path / "recipe.yaml"))["bases"]
    }
    assert {"base.yaml", "recipes/vae/digits", "vae/vae"} == set(bases)
    assert bases["base.yaml"] == hashlib.sha256((tmp_path / "base.yaml").read_bytes()).hexdigest()


def test_the_lock_knows_the_weights_that_a_recipe_starts_from(tmp_path: Path) -> None:
    (tmp_path / "start.safetensors").write_bytes(b"weights")
    facts = facts_of(load_recipe("vae/digits", [f"encoder.init={tmp_path / 'start.safetensors'}"]))
    assert facts["files"] == {"encoder.init": hashlib.sha256(b"weights").hexdigest()}
    assert facts["recipe"]["settings"]["encoder"]["init"] == "start.safetensors"


def test_the_digest_of_a_recipe_follows_its_meaning_and_nothing_else(tmp_path: Path) -> None:
    def digest(text: str, folder: str = "a", name: str = "recipe.yaml", *overrides: str) -> str:
        (tmp_path / folder).mkdir(exist_ok=True)
        (tmp_path / folder / "my_parts.py").write_text(PARTS)
        (tmp_path / folder / name).write_text(text)
        found = facts_of(load_recipe(tmp_path / folder / name, overrides))["recipe"]["sha256"]
        return str(found)

    text = "genframe: 1\nextends: vae/digits\nplugins: [./my_parts.py]\nloss: my_parts/squared\n"
    same = digest(text)
    assert digest("# a remark\n" + text) == same
    assert digest(text, "b", "other.yaml") == same, "another folder and another name"
    assert digest(text, "a", "recipe.yaml", "device=cpu", "name=x", "track={rows: csv}") == same
    assert digest(text + "prior: {dim: 20}\n") == same, "a default that is written out"
    assert digest(text + "prior: {dim: 21}\n") != same
    assert digest(text + "seed: 1\n") != same


def test_the_order_of_the_players_is_part_of_the_digest() -> None:
    recipe = load_recipe("gan/digits")
    other = dataclasses.replace(recipe, players=tuple(reversed(recipe.players)))
    assert recipe_facts(recipe)["sha256"] != recipe_facts(other)["sha256"]


def test_a_plugin_s_digest_is_of_all_its_files(site: Site) -> None:
    site.module("genframe_salt.__init__", SALT)
    site.module(
        "genframe_salt.parts", "from genframe_salt.inner import half\n\ndef pinch(x):\n    return half(x)\n"
    )
    site.module("genframe_salt.inner", "def half(x):\n    return x / 2\n")
    site.distribution("genframe-salt", {"salt": "genframe_salt"}, "0.1.0")
    recipe = load_recipe("vae/digits", ["plugins=[salt]", "samplers={s: salt/pinch}"])
    before = facts_of(recipe)
    site.module("genframe_salt.inner", "def half(x):\n    return x / 3\n")
    after = facts_of(recipe)
    assert before["components"]["samplers.s"] == after["components"]["samplers.s"]
    assert before["plugins"]["salt"]["plugin_sha256"] != after["plugins"]["salt"]["plugin_sha256"]
    assert before["plugins"]["salt"]["version"] == "0.1.0"
    with pytest.raises(LockError, match="the files of the plugin 'salt'"):
        checked(Lock("a lock", before), after)


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ({"url": "https://u:pw@h.org/s.git", "vcs_info": {"vcs": "git", "commit_id": "ab12"}},
         {"vcs": "git", "url": "https://h.org/s.git", "commit": {"id": "ab12", "changed": False}}),
        ({"url": "file:///home/ada/salt-1.0.whl", "archive_info": {}}, {"archive": "salt-1.0.whl"}),
        ({"url": "file:///nowhere/salt", "dir_info": {"editable": True}}, {"editable": True, "commit": None}),
        ({"url": 3}, None),
        ([], None),
        (None, None),
    ],
    ids=["repository", "wheel", "working copy", "malformed", "a list", "a release"],
)  # fmt: skip
def test_where_a_distribution_came_from(record: object, expected: object, site: Site) -> None:
    site.distribution("genframe-salt", {}, "0.1.0")
    if record is not None:
        (site.folder / "genframe_salt-0.1.0.dist-info" / "direct_url.json").write_text(json.dumps(record))
    assert origin("genframe-salt") == expected


def test_an_editable_install_is_locked_with_its_commit_and_whether_it_changed(
    site: Site, tmp_path: Path
) -> None:
    work = tmp_path / "salt"
    work.mkdir()
    (work / "a.py").write_text("1")
    for arguments in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "a"]):
        command = ["git", "-C", str(work), "-c", "user.name=a", "-c", "user.email=a@example.org", *arguments]
        subprocess.run(command, check=True)
    site.distribution("genframe-salt", {}, "0.1.0")
    record = {"url": work.as_uri(), "dir_info": {"editable": True}}
    (site.folder / "genframe_salt-0.1.0.dist-info" / "direct_url.json").write_text(json.dumps(record))
    clean = origin("genframe-salt")
    (work / "a.py").write_text("2")
    dirty = origin("genframe-salt")
    assert clean and dirty
    assert len(clean["commit"]["id"]) == 40
    assert (clean["commit"]["changed"], dirty["commit"]["changed"]) == (False, True)


# Held to a lock.


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train(small("vae/digits", *SHORT), tmp_path_factory.mktemp("runs") / "run")


def lock_with(run: Path, change: Callable[[dict[str, Any]], object]) -> Lock:
    facts = json.loads((run / "lock.json").read_text())
    change(facts)
    return Lock("the lock", facts)


def test_the_same_training_is_accepted_and_repeats_the_weights(run: Path, tmp_path: Path) -> None:
    again = loop.train(small("vae/digits", *SHORT), tmp_path / "again", locked=read_lock(run))
    assert differing(saved(run), saved(again)) == []
    assert "GF73" not in (again / "log.txt").read_text()


def component(place: str, key: str, value: object) -> Callable[[dict[str, Any]], object]:
    return lambda facts: facts["components"][place].update({key: value})


def older(facts: dict[str, Any]) -> None:
    for part in facts["components"].values():
        part["version"] = "0.0.9"


@pytest.mark.parametrize(
    ("change", "overrides", "says"),
    [
        (lambda facts: None, ["prior.dim=4"], ["prior.dim", "the recipe: 3 in the lock, 4 here"]),
        (lambda facts: None, ["seed=5"], ["seed", "the recipe: 0 in the lock, 5 here"]),
        (lambda facts: None, ["encoder={use: conv, width: 2}"], ["encoder.use", "'nets/mlp' in the lock"]),
        (
            lambda facts: None,
            ["players.model.clip=1"],
            ["players.model.clip", "nothing in the lock, 1.0 here"],
        ),
        (
            component("encoder", "revision", 7),
            [],
            ["the revision of encoder nets/mlp: 7 in the lock, 1 here"],
        ),
        (
            component("encoder", "sha256", "f" * 64),
            [],
            ["the source of encoder nets/mlp: ffffffffffff in the lock"],
        ),
        (component("data", "sha256", "f" * 64), [], ["the source of dataset data/digits"]),
        (
            component("encoder", "distribution", "x"),
            [],
            ["the distribution of encoder nets/mlp: x in the lock"],
        ),
        (older, [], ["the version of genframe: 0.0.9 in the lock"]),
        (lambda f: f["plugins"]["vae"].update(plugin_sha256="e" * 64), [], ["the files of the plugin 'vae'"]),
        (lambda f: f["data"].update({"": "d" * 64}), [], ["the data: dddddddddddd in the lock"]),
        (
            lambda f: f["recipe"].update(settings={**f["recipe"]["settings"], "seed": 9}),
            [],
            ["9 in the lock, 0 here"],
        ),
        (
            lambda f: f["recipe"].update(sha256="c" * 64),
            [],
            ["the digest of the recipe: cccccccccccc in the lock"],
        ),
    ],
)
def test_each_kind_of_difference_is_refused_before_anything_is_written(
    change: Callable[[dict[str, Any]], object],
    overrides: list[str],
    says: list[str],
    run: Path,
    tmp_path: Path,
) -> None:
    with pytest.raises(LockError) as caught:
        loop.train(small("vae/digits", *SHORT, *overrides), tmp_path / "new", locked=lock_with(run, change))
    assert {problem.code for problem in caught.value.problems} == {"GF731"}
    told = "\n".join(f"{problem.path} {problem.message}" for problem in caught.value.problems)
    assert all(text in told for text in says), told
    assert caught.value.exit_code == 4
    assert not (tmp_path / "new").exists()


def test_every_difference_is_told_at_once_and_one_of_a_distribution_once(run: Path, tmp_path: Path) -> None:
    def change(facts: dict[str, Any]) -> None:
        older(facts)
        component("decoder", "revision", 3)(facts)
        facts["data"][""] = "d" * 64

    with pytest.raises(LockError) as caught:
        loop.train(
            small("vae/digits", *SHORT, "prior.dim=4", "seed=2"),
            tmp_path / "new",
            locked=lock_with(run, change),
        )
    messages = [problem.message for problem in caught.value.problems]
    assert len(messages) == 5
    assert sum("the version of genframe" in message for message in messages) == 1


@pytest.mark.parametrize(
    ("key", "change"),
    [
        ("torch", lambda f: f["versions"].update(torch="1.0")),
        ("python", lambda f: f["versions"].update(python="3.1")),
        ("device", lambda f: f.update(device="cuda:7")),
        ("threads", lambda f: f.update(threads=77)),
        ("hardware", lambda f: f.update(hardware="an abacus")),
    ],
)
def test_what_may_change_the_last_bits_is_a_remark(
    key: str, change: Callable[[dict[str, Any]], object], run: Path, tmp_path: Path
) -> None:
    again = loop.train(small("vae/digits", *SHORT), tmp_path / "new", locked=lock_with(run, change))
    assert f"remark GF732: {key}: " in (again / "log.txt").read_text()


def test_a_lock_of_an_earlier_version_holds_a_training_to_what_it_names(run: Path, tmp_path: Path) -> None:
    def change(facts: dict[str, Any]) -> None:
        for key in ("recipe", "plugins", "specs", "files", "origins", "bases", "hardware"):
            facts.pop(key, None)

    lock = lock_with(run, change)
    loop.train(small("vae/digits", *SHORT), tmp_path / "same", locked=lock)
    with pytest.raises(LockError, match="the component: nets/mlp in the lock, nets/conv here"):
        loop.train(
            small("vae/digits", *SHORT, "encoder={use: conv, width: 2}"), tmp_path / "other", locked=lock
        )


@pytest.mark.parametrize(
    "change",
    [
        lambda f: f["components"]["encoder"].pop("sha256"),
        lambda f: f["components"].update(encoder="nets/mlp"),
        lambda f: f["plugins"]["vae"].pop("plugin_sha256"),
        lambda f: f.update(plugins=[]),
        lambda f: f.update(versions="1"),
        lambda f: f["recipe"].pop("settings"),
        lambda f: f.update(data=None),
    ],
)
def test_a_lock_of_another_form_is_told(
    change: Callable[[dict[str, Any]], object], run: Path, tmp_path: Path
) -> None:
    copy = shutil.copytree(run, tmp_path / "run")
    (copy / "lock.json").write_text(json.dumps(lock_with(run, change).facts))
    with pytest.raises(LockError, match="GF730"):
        read_lock(copy)
    with pytest.raises(RunError, match="GF714"):
        genframe.load(copy)


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"format": 99, "components": {}}', "\xff"])
def test_a_lock_that_can_not_be_read(content: str, tmp_path: Path) -> None:
    (tmp_path / "lock.json").write_bytes(content.encode("latin-1"))
    for path in (tmp_path / "lock.json", tmp_path / "missing.json"):
        with pytest.raises(LockError) as caught:
            read_lock(path)
        assert caught.value.problems[0].code == "GF730"


def test_a_difference_is_data_that_renders(run: Path) -> None:
    here = json.loads((run / "lock.json").read_text())
    here["recipe"]["settings"]["seed"] = 4
    with pytest.raises(LockError) as caught:
        checked(read_lock(run), here)
    assert "seed  GF731 the recipe: 0 in the lock, 4 here" in render(caught.value.problems)
