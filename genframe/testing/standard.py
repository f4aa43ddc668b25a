"""The smallest recipe that uses a component, for each kind: what a new plugin ships and a component is tested in.

Everything else in it is first-party and tiny: fully connected nets, which take data of any shape, on the digits
that ship with genframe. Torch-free.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from textwrap import dedent
from typing import Any

from genframe.recipe.dump import dump

Tree = dict[str, Any]

RESTORER = "restorer"
"""Instead of a kind: a decoder that takes no latent, but a picture of the size of the data."""

_NET = {"use": "mlp", "hidden": [32]}
_DATA = {"use": "digits", "batch_size": 64}
_CODER: Tree = {"data": _DATA, "encoder": _NET, "decoder": _NET}
_PRIOR: Tree = {"prior": {"use": "gaussian", "dim": 4}}

_VAE: Tree = {"pipeline": "vae", **_CODER, **_PRIOR}
_DAE: Tree = {"pipeline": "dae", **_CODER}
_RBM: Tree = {"pipeline": "rbm", "data": _DATA, "priors": {"rbm": {"hidden": 16, "chains": 10, "sweeps": 5}}}
_GAN: Tree = {"pipeline": "gan", "data": _DATA, **_PRIOR, "decoder": _NET, "discriminator": _NET}


@dataclass(frozen=True, slots=True)
class Subject:
    """The component that a recipe is about.

    block: as the recipe writes it, `{"use": "salt/salt", "amount": 0.1}`.
    takes: the names of a function's or loss's positional parameters; methods: those of a class.
    needs: what it says it requires of data, such as `labels`.
    """

    block: Mapping[str, Any]
    takes: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()

    @property
    def use(self) -> str:
        return str(self.block["use"])

    @property
    def options(self) -> Tree:
        return {key: value for key, value in self.block.items() if key != "use"}

    def call(self, name: str, known: Sequence[str]) -> str:
        """A call of the instance `name`: empty where the recipe has every name, else x and what was made of it."""
        if set(self.takes) <= set(known):
            return f"{name}()"
        pictures = iter(("x", *("p_x.mean" for _ in self.takes)))
        return f"{name}({', '.join(one if one in known else next(pictures) for one in self.takes)})"


def _at(base: Tree, key: str) -> Callable[[Subject], Tree]:
    """`base` with the component under `key`."""
    return lambda subject: {**base, key: subject.block}


def _data(subject: Subject) -> Tree:
    """A likelihood for values of any size: data need not lie in [0, 1]."""
    data = {"use": subject.use, "batch_size": _DATA["batch_size"], **subject.options}
    return {**_VAE, "data": data, "likelihood": "gaussian"}


def _schedule(subject: Subject) -> Tree:
    return {**_VAE, "optimizer": {"use": "adam", "lr": {subject.use: subject.options}}}


def _loss(subject: Subject) -> Tree:
    """The first setting that has the wires which the loss asks for; where none has, two pictures to compare."""
    if {"critic", "generator"} <= set(subject.methods):
        return {**_GAN, "loss": subject.block}
    if not subject.takes:
        return {**_VAE, "loss": subject.block}
    fitting = (made for known, made in _LOSSES if set(subject.takes) <= set(known))
    return next(fitting, _compared)(subject)


def _of_machine(subject: Subject) -> Tree:
    """As what trains a Boltzmann machine."""
    wires = {"objective": subject.call("loss", _RBM_WIRES)}
    return {**_RBM, "loss": subject.block, "wires": wires}


def _compared(subject: Subject) -> Tree:
    """As the one loss of a denoising autoencoder: between the clean picture and the restored one."""
    wires = {"objective": subject.call("loss", _DAE_WIRES)}
    return {**_DAE, "loss": subject.block, "wires": wires}


def _beside_elbo(subject: Subject) -> Tree:
    """As a term beside the evidence lower bound, which teaches what the loss may not reach."""
    return {**_VAE, **_term(subject, "model", _VAE_WIRES)}


def _beside_critic(subject: Subject) -> Tree:
    return {**_GAN, **_term(subject, "critic", _GAN_WIRES)}


def _term(subject: Subject, player: str, known: Sequence[str]) -> Tree:
    return {
        "losses": {"extra": subject.block},
        "wires": {"extra_loss": subject.call("extra", known)},
        "players": {player: {"minimises": {"extra_loss": 1}}},
    }


def _noise(subject: Subject) -> Tree:
    """What a denoising autoencoder corrupts by; noise on labels is a wire that nothing uses."""
    if "labels" in subject.needs:
        return {**_VAE, "noise": subject.block, "wires": {"y_noised, y_level": "noise(y)"}}
    data = {**_DATA, "binarise": "threshold"} if "bits" in subject.needs else _DATA
    return {**_DAE, "data": data, "noise": subject.block}


def _function(subject: Subject) -> Tree:
    """Of one tensor: of the data and of what the model makes of them, whose distance is a second term.

    Of several, or of a wire by its name that is not x, it is a wire that nothing uses.
    """
    if len(subject.takes) > 1 or set(subject.takes) & {*_VAE_WIRES} - {"x"}:
        return {**_VAE, "function": subject.block, "wires": {"changed": subject.call("function", _VAE_WIRES)}}
    if subject.takes and set(subject.takes) <= {*_GAN_WIRES} - {"x"}:
        return {**_GAN, "function": subject.block, "wires": {"changed": subject.call("function", _GAN_WIRES)}}
    wires = {"likeness": "mse(function(x), function(p_x.mean))"}
    players = {"model": {"minimises": {"likeness": 1}}}
    return {**_VAE, "function": subject.block, "wires": wires, "players": players}


def _watched(subject: Subject) -> Tree:
    """In the first game whose wires it may ask for: that of a critic, which has the others' names too, for a class."""
    base = _GAN if not subject.takes or set(subject.takes) <= {*_GAN_WIRES} else _VAE
    return {**base, "watch": {"it": subject.block}}


_VAE_WIRES = (
    "x",
    "y",
    "q_z",
    "z",
    "p_z",
    "p_x",
    "observe",
    "infer",
    "encoder",
    "decoder",
    "posterior",
    "prior",
)
_DAE_WIRES = ("x", "y", "p_x", "x_noised", "x_level", "restore", "encoder", "decoder", "noise")
_GAN_WIRES = ("x", "y", "p_z", "fake", "real_verdict", "fake_verdict", "generate", "decoder", "discriminator")

_RBM_WIRES = ("x", "y", "p_x", "rbm", "noise")

_LOSSES: tuple[tuple[tuple[str, ...], Callable[[Subject], Tree]], ...] = (
    (("x", "p_x"), _compared),
    (_RBM_WIRES, _of_machine),
    (_VAE_WIRES, _beside_elbo),
    (_GAN_WIRES, _beside_critic),
)

_RECIPES: dict[str, Callable[[Subject], Tree]] = {
    RESTORER: lambda subject: {"pipeline": "denoiser", "data": _DATA, "decoder": subject.block},
    "encoder": _at(_VAE, "encoder"),
    "decoder": _at(_VAE, "decoder"),
    "prior": _at(_VAE, "prior"),
    "discriminator": _at(_GAN, "discriminator"),
    "noise": _noise,
    "loss": _loss,
    "posterior": _at(_VAE, "posterior"),
    "likelihood": _at(_VAE, "likelihood"),
    "function": _function,
    "dataset": _data,
    "metric": lambda subject: {**_VAE, "evaluate": [subject.block]},
    "sampler": lambda subject: {**_VAE, "samplers": {"drawn": subject.block}},
    "tracker": lambda subject: {**_VAE, "track": [subject.block]},
    "alarm": _watched,
    "optimizer": _at(_VAE, "optimizer"),
    "schedule": _schedule,
}


def recipe(
    kind: str,
    use: str,
    plugins: Sequence[str] = (),
    options: Mapping[str, Any] | None = None,
    *,
    takes: Sequence[str] = (),
    methods: Sequence[str] = (),
    needs: Sequence[str] = (),
) -> Tree:
    """The recipe that `recipe_text` writes, as a mapping."""
    block = {"use": use, **(options or {})}
    made = _RECIPES[kind](Subject(block, tuple(takes), tuple(methods), tuple(needs)))
    head: Tree = {"genframe": 1, "name": f"{use.partition('/')[0]}-{kind}", "pipeline": made["pipeline"]}
    listed: Tree = {"plugins": list(plugins)} if plugins else {}
    return {**head, **listed, **made, "train": {"epochs": 2}}


def recipe_text(
    kind: str,
    use: str,
    plugins: Sequence[str] = (),
    options: Mapping[str, Any] | None = None,
    *,
    takes: Sequence[str] = (),
    methods: Sequence[str] = (),
) -> str:
    """The YAML of the smallest recipe that uses the component `use` (owned, `salt/salt`, or bare) of `kind`.

    plugins: what the recipe lists. options: those of the component. takes: the positional parameters of a loss
    or a function, and methods, the public ones of a class: by these a loss is put where its wires are. A class
    with `critic` and `generator` is the loss of a GAN; what asks for names that no wire has is given x and p_x.mean.
    Raises KeyError for no kind.
    """
    tree = recipe(kind, use, plugins, options, takes=takes, methods=methods)
    return dedent(
        dump({"recipe": tree}).partition("\n")[2]
    )  # one level in, dump writes short blocks on one line
