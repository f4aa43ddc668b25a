"""The smallest recipe of each kind is a recipe: it loads, compiles and trains."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from tiny import batch_of, parts_file, rows, saved, stepper_of, train

from genframe.compiling import compile_plan
from genframe.discovery import discover
from genframe.kinds import KINDS
from genframe.methods import asked
from genframe.recipe import load_recipe
from genframe.registry import Offer
from genframe.signature import REQUIRED
from genframe.testing.standard import Tree, recipe, recipe_text

SHORT = ("train.epochs=null", "train.steps=5", "train.log.every=1", "data.batch_size=16", "device=cpu")

OPTIONS: dict[str, dict[str, Any]] = {
    "prior": {"dim": 3},
    "schedule": {"from": 1e-3, "to": 1e-4, "steps": 20},
    "optimizer": {"lr": 0.01},
}

PARTS = """
    import torch

    from genframe import Component, hookimpl

    GENFRAME_API = 1

    @hookimpl
    def genframe_samplers():
        return [Component("decoded", "my_parts:decoded")]

    @hookimpl
    def genframe_trackers():
        return [Component("counted", "my_parts:Counted")]

    def decoded(decode, n, *, std: float = 1.0):
        return decode(std * torch.randn(n, 4))

    class Counted:
        def __init__(self):
            self.rows = []

        def log(self, row):
            self.rows.append(row)
"""

ELSEWHERE = {
    "decoder-nets/unet": "it goes from pictures to pictures: the kit trains it in the recipe RESTORER",
    "decoder-dae/gsn": "it asks for the recipe's noise: the pipeline gsn trains it",
    "likelihood-vae/categorical": "it is a law of labels: recipes/noise/gradient-noise.yaml trains it",
    "likelihood-vae/columns": "it is a law of the columns of a table: recipes/vae/table.yaml trains it",
    "function-factors/clamped": "it asks for batches that vary one factor: recipes/vae/dc-ign-sprites.yaml trains it",
    "loss-dae/score-matching": "it compares scores, not pictures: recipes/dae/langevin-ring.yaml trains it",
    "function-functions/rotate90": "it gives labels too: recipes/gan/ssgan-digits.yaml trains it",
    "function-gan/ada": "it is a chance that follows a critic: recipes/gan/noise/adaptive.yaml trains it",
    "loss-gan/told-apart": "it compares logits of kinds: recipes/gan/noise/kinds.yaml trains it",
    "loss-gan/d2gan": "it is a game of two critics: recipes/gan/d2gan-ring.yaml trains it",
    "loss-directed/wake-sleep": "it is two losses of two players: recipes/directed/belief-digits.yaml trains it",
    "loss-directed/reweighted-wake-sleep": (
        "it is two losses of two players: recipes/directed/reweighted-digits.yaml trains it"
    ),
    "loss-vae/log-ratio": "it is a discriminator's word on codes: recipes/vae/factor-digits.yaml trains it",
    "loss-vae/marginalised": "it asks for a classifier: recipes/vae/semi-supervised-digits.yaml trains it",
    "posterior-directed/sigmoid-belief": (
        "its codes have no gradient, so it is a player: recipes/directed/belief-digits.yaml trains it"
    ),
    "prior-directed/masked-conv": "it is a law of maps of one-hot codes: recipes/vae/vq-digits.yaml trains it",
    "posterior-vae/vq": "it has no density, and a loss of its own: recipes/vae/vq-digits.yaml trains it",
    "prior-vae/uniform": (
        "a Gaussian posterior is infinitely far from it: recipes/gan/gmmn-digits.yaml trains a decoder on it"
    ),
}
"""Components that the smallest recipe of their kind is not made for, and the recipe that trains them."""

SAMPLES: Tree = {"wires": {"z": "q_z.rsample([2, 3])"}}
BITS: Tree = {"prior": {"use": "vae/bernoulli", "dim": 4}}
OF_BITS: Tree = {"posterior": "vae/bernoulli"}

BESIDE: dict[str, Tree] = {
    **{f"loss-vae/{name}": SAMPLES for name in ("iwae", "stl", "dreg", "miwae", "ciwae")},
    "loss-vae/nvil": {
        **BITS,
        "posterior": {"use": "vae/bernoulli", "gradient": "none"},
        "wires": {"z": "q_z.sample()"},
        "players": {"model": {"trains": ["encoder", "posterior", "prior", "decoder", "likelihood", "loss"]}},
    },
    "posterior-vae/bernoulli": BITS,
    "posterior-vae/concrete": BITS,
    "posterior-vae/gumbel-softmax": {"prior": {"use": "vae/categorical", "dim": 4}},
    "posterior-vae/categorical": {"prior": {"use": "vae/categorical", "dim": 4}},
    "posterior-vae/deterministic": {
        "loss": "vae/rae",
        "outputs": {"elbo_parts(x)": None, "log_weights(x, k)": None},
        "evaluate": dict.fromkeys(("elbo", "rate-distortion", "active-units", "log-likelihood")),
    },
    "posterior-vae/von-mises-fisher": {"prior": {"use": "vae/sphere", "dim": 4}},
    "prior-boltzmann/rbm": OF_BITS,
    "prior-directed/logistic-autoregressive": OF_BITS,
    "prior-directed/made": OF_BITS,
    "prior-directed/nade": OF_BITS,
    "prior-directed/sigmoid-belief": OF_BITS,
    "prior-vae/bernoulli": OF_BITS,
    "prior-vae/categorical": {"posterior": "vae/categorical"},
    "prior-vae/sphere": {"posterior": "vae/von-mises-fisher"},
}
"""What the smallest recipe is given beside a component: the law of the same codes, the loss or samples it is for."""

FIRST = {
    "decoder": "mlp",
    "sampler": "my_parts/decoded",
    "tracker": "my_parts/counted",
    "dataset": "moons",
    "loss": "elbo",
    "noise": "gaussian",
    "prior": "vae/gaussian",
    "posterior": "vae/gaussian",
}
"""Of the other kinds it is the first that is installed."""


def written(folder: Path, kind: str, use: str, **words: Any) -> Path:
    path = folder / "recipe.yaml"
    plugins = [str(parts_file(folder, PARTS))] if use.startswith("my_parts/") else []
    path.write_text(recipe_text(kind, use, plugins, OPTIONS.get(kind), **words))
    return path


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_a_recipe_that_trains(kind: str, tmp_path: Path) -> None:
    use = FIRST.get(kind) or discover().offers(kind)[0].bare
    run = train(load_recipe(written(tmp_path, kind, use), SHORT), tmp_path / "run")
    assert [row["step"] for row in rows(run)] == [1, 2, 3, 4, 5]
    assert int(saved(run)["step"]) == 5


def asked_for(offer: Offer) -> dict[str, Any]:
    """What the recipe wants to know of a loss or a function."""
    target = offer.load()
    if inspect.isclass(target):
        return {"methods": [name for name in vars(target) if not name.startswith("_")]}
    return {"takes": offer.signature().givens}


def merged(tree: Tree, changes: Tree) -> Tree:
    """The recipe with what is changed; blocks are merged, and a block of a component is replaced."""
    both = {
        key: merged(tree[key], value)
        for key, value in changes.items()
        if isinstance(value, dict) and isinstance(tree.get(key), dict) and "use" not in value
    }
    return {**tree, **changes, **both}


INSTALLED = [offer for offer in discover(blocked="all").offers() if offer.first_party]


@pytest.mark.parametrize("offer", INSTALLED, ids=lambda offer: f"{offer.kind}-{offer.name}")
def test_every_first_party_component_fits_the_recipe_of_its_kind(offer: Offer, tmp_path: Path) -> None:
    subject = f"{offer.kind}-{offer.name}"
    if subject in ELSEWHERE:
        pytest.skip(ELSEWHERE[subject])
    options = offer.signature().options
    required = {key for key, option in options.items() if option.default is REQUIRED}
    given: dict[str, Any] = {"dim": 3, "from": 1e-3, "to": 1e-4, "values": [1e-3, 1e-4]}
    if offer.bare == "steps":
        required |= {"steps"}
        given["steps"] = [2]
    elif "epochs" in options:
        required |= {"epochs"}
        given["epochs"] = 1
    if not required <= given.keys():
        pytest.skip(f"it wants {sorted(required - given.keys())}, which are the user's own")
    words = asked_for(offer) if offer.kind in ("loss", "function") else {"needs": offer.component.needs}
    if offer.kind == "alarm":
        words["takes"] = asked(offer) or ()
    tree = recipe(offer.kind, offer.name, options={key: given[key] for key in sorted(required)}, **words)
    tree = merged(tree, BESIDE.get(subject, {}))
    plan = compile_plan(load_recipe(tree, SHORT))
    stepper = stepper_of(plan)
    for step in range(5):
        stepper.step(step, batch_of(plan))
    history = stepper.take_history()
    assert history
    assert all(len(values) == 5 for values in history.values())


@pytest.mark.parametrize("subject", ELSEWHERE)
def test_what_is_trained_elsewhere_is_named_there(subject: str) -> None:
    reason, name = ELSEWHERE[subject], subject.rpartition("/")[2]
    root = Path(__file__).parents[2]
    named = [root / word.rstrip(":") for word in reason.split() if word.startswith("recipes/")]
    if "the pipeline gsn" in reason:
        named = [root / "plugins/dae/pipelines/gsn.yaml"]
    assert named or "the recipe RESTORER" in reason
    for path in named:
        assert {name, name.replace("-", "_")} & {*re.findall(r"[\w-]+", path.read_text())}


@pytest.mark.parametrize("table", [ELSEWHERE, BESIDE], ids=["elsewhere", "beside"])
def test_no_component_is_spoken_of_that_is_not_there(table: dict[str, object]) -> None:
    assert table.keys() <= {f"{offer.kind}-{offer.name}" for offer in INSTALLED}


@pytest.mark.parametrize(
    ("takes", "pipeline", "call"),
    [
        (("x", "p_x"), "dae", "loss()"),
        (("a", "b"), "dae", "loss(x, p_x.mean)"),
        (("q_z", "p_z"), "vae", "extra()"),
        (("x", "discriminator"), "gan", "extra()"),
    ],
)
def test_a_loss_is_put_where_its_wires_are(takes: tuple[str, ...], pipeline: str, call: str) -> None:
    tree = recipe("loss", "mine/mine", takes=takes)
    assert tree["pipeline"] == pipeline
    assert call in tree["wires"].values()


def test_a_loss_of_both_sides_is_the_loss_of_a_gan() -> None:
    tree = recipe("loss", "hinge", methods=("critic", "generator"))
    assert (tree["pipeline"], tree["loss"]) == ("gan", {"use": "hinge"})


def test_the_text_says_what_the_mapping_says() -> None:
    tree = recipe("noise", "salt/salt", ["salt"], {"amount": [0.1, 0.3]})
    assert yaml.safe_load(recipe_text("noise", "salt/salt", ["salt"], {"amount": [0.1, 0.3]})) == tree
    assert tree["plugins"] == ["salt"]
    assert tree["noise"] == {"use": "salt/salt", "amount": [0.1, 0.3]}


def test_a_recipe_is_written_without_torch() -> None:
    code = "import sys; from genframe.testing.standard import recipe_text; recipe_text('noise', 'a/b'); "
    code += "assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
