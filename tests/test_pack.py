"""A packed model: the same numbers as its run, nothing in it that should not be, and nothing taken on trust."""

from __future__ import annotations

import hashlib
import io
import json
import pickletools
import re
import shutil
import sys
import traceback
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from fake_plugins import Site
from tiny import parts_file, same_bits, small, train
from torch.distributions import Distribution

import genframe
from genframe import evaluations, packed
from genframe.discovery import discover
from genframe.errors import GenframeError, PluginError, RecipeError, RunError
from genframe.pack import pack
from genframe.packed import Packed
from genframe.recipe import load_recipe
from genframe.run import Run
from genframe.values import Levels

SHORT = ("train.epochs=null", "train.steps=4", "train.checkpoint={every: 2, keep: 2}")
RECIPES = {
    "vae/digits": ("players.model.ema=0.5",),
    "dae/digits": (),
    "gan/digits": ("players.generator.ema=0.5",),
    "gan/ring": (),
}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A short run of a recipe, trained once."""
    made: dict[str, Path] = {}

    def run(name: str) -> Path:
        if name not in made:
            folder = tmp_path_factory.mktemp("runs") / name.replace("/", "-")
            made[name] = train(small(name, *SHORT, *RECIPES[name]), folder)
        return made[name]

    return run


@pytest.fixture
def vae(runs: Callable[[str], Path], tmp_path: Path) -> Path:
    """The packed VAE."""
    return pack(runs("vae/digits"), tmp_path / "vae.genframe").path


def code(caught: pytest.ExceptionInfo[GenframeError]) -> str:
    return caught.value.problems[0].code


def tensors_in(value: Any) -> list[torch.Tensor]:
    """The tensors of an output, of a tuple's parts too."""
    if isinstance(value, tuple):
        return [t for part in value for t in tensors_in(part)]
    if isinstance(value, Distribution):
        return [value.mean.cpu()]
    return [(value.table if isinstance(value, Levels) else value).cpu()]


# The same model.


@pytest.mark.parametrize("name", RECIPES)
@pytest.mark.parametrize("raw", [False, True])
def test_a_packed_model_is_its_run_bit_for_bit(
    name: str, raw: bool, runs: Callable[[str], Path], tmp_path: Path
) -> None:
    run = runs(name)
    file = pack(run, tmp_path / "model.genframe").path
    ours, theirs = genframe.load(run, raw=raw, device="cpu"), genframe.load(file, raw=raw, device="cpu")
    assert ours.step == theirs.step == 4
    compared = 0
    for output in ours.outputs:
        arguments = ours.outputs.arguments(output)
        if arguments == ("n",):
            values = [model.call(output, 5, seed=3) for model in (ours, theirs)]
        elif arguments in (("x",), ("scan",)):
            x = ours.feeds[""].split("train").first(5)["x"]
            values = [model.call(output, x, seed=3) for model in (ours, theirs)]
        else:
            continue
        for one, other in zip(*map(tensors_in, values), strict=True):
            assert same_bits(one, other), output
            compared += 1
    assert compared > 0


def test_the_averages_differ_from_the_raw_weights_in_these_runs(runs: Callable[[str], Path]) -> None:
    run = runs("gan/digits")
    averaged, raw = (genframe.load(run, raw=raw, device="cpu").sample(4, seed=1) for raw in (False, True))
    assert not torch.equal(averaged, raw)


def test_packed_without_averages_it_gives_the_raw_weights(
    runs: Callable[[str], Path], tmp_path: Path
) -> None:
    run = runs("gan/digits")
    file = pack(run, tmp_path / "raw.genframe", raw=True).path
    assert not [name for name in Packed.open(file).names if name.endswith(".ema")]
    expected = genframe.load(run, raw=True, device="cpu").sample(4, seed=1)
    assert same_bits(genframe.load(file, device="cpu").sample(4, seed=1).cpu(), expected.cpu())


def test_an_older_step_is_packed_on_request(runs: Callable[[str], Path], tmp_path: Path) -> None:
    run = runs("vae/digits")
    file = pack(run, tmp_path / "old.genframe", step=2).path
    model = genframe.load(file, device="cpu")
    assert model.step == 2
    assert same_bits(model.sample(3, seed=0), genframe.load(run, step=2, device="cpu").sample(3, seed=0))
    for wrong in (lambda: pack(run, tmp_path / "no.genframe", step=3), lambda: genframe.load(file, step=4)):
        with pytest.raises(RunError, match="GF722"):
            wrong()
    assert not (tmp_path / "no.genframe").exists()


def test_a_packed_model_evaluates_to_the_same_figures(runs: Callable[[str], Path], vae: Path) -> None:
    ours, theirs = (genframe.load(path, device="cpu").evaluate("elbo") for path in (runs("vae/digits"), vae))
    assert ours[0]["figures"] == theirs[0]["figures"]
    assert ours[0]["protocol"] == theirs[0]["protocol"]


def test_two_packs_of_one_run_are_the_same_bytes(runs: Callable[[str], Path], tmp_path: Path) -> None:
    run = runs("gan/digits")
    first = pack(run, tmp_path / "a.genframe").path
    second = pack(run, tmp_path / "elsewhere" / "b.genframe").path
    assert first.read_bytes() == second.read_bytes()


def test_a_file_that_is_there_is_not_overwritten(runs: Callable[[str], Path], tmp_path: Path) -> None:
    target = tmp_path / "mine.genframe"
    target.write_text("precious")
    with pytest.raises(RecipeError, match="GF801"):
        pack(runs("vae/digits"), target)
    assert target.read_text() == "precious"
    assert Packed.open(pack(runs("vae/digits"), target, force=True).path).step == 4
    with pytest.raises(RecipeError, match="is a folder"):
        pack(runs("vae/digits"), tmp_path, force=True)


def test_a_fitted_sampler_travels_along(runs: Callable[[str], Path], tmp_path: Path) -> None:
    run = shutil.copytree(runs("vae/digits"), tmp_path / "run")
    told: list[str] = []
    block = {"use": "mixture", "components": 2}
    drawn = genframe.load(run, device="cpu").draw(block, 4, seed=1, tell=told.append)
    assert any("fitted" in text for text in told)
    told.clear()
    file = pack(run, tmp_path / "fitted.genframe").path
    again = genframe.load(file, device="cpu").draw(block, 4, seed=1, tell=told.append)
    assert same_bits(drawn.cpu(), again.cpu())
    assert told == [], "it was fitted anew"


# Its data may be elsewhere.


def points_recipe(folder: Path) -> dict[str, Any]:
    """A tiny VAE on an .npz file of points."""
    rng = np.random.default_rng(0)
    np.savez(folder / "points.npz", x_train=rng.normal(size=(64, 6)), x_test=rng.normal(size=(32, 6)))
    net = {"use": "mlp", "hidden": [4]}
    return {
        "genframe": 1, "name": "points", "pipeline": "vae", "device": "cpu", "likelihood": "gaussian",
        "data": {"use": "arrays", "path": str(folder / "points.npz"), "batch_size": 16},
        "encoder": net, "decoder": net, "prior": {"use": "gaussian", "dim": 2}, "train": {"steps": 2},
    }  # fmt: skip


def test_samples_need_no_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = tmp_path / "data"
    data.mkdir()
    run = train(load_recipe(points_recipe(data)), tmp_path / "run")
    file = pack(run, tmp_path / "points.genframe").path
    before = genframe.load(run).sample(4, seed=0)
    shutil.move(data / "points.npz", tmp_path / "kept.npz")
    monkeypatch.chdir(tmp_path)
    for path in (run, file):
        model = genframe.load(path, device="cpu")
        assert same_bits(model.sample(4, seed=0).cpu(), before.cpu())
        with pytest.raises(RecipeError, match="GF601"):
            model.evaluate()
    elsewhere = genframe.load(file, device="cpu", overrides=[f"data.path={tmp_path / 'kept.npz'}"])
    assert len(elsewhere.feeds[""].split("test")) == 32
    shutil.copy(tmp_path / "kept.npz", tmp_path / "points.npz")  # by its bare name, in the working directory
    assert len(genframe.load(file, device="cpu").feeds[""].split("test").tensors["x"]) == 32


def test_a_run_of_an_earlier_version_is_packed_with_what_its_lock_lacks(
    runs: Callable[[str], Path], tmp_path: Path
) -> None:
    run = shutil.copytree(runs("vae/digits"), tmp_path / "run")
    lock = json.loads((run / "lock.json").read_text())
    for key in ("recipe", "specs", "plugins", "origins", "files", "bases", "hardware"):
        del lock[key]
    (run / "lock.json").write_text(json.dumps(lock))
    file = pack(run, tmp_path / "old.genframe").path
    kept = Packed.open(file).lock.facts
    assert kept["specs"][""]["lengths"] == {"train": 5000, "test": 1000}
    assert kept["recipe"]["settings"]["prior"]["dim"] == 3
    expected = genframe.load(run, device="cpu").sample(2, seed=0)
    assert same_bits(genframe.load(file, device="cpu").sample(2, seed=0), expected)


# What stands in it.

HOME_PARTS = """
    from genframe import Component, hookimpl

    @hookimpl
    def genframe_functions():
        return [Component("half", "my_parts:half")]

    @hookimpl
    def genframe_trackers():
        return [Component("silent", "my_parts:Silent")]

    def half(x):
        return x * 0.5

    class Silent:
        def __init__(self, *, api_key: str, project: str = "p"):
            pass

        def log(self, row):
            pass
"""


@pytest.fixture
def at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run with a plugin file, data and a secret of its own, all below a user's home."""
    home = tmp_path / "home" / "ada"
    (home / "work").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("TRACKER_KEY", "hush-hush-environment")
    parts_file(home / "work", HOME_PARTS)
    recipe = points_recipe(home / "work")
    recipe |= {
        "plugins": [str(home / "work" / "my_parts.py")],
        "track": {
            "one": {"use": "my_parts/silent", "api_key": "hush-hush-written"},
            "two": {"use": "my_parts/silent", "api_key": "${env:TRACKER_KEY}"},
        },
        "outputs": {"sample(n)": "half(observe(p_z.sample([n])).mean)"},
    }
    return train(load_recipe(recipe), home / "work" / "run")


def contents(file: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(file) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_it_holds_no_pickle_no_secret_and_no_folder_of_this_machine(at_home: Path, tmp_path: Path) -> None:
    file = pack(at_home, tmp_path / "points.genframe").path
    members = contents(file)
    assert all(re.fullmatch(r".*\.(safetensors|json|yaml|md|png|py)", name) for name in members)
    for name, content in members.items():
        assert not content.startswith((b"\x80", b"PK")), f"{name} looks like a pickle or a zip"
        with pytest.raises(Exception):  # noqa: B017 - whatever pickletools says of what is no pickle
            for _ in pickletools.genops(content):
                pass
        for secret in (b"hush-hush", str(tmp_path).encode(), b"/home/ada"):
            assert secret not in content, f"{name} holds {secret!r}"
    assert b"optimizer" not in b"".join(n.encode() for n in members)


def test_the_weights_are_those_of_the_checkpoint(runs: Callable[[str], Path], tmp_path: Path) -> None:
    from safetensors.torch import load_file

    run = runs("gan/digits")
    file = Packed.open(pack(run, tmp_path / "g.genframe").path)
    folder = run / "checkpoints" / "00000004"
    assert {"decoder", "decoder.ema", "discriminator"} <= set(file.names)
    for name in file.names:
        for key, tensor in load_file(folder / f"{name}.safetensors").items():
            assert same_bits(tensor, file.tensors(name)[key])


def test_an_average_that_equals_the_weights_is_not_stored_twice(
    runs: Callable[[str], Path], tmp_path: Path
) -> None:
    run = train(small("vae/digits", *SHORT, "players.model.ema=0"), tmp_path / "run")
    file = pack(run, tmp_path / "same.genframe").path
    assert not [name for name in Packed.open(file).names if name.endswith(".ema")]
    expected = genframe.load(run, device="cpu").sample(3, seed=0)
    assert same_bits(genframe.load(file, device="cpu").sample(3, seed=0), expected)


# The card.


def test_the_card_says_not_measured_where_nothing_was(vae: Path) -> None:
    text = contents(vae)["README.md"].decode()
    assert text.startswith("---\nlibrary_name: genframe\n")
    assert "Not measured" in text
    assert "## Intended use and limitations" in text
    assert "| encoder | nets/mlp | genframe " in text
    assert hashlib.sha256(b"").hexdigest() not in text
    lock = json.loads(contents(vae)["lock.json"])
    assert lock["data"][""] in text and "5,000 train, 1,000 test" in text
    assert f"torch=={genframe.lock.versions()['torch'].partition('+')[0]}" in text


def test_the_card_holds_the_figures_with_their_protocol(runs: Callable[[str], Path], tmp_path: Path) -> None:
    run = shutil.copytree(runs("vae/digits"), tmp_path / "run")
    with Run.open(run, writable=True) as writable:
        evaluations.add(writable, genframe.load(run, device="cpu").evaluate("elbo"))
        evaluations.add(writable, genframe.load(run, step=2, device="cpu").evaluate("active-units"))
    file = pack(run, tmp_path / "m.genframe").path
    text = contents(file)["README.md"].decode()
    measured = evaluations.read(Run.open(run))
    (line,) = [row for row in text.splitlines() if row.startswith("| elbo | elbo ")] or [""]
    figure = measured[0]["figures"]["elbo"]
    assert f"| {figure:.6g} | test | 1,000 | averaged | 0 |" in line
    assert "Not measured" not in text
    assert "active" not in text.partition("## Measured")[2].partition("##")[0], "that was of another step"
    assert json.loads(contents(file)["evaluations.json"])[1]["metric"] == "active-units"


def test_the_snippet_of_the_card_runs(vae: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = contents(vae)["README.md"].decode()
    (snippet,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    (name,) = re.findall(r'genframe\.load\("([^"]+)"', snippet)
    monkeypatch.chdir(vae.parent)
    vae.rename(name)
    names: dict[str, Any] = {}
    exec(snippet, names)
    assert names["x"].shape == (16, 1, 28, 28)


@pytest.mark.parametrize(
    ("origin", "pin"),
    [
        (None, "genframe-salt==0.1.0"),
        (
            {"url": "https://example.org/salt.git", "vcs_info": {"vcs": "git", "commit_id": "0123abcd"}},
            "'genframe-salt @ git+https://example.org/salt.git@0123abcd'",
        ),
    ],
)
def test_the_card_says_how_to_get_the_plugins(
    origin: dict[str, Any] | None, pin: str, site: Site, tmp_path: Path
) -> None:
    run = salted(site, tmp_path, origin)
    text = contents(pack(run, tmp_path / "m.genframe").path)["README.md"].decode()
    use, _, rest = text.partition("## How to use it")[2].partition("## Parts")
    (line,) = [line for line in use.splitlines() if line.startswith("pip install ")]
    assert f" genframe=={genframe.lock.versions()['genframe']}" in line
    assert pin in line and "torch==" not in line
    assert pin in rest.partition("## Requirements")[2]


def test_markdown_of_a_recipe_does_not_break_the_card(runs: Callable[[str], Path], tmp_path: Path) -> None:
    run = shutil.copytree(runs("vae/digits"), tmp_path / "run")
    (run / "evaluations.json").write_text(
        json.dumps(
            [{"metric": "a|b\n<script>", "component": "x", "figures": {"f": 1.0}, "seconds": 0,
              "protocol": {"step": 4, "examples": 3, "options": {}}}]
        )
    )  # fmt: skip
    text = contents(pack(run, tmp_path / "m.genframe").path)["README.md"].decode()
    assert "<script>" not in text
    assert "| a\\|b &lt;script> | f | 1 |" in text


# Use.


def test_a_model_says_what_it_is(vae: Path) -> None:
    told = repr(genframe.load(vae, device="cpu"))
    assert "step 4, on cpu" in told and "outputs: " in told and "sample" in told and "encode" in told


@pytest.mark.parametrize("shape", [(2, 3, 28, 28), (2, 1, 32, 32), (2, 5)])
def test_an_output_that_fails_on_another_shape_says_both(shape: tuple[int, ...], vae: Path) -> None:
    model = genframe.load(vae, device="cpu")
    assert len(model.encode(torch.zeros(2, 1, 28, 28))) == 2
    with pytest.raises(RunError) as caught:
        model.encode(torch.zeros(shape))
    assert code(caught) == "GF538"
    assert f"encode(x) takes x of shape (batch, 1, 28, 28), and gets {shape}" in str(caught.value)


# Code.


def test_code_in_a_packed_file_runs_only_where_it_is_trusted(
    at_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = genframe.load(at_home).sample(4, seed=0)
    file = pack(at_home, tmp_path / "points.genframe").path
    assert Packed.open(file).code == ("my_parts.py",)
    shutil.rmtree(at_home.parent)
    monkeypatch.delenv("TRACKER_KEY")
    loaded = {name for name in sys.modules if "my_parts" in name}
    with pytest.raises(PluginError, match="trust_code=True") as caught:
        genframe.load(file)
    assert code(caught) == "GF744" and "--trust-code" in str(caught.value)
    assert caught.value.exit_code == 3
    assert {name for name in sys.modules if "my_parts" in name} == loaded, "the code was run"
    model = genframe.load(file, trust_code=True)
    assert same_bits(model.sample(4, seed=0).cpu(), expected.cpu())
    assert "trust_code=True" in contents(file)["README.md"].decode()


def test_a_copy_of_ones_own_stands_in_for_the_code_of_a_packed_file(at_home: Path, tmp_path: Path) -> None:
    from genframe.api import Model

    file = pack(at_home, tmp_path / "points.genframe").path
    own = tmp_path / "own"
    own.mkdir()
    shutil.copy(at_home.parent / "my_parts.py", own)
    shutil.rmtree(at_home.parent)
    model = Model(file, registry=discover(files=[own / "my_parts.py"]))
    assert model.remarks == []
    (own / "my_parts.py").write_text((own / "my_parts.py").read_text() + "\n# read and changed\n")
    (remark,) = Model(file, registry=discover(files=[own / "my_parts.py"])).remarks
    assert remark.code == "GF733" and "half" in remark.message


# Files that are not what they should be.


def rewritten(file: Path, change: Callable[[dict[str, bytes]], None], *, reseal: bool = True) -> Path:
    """The file with other members; its manifest fits them, as an attacker would have it."""
    members = contents(file)
    change(members)
    if reseal and packed.MANIFEST in members:
        manifest = json.loads(members[packed.MANIFEST])
        manifest.pop("sha256")
        for name in set(manifest["files"]) & members.keys():
            manifest["files"][name] = hashlib.sha256(members[name]).hexdigest()
        members[packed.MANIFEST] = json.dumps({**manifest, "sha256": packed.seal(manifest)}).encode()
    other = file.with_name("other.genframe")
    with zipfile.ZipFile(other, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return other


def refusal(file: Path) -> str:
    """The code under which a file is refused, on opening it or on drawing from it."""
    with pytest.raises(GenframeError) as caught:
        genframe.load(file, device="cpu").sample(2, seed=0)
    return code(caught)


def test_an_altered_byte_anywhere_is_noticed(vae: Path) -> None:
    whole = vae.read_bytes()
    members = contents(vae)
    for place in np.linspace(0, len(whole) - 1, 60).astype(int):
        changed = bytearray(whole)
        changed[place] ^= 0xFF
        vae.write_bytes(bytes(changed))
        try:
            found = Packed.open(vae)
            read = {name: found.read(name) for name in found.members}
        except RunError as error:
            assert error.problems[0].code in ("GF740", "GF741", "GF742", "GF743")
        else:  # a byte of the zip that means nothing: a date, say
            assert read == {name: content for name, content in members.items() if name in read}


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 0.999])
def test_a_file_that_was_cut_off_is_no_packed_file(vae: Path, share: float) -> None:
    vae.write_bytes(vae.read_bytes()[: int(share * vae.stat().st_size)])
    assert refusal(vae) == "GF740"


def test_what_is_no_packed_file_is_told(tmp_path: Path, runs: Callable[[str], Path]) -> None:
    assert refusal(tmp_path / "missing.genframe") == "GF740"
    (tmp_path / "text.genframe").write_text("hello")
    assert refusal(tmp_path / "text.genframe") == "GF740"
    with zipfile.ZipFile(tmp_path / "zip.genframe", "w") as archive:
        archive.writestr("x.txt", "x")
    assert refusal(tmp_path / "zip.genframe") == "GF740"


def newer(members: dict[str, bytes]) -> None:
    members[packed.MANIFEST] = json.dumps({**json.loads(members[packed.MANIFEST]), "format": 2}).encode()


def altered(members: dict[str, bytes]) -> None:
    members["weights/decoder.safetensors"] = members["weights/decoder.safetensors"][:-1] + b"\xff"


def renamed_step(members: dict[str, bytes]) -> None:
    members[packed.MANIFEST] = members[packed.MANIFEST].replace(b'"step": 4', b'"step": 5')


def lacking(members: dict[str, bytes]) -> None:
    del members["weights/decoder.safetensors"]


def escaping(members: dict[str, bytes]) -> None:
    members["../evil.py"] = b"x"


def absolute(members: dict[str, bytes]) -> None:
    members["/etc/evil"] = b"x"


def pickled(members: dict[str, bytes]) -> None:
    members["weights/state.pt"] = b"\x80\x02."


def nested_code(members: dict[str, bytes]) -> None:
    members["plugins/../../evil.py"] = b"x"


def text_bomb(members: dict[str, bytes]) -> None:
    members["README.md"] = b"0" * (packed._LARGEST_TEXT + 1)


def weights_bomb(members: dict[str, bytes]) -> None:
    members["weights/decoder.safetensors"] = bytes(packed._SMALL + 1)


def many(members: dict[str, bytes]) -> None:
    members.update({f"weights/w{i}.safetensors": b"" for i in range(packed._MOST_MEMBERS + 1)})


def no_tensors(members: dict[str, bytes]) -> None:
    members["weights/decoder.safetensors"] = b"\xff" * 100


def no_lock(members: dict[str, bytes]) -> None:
    members["lock.json"] = b"[]"


def no_yaml(members: dict[str, bytes]) -> None:
    members["resolved.yaml"] = b"\xff\xfe"


def stray(members: dict[str, bytes]) -> None:
    members["plugins/evil.py"] = b"raise SystemExit"


@pytest.mark.parametrize(
    ("change", "reseal", "expected"),
    [
        (newer, False, "GF742"),
        (altered, False, "GF741"),
        (renamed_step, False, "GF741"),
        (lacking, True, "GF741"),
        (stray, True, "GF741"),
        (escaping, True, "GF743"),
        (absolute, True, "GF743"),
        (pickled, True, "GF743"),
        (nested_code, True, "GF743"),
        (text_bomb, True, "GF743"),
        (weights_bomb, True, "GF743"),
        (many, True, "GF743"),
        (no_tensors, True, "GF741"),
        (no_lock, True, "GF730"),
        (no_yaml, True, "GF741"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_what_a_packed_file_may_not_be_is_refused(
    change: Callable[[dict[str, bytes]], None], reseal: bool, expected: str, vae: Path
) -> None:
    before = set(vae.parent.iterdir())
    file = rewritten(vae, change, reseal=reseal)
    assert refusal(file) == expected
    assert set(vae.parent.iterdir()) == {*before, file}, "something was written"


@pytest.mark.parametrize("entry", ["{evil}", "./evil.py", "plugins/../evil.py"])
@pytest.mark.parametrize("trust_code", [False, True])
def test_a_packed_recipe_has_no_file_of_this_machine_run(
    entry: str, trust_code: bool, vae: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    evil = vae.parent / "evil.py"
    evil.write_text(f"open({str(vae.parent / 'it-ran')!r}, 'w')\n")
    monkeypatch.chdir(vae.parent)
    line = f"plugins: ['{entry.format(evil=evil)}']\n".encode()
    file = rewritten(vae, lambda members: members.update({"resolved.yaml": line + members["resolved.yaml"]}))
    with pytest.raises(RunError, match="GF743"):
        genframe.load(file, trust_code=trust_code)
    assert not (vae.parent / "it-ran").exists()


def test_a_packed_recipe_stands_on_no_other(vae: Path) -> None:
    (vae.parent / "base.yaml").write_text("genframe: 1\n")
    base = f"extends: {vae.parent / 'base.yaml'}\n".encode()
    file = rewritten(vae, lambda members: members.update({"resolved.yaml": base + members["resolved.yaml"]}))
    assert refusal(file) == "GF743"


def test_a_member_that_stands_twice_is_refused(vae: Path) -> None:
    with zipfile.ZipFile(vae, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("recipe.yaml", "other")
    assert refusal(vae) == "GF743"


def test_a_zip_that_lies_about_a_size_is_not_believed(vae: Path) -> None:
    """The directory says 10 bytes, the member unpacks to 200 million."""
    buffer = io.BytesIO()
    bomb = bytes(200_000_000)
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("manifest.json", bomb)
    lying = buffer.getvalue().replace(len(bomb).to_bytes(4, "little"), (10).to_bytes(4, "little"))
    vae.write_bytes(lying)
    assert refusal(vae) == "GF741"


def test_a_packed_file_can_not_be_resumed_or_packed_again(vae: Path, tmp_path: Path) -> None:
    for action in (lambda: genframe.resume(vae), lambda: pack(vae, tmp_path / "again.genframe")):
        with pytest.raises(RunError, match="GF745"):
            action()


# A plugin that is missing, or another.


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    made = Site(folder)
    yield made
    made.forget()


SALT = """
    from genframe import Component, hookimpl

    GENFRAME_API = 1

    @hookimpl
    def genframe_functions():
        return [Component("pinch", "genframe_salt:pinch", revision={revision})]

    def pinch(x):
        return x * {factor}
"""


def salted(site: Site, tmp_path: Path, origin: dict[str, Any] | None = None) -> Path:
    """A run that was trained with a plugin `salt` 0.1.0."""
    site.module("genframe_salt", SALT.format(revision=1, factor=0.5))
    site.distribution("genframe-salt", {"salt": "genframe_salt"}, "0.1.0")
    if origin:
        info = site.folder / "genframe_salt-0.1.0.dist-info"
        (info / "direct_url.json").write_text(json.dumps(origin))
    recipe = points_recipe(tmp_path) | {"plugins": ["salt"]}
    recipe["outputs"] = {"sample(n)": "pinch(observe(p_z.sample([n])).mean)"}
    return train(load_recipe(recipe), tmp_path / "run")


def removed(site: Site) -> None:
    site.forget()
    for path in site.folder.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()


@pytest.mark.parametrize("action", ["load", "resume", "pack", "a packed file"])
def test_a_missing_plugin_says_the_pip_command(action: str, site: Site, tmp_path: Path) -> None:
    run = salted(site, tmp_path)
    file = pack(run, tmp_path / "model.genframe").path
    removed(site)
    acts: dict[str, Callable[[], object]] = {
        "load": lambda: genframe.load(run),
        "resume": lambda: genframe.resume(run, ["train.steps=4"], quiet=True),
        "pack": lambda: pack(run, tmp_path / "again.genframe"),
        "a packed file": lambda: genframe.load(file),
    }
    with pytest.raises(PluginError) as caught:
        acts[action]()
    (problem,) = caught.value.problems
    assert problem.code == "GF310"
    assert problem.command == "pip install genframe-salt==0.1.0"
    assert "'salt' (genframe-salt 0.1.0), which is not installed" in problem.message
    assert str(caught.value).endswith("Try: pip install genframe-salt==0.1.0")
    told = "".join(traceback.format_exception(caught.value))
    assert told.count("GF310") == 1 and "Did you mean" not in told


def test_a_plugin_from_a_repository_is_got_from_there(site: Site, tmp_path: Path) -> None:
    url = "https://ada:hunter2-token@example.org/ada/salt.git"
    vcs = {"url": url, "vcs_info": {"vcs": "git", "commit_id": "0123abcd"}}
    run = salted(site, tmp_path, vcs)
    assert "hunter2" not in (run / "lock.json").read_text()
    removed(site)
    with pytest.raises(PluginError) as caught:
        genframe.load(run)
    expected = "pip install 'genframe-salt @ git+https://example.org/ada/salt.git@0123abcd'"
    assert caught.value.problems[0].command == expected


def test_a_missing_plugin_file_is_named_and_another_copy_serves(at_home: Path, tmp_path: Path) -> None:
    from genframe.api import Model

    expected = genframe.load(at_home).sample(2, seed=0)
    moved = tmp_path / "moved"
    moved.mkdir()
    shutil.move(at_home.parent / "my_parts.py", moved / "my_parts.py")
    with pytest.raises(PluginError) as caught:
        genframe.load(at_home)
    (problem,) = caught.value.problems
    assert problem.code == "GF313" and str(at_home.parent / "my_parts.py") in problem.message
    assert "-p my_parts.py" in problem.message
    model = Model(at_home, registry=discover(files=[moved / "my_parts.py"]))
    assert same_bits(model.sample(2, seed=0).cpu(), expected.cpu())
    again = Packed.open(
        pack(at_home, tmp_path / "m.genframe", registry=discover(files=[moved / "my_parts.py"])).path
    )
    assert again.code == ("my_parts.py",)


def test_another_version_of_a_plugin_is_a_remark(site: Site, tmp_path: Path) -> None:
    run = salted(site, tmp_path)
    file = pack(run, tmp_path / "model.genframe").path
    removed(site)
    site.module("genframe_salt", SALT.format(revision=2, factor=0.25))
    site.distribution("genframe-salt", {"salt": "genframe_salt"}, "0.2.0")
    for path in (run, file):
        with pytest.warns(UserWarning, match="GF733") as caught:
            genframe.load(path)
        (warning,) = caught
        text = str(warning.message)
        assert "the version of genframe-salt: 0.1.0 in the lock, 0.2.0 here" in text
        assert "the revision of function salt/pinch: 1 in the lock, 2 here" in text
        assert "the source of function salt/pinch" in text
    genframe.resume(run, ["train.steps=4"], quiet=True)
    assert "0.1.0 in the lock, 0.2.0 here" in (run / "log.txt").read_text()
    (row,) = map(json.loads, (run / "resumes.jsonl").read_text().splitlines())
    assert any("genframe-salt: 0.1.0" in text for text in row["differences"])


def test_a_component_that_a_later_version_lacks_leads_to_the_version_of_the_training(
    site: Site, tmp_path: Path
) -> None:
    run = salted(site, tmp_path)
    removed(site)
    site.module("genframe_salt", "raise ImportError('no')")
    site.distribution("genframe-salt", {"salt": "genframe_salt"}, "0.2.0")
    with pytest.raises(GenframeError) as caught:
        genframe.load(run)
    problem = caught.value.problems[0]
    assert "the training had genframe-salt 0.1.0" in problem.message
    assert problem.command == "pip install genframe-salt==0.1.0"


def test_the_same_code_is_no_remark(runs: Callable[[str], Path], vae: Path, recwarn: Any) -> None:
    genframe.load(runs("vae/digits"))
    genframe.load(vae)
    assert [w for w in recwarn if "GF733" in str(w.message)] == []
