"""Samplers of a run: drawn from under a seed, fitted once, and never by a fit that is not theirs."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny import parts_file, same_bits, small, train
from torch import Tensor

from genframe import Model
from genframe.engine import fits as stored_fits
from genframe.engine import samplers
from genframe.errors import GenframeError, RecipeError, RunError
from genframe.recipe.samplers import sampler_of
from genframe.run import Run

PARTS = '''
    import torch
    from torch import nn
    from genframe import Component, Count, hookimpl

    GENFRAME_API = 1

    @hookimpl
    def genframe_samplers():
        return [
            Component("hot", "my_parts:hot"),
            Component("nearby", "my_parts:nearby"),
            Component("centre", "my_parts:Centre"),
            Component("lazy", "my_parts:Lazy"),
            Component("plain", "my_parts:Plain"),
            Component("bad-shape", "my_parts:bad_shape"),
            Component("raises", "my_parts:raises"),
            Component("no-sample", "my_parts:NoSample"),
            Component("unstored", "my_parts:Unstored"),
            Component("hungry", "my_parts:hungry"),
        ]

    def hot(decode, n, *, temperature: float = 2.0):
        """Codes with a wider spread than the prior's."""
        return decode(temperature * torch.randn(n, 3))

    def nearby(data, n):
        return data.first(n)["x"] + 0.1 * torch.rand(n, 1, 28, 28)

    class Centre(nn.Module):
        """Around the mean code."""

        def __init__(self, *, spread: float = 1.0):
            super().__init__()
            self.spread = spread
            self.register_buffer("mean", None)

        def fit(self, encode, data):
            with open("fits.txt", "a") as file:
                file.write(f"{torch.is_grad_enabled()} {self.training} {len(data)}\\n")
            self.mean = torch.cat([encode(batch["x"]) for batch in data.batches(500)]).mean(0)

        def sample(self, decode, n):
            return decode(self.mean + self.spread * torch.randn(n, len(self.mean)))

    class Lazy(nn.Module):
        """A net that is trained on the codes."""

        def __init__(self):
            super().__init__()
            self.net = nn.LazyLinear(3)

        def fit(self, encode, data):
            codes = encode(data.first(50)["x"])
            (self.net(codes) - codes).square().mean().backward()

        def sample(self, decode, n):
            return decode(self.net(torch.randn(n, 3)))

    class Plain:
        def sample(self, sample, n):
            return sample(n)

    def bad_shape(n):
        return torch.zeros(n + 1)

    def raises(n):
        raise ValueError("too hot")

    class NoSample:
        pass

    class Unstored:
        def fit(self, data):
            pass

        def sample(self, n):
            return torch.zeros(n)

    def hungry(score, n):
        return score(n)
'''

BRIEF = "train={steps: 4, checkpoint: {every: 2, keep: 9}, samples: {every: 4, n: 1}, log: {every: 4}}"
NAMED = "{warm: {use: hot, temperature: 1.5}, centre: centre}"


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run whose recipe names two samplers, and whose plugin file offers more."""
    folder = tmp_path_factory.mktemp("samplers")
    parts = parts_file(folder, PARTS)
    recipe = small("vae/digits", BRIEF, f"plugins=[{parts}]", f"samplers={NAMED}", "players.model.ema=0.5")
    return train(recipe, folder / "run")


@pytest.fixture
def run(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy that a test may fit samplers beside; the sampler `centre` writes its fits down."""
    import shutil

    monkeypatch.chdir(tmp_path)
    return Path(shutil.copytree(trained, tmp_path / "run"))


def fits() -> list[str]:
    return Path("fits.txt").read_text().splitlines() if Path("fits.txt").exists() else []


def stored(run: Path) -> list[str]:
    return sorted(path.name for path in run.glob("samplers/*"))


@pytest.mark.parametrize(
    "sampler",
    ["warm", "hot", "nearby", "centre", "lazy", "plain", "mixture", {"use": "hot", "temperature": 0.1}],
)
def test_the_same_seed_draws_the_same_and_another_others(sampler: Any, run: Path) -> None:
    model = Model(run)
    one = model.draw(sampler, 5, seed=1)
    assert one.shape == (5, 1, 28, 28) and not one.requires_grad
    assert same_bits(one, Model(run).draw(sampler, 5, seed=1))
    assert not torch.equal(one, model.draw(sampler, 5, seed=2))
    assert not torch.equal(model.draw(sampler, 5), model.draw(sampler, 5))
    assert model.draw(sampler, 1).shape == (1, 1, 28, 28)


def test_a_metric_that_draws_twice_gets_others_and_measured_again_the_same(run: Path) -> None:
    model = Model(run)
    warm = next(sampler for sampler in model.recipe.samplers if sampler.name == "warm")

    def measured() -> tuple[Tensor, Tensor]:
        with model.outputs.evaluating("metric", "any"):
            return model._drawn(warm, 5), model._drawn(warm, 5)

    (one, two), again = measured(), measured()
    assert not torch.equal(one, two)
    assert same_bits(one, again[0]) and same_bits(two, again[1])


def test_the_recipes_sampler_has_the_recipes_options(run: Path) -> None:
    model = Model(run)
    assert sampler_of(model.recipe, "warm").options == {"temperature": 1.5}
    assert sampler_of(model.recipe, "hot").options == {"temperature": 2.0}
    warm, hot = (model.draw(name, 500, seed=1).flatten(1).std(0).mean() for name in ("warm", "hot"))
    assert warm < hot  # codes further apart decode to pictures further apart


def test_drawing_disturbs_no_generator_and_no_mode(run: Path) -> None:
    model = Model(run)
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    for sampler in ("centre", "hot", "lazy"):
        model.draw(sampler, 2)
    assert torch.equal(torch.rand(2), expected)


def test_a_sampler_is_fitted_once_and_its_fit_is_reused(run: Path) -> None:
    told: list[str] = []
    model = Model(run)
    first = model.draw("centre", 4, seed=1, tell=told.append)
    assert told[0] == "fitting the sampler 'centre' to 5,000 examples of the train split"
    (file,) = stored(run)
    assert file.startswith("centre-00000004-") and file in told[1]
    assert same_bits(first, model.draw("centre", 4, seed=1))
    assert same_bits(first, Model(run).draw("centre", 4, seed=1, tell=told.append))
    assert fits() == ["True True 5000"]
    assert len(told) == 2


@pytest.mark.parametrize(
    "other",
    [
        lambda run: Model(run, raw=True).draw("centre", 4, seed=1),
        lambda run: Model(run, step=2).draw("centre", 4, seed=1),
        lambda run: Model(run).draw({"use": "centre", "spread": 0.5}, 4, seed=1),
        lambda run: Model(run, overrides=["data.validation=3000"]).draw("centre", 4, seed=1),
    ],
    ids=["raw weights", "another checkpoint", "other options", "other data"],
)
def test_a_stale_fit_is_never_used(other: Callable[[Path], Any], run: Path) -> None:
    first = Model(run).draw("centre", 4, seed=1)
    assert not torch.equal(first, other(run))
    assert len(fits()) == 2 and len(stored(run)) == 2


def test_changed_code_and_retrained_weights_are_fitted_anew(run: Path) -> None:
    recipe = Model(run).recipe
    source = Path(recipe.samplers[1].offer.signature().file)
    text = source.read_text()
    try:
        Model(run).draw("centre", 2)
        source.write_text(text.replace("spread * torch.randn", "spread + torch.randn"))
        Model(run).draw("centre", 2)
    finally:
        source.write_text(text)
    assert len(fits()) == 2
    model = Model(run)
    model._samplers.weights = {"decoder.safetensors": "another digest"}
    model.draw("centre", 2)
    assert len(fits()) == 3 and len(stored(run)) == 3


@pytest.mark.parametrize("damage", [b"", b"cut", None])
def test_a_damaged_fit_is_told_and_made_anew(damage: bytes | None, run: Path) -> None:
    first = Model(run).draw("centre", 4, seed=1)
    path = run / "samplers" / stored(run)[0]
    path.write_bytes(path.read_bytes()[:-1] if damage is None else damage)
    told: list[str] = []
    assert same_bits(first, Model(run).draw("centre", 4, seed=1, tell=told.append))
    assert "can't be used and is made anew" in told[0]
    told.clear()
    Model(run).draw("centre", 4, tell=told.append)
    assert told == []


def test_a_fit_of_other_names_is_not_put_into_a_module() -> None:
    module = torch.nn.Linear(2, 3)
    with pytest.raises(ValueError, match="it has no parameter or buffer 'wieght'"):
        stored_fits.restore(module, {"wieght": torch.zeros(1)})
    with pytest.raises(ValueError, match=r"it has no part 'net\.0'"):
        stored_fits.restore(module, {"net.0.bias": torch.zeros(1)})
    with pytest.raises(ValueError, match="the file lacks bias"):
        stored_fits.restore(module, {"weight": torch.zeros(4, 1)})


def test_a_run_that_is_written_to_keeps_no_fit_and_says_so(run: Path) -> None:
    told: list[str] = []
    with Run.open(run, writable=True):
        Model(run).draw("centre", 2, tell=told.append)
    assert "the fit is not stored" in told[1] and "being written by another process" in told[1]
    assert stored(run) == []


def test_a_read_only_run_keeps_no_fit_and_says_so(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", denied)  # root, as whom CI runs, may write anywhere
    told: list[str] = []
    drawn = Model(run).draw("centre", 2, tell=told.append)
    assert drawn.shape == (2, 1, 28, 28)
    assert "the fit is not stored" in told[1] and "Permission denied" in told[1]


def test_a_link_does_not_lead_a_fit_out_of_the_run(run: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (run / "samplers").symlink_to(tmp_path / "elsewhere")
    told: list[str] = []
    Model(run).draw("centre", 2, tell=told.append)
    assert any("leads out of the run's folder" in line for line in told)
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_long_fit_says_how_far_it_is(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(samplers, "TELLING_SECONDS", 0.0)
    told: list[str] = []
    Model(run).draw("centre", 2, tell=told.append)
    assert told[1:3] == ["pass 1: 500 of 5,000 examples", "pass 1: 1,000 of 5,000 examples"]


@pytest.mark.parametrize(
    ("sampler", "code", "says", "nearest"),
    [
        ("warn", "GF301", "there is no sampler 'warn'", "warm"),
        ("mixtur", "GF301", "there is no sampler 'mixtur'", "mixture"),
        ("gaussian", "GF301", "there is no sampler 'gaussian'", None),
        ({"use": "hot", "temprature": 2}, "GF202", "has no option 'temprature'", "temperature"),
        ("{use: hot, temperature: warm}", "GF205", "a number", None),
        ({"temperature": 2}, "GF211", "no sampler is named", None),
        ("[hot]", "GF205", "expected the name of a sampler", None),
        ({"use": object()}, "GF119", "can't stand in a recipe", None),
        ({"use": "hot", "given": {"decode": "deocde"}}, "GF213", "'deocde'", "decode"),
        ({"use": "centre", "given": {"encoder": "encode"}}, "GF213", "is given no 'encoder'", "encode"),
        ("hungry", "GF533", "needs the output 'score'", None),
        ("no-sample", "GF535", "a class with sample(..., n)", None),
        ("unstored", "GF535", "must be a torch.nn.Module", None),
        ("bad-shape", "GF536", "was to give 2 draws (2, ...), and a tensor (3,) came", None),
        ("raises", "GF536", "raised ValueError: too hot", None),
        ({"use": "mixture", "components": 5001}, "GF536", "5001 components need as many codes", None),
    ],
)
def test_what_can_not_be_drawn_is_told(
    sampler: Any, code: str, says: str, nearest: str | None, run: Path
) -> None:
    with pytest.raises(GenframeError) as caught:
        Model(run).draw(sampler, 2, tell=lambda text: None)
    (problem,) = caught.value.problems
    assert problem.code == code and says in problem.message
    assert nearest is None or problem.nearest == nearest
    assert isinstance(caught.value, RunError if code == "GF536" else RecipeError)
    if sampler == "raises":
        assert "my_parts.py:" in problem.message


def test_the_lock_and_the_explanation_name_the_samplers(run: Path) -> None:
    from genframe.explain import explain

    components = json.loads((run / "lock.json").read_text())["components"]
    assert components["samplers.warm"]["name"] == "my_parts/hot"
    assert components["samplers.centre"]["kind"] == "sampler"
    warm, centre = explain(Model(run).recipe)["samplers"]
    assert warm == {
        "name": "warm",
        "component": "my_parts/hot",
        "options": {"temperature": 1.5},
        "asks": {"decode": "decode", "n": "n"},
    }
    assert list(centre["asks"]) == ["decode", "n", "encode", "data"]


def test_a_sampler_that_was_fitted_under_a_name_is_drawn_from_by_it(run: Path) -> None:
    told: list[str] = []
    model = Model(run)
    file = model.fit_sampler({"use": "centre", "spread": 0.5}, "narrow", tell=told.append)
    assert stored(run) == [Path(file).name, "narrow.json"]
    assert told[0].startswith("fitting the sampler 'narrow'")
    again = Model(run).draw("narrow", 3, seed=1, tell=told.append)
    assert len(fits()) == 1  # drawn from, and not fitted again
    wide = Model(run).draw({"use": "centre", "spread": 3.0}, 500, seed=1, tell=told.append)
    narrow = Model(run).draw("narrow", 500, seed=1, tell=told.append)
    assert narrow.flatten(1).std(0).mean() < wide.flatten(1).std(0).mean()
    block = {"use": "centre", "spread": 2.0}
    Model(run).fit_sampler(block, "narrow", tell=told.append)  # the name means something else
    assert not torch.equal(again, Model(run).draw("narrow", 3, seed=1, tell=told.append))


def test_the_recipes_own_sampler_is_fitted_by_its_name(run: Path) -> None:
    assert Model(run).fit_sampler("centre", tell=lambda text: None).startswith("samplers/centre-00000004-")


def test_a_name_that_was_kept_goes_into_a_packed_file(run: Path, tmp_path: Path) -> None:
    from genframe.pack import pack

    Model(run).fit_sampler("use: mixture\ncomponents: 2", "two", tell=lambda text: None)
    expected = Model(run).draw("two", 3, seed=1)
    packed = pack(run, tmp_path / "one.genframe").path
    opened = Model(packed, trust_code=True)
    assert same_bits(expected, opened.draw("two", 3, seed=1, tell=lambda text: pytest.fail("fitted again")))
    with pytest.raises(RecipeError, match="a packed file stays as it is"):
        opened.fit_sampler("mixture", "more")


@pytest.mark.parametrize(
    ("sampler", "name", "code", "says"),
    [
        ("hot", None, "GF539", "'hot' (my_parts/hot) has nothing to fit"),
        ("plain", "p", "GF539", "nothing to fit"),
        ("mixture", "centre", "GF539", "the recipe has a sampler 'centre' of its own"),
        ("mixture", "../up", "GF539", "no name for a sampler"),
        ("mixtur", None, "GF301", "there is no sampler 'mixtur'"),
    ],
)
def test_what_can_not_be_fitted_is_told_and_leaves_nothing(
    sampler: str, name: str | None, code: str, says: str, run: Path
) -> None:
    with pytest.raises(RecipeError) as caught:
        Model(run).fit_sampler(sampler, name)
    assert caught.value.problems[0].code == code and says in caught.value.problems[0].message
    assert not stored(run)


def test_of_a_fit_that_failed_no_name_is_left(run: Path) -> None:
    with pytest.raises(GenframeError):
        Model(run).fit_sampler({"use": "mixture", "components": 100_000}, "big")
    assert not (run / "samplers" / "big.json").exists()
