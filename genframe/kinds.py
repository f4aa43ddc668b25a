"""The kinds of component: one table, from which hooks, recipe slots, checks and listings follow."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of component.

    `slots` are the recipe keys that hold one instance and several (empty where instances stand elsewhere).
    `folds` marks what is written for (batch, ...): the engine folds the sample dimensions in front of it.
    """

    name: str
    plural: str
    summary: str
    slotted: bool = True
    folds: bool = False

    @property
    def hook(self) -> str:
        return f"genframe_{self.plural}"


_ROWS = (
    Kind("encoder", "encoders", "x, [condition ...] -> tensor: a vector or a map", folds=True),
    Kind("decoder", "decoders", "z, [condition ...] -> tensor of out_shape", folds=True),
    Kind("prior", "priors", "[encoder, posterior ...] -> distribution; offers event_shape"),
    Kind(
        "discriminator", "discriminators", "x, [z or condition ...] -> Verdict(score, features)", folds=True
    ),
    Kind("noise", "noises", "x -> (noised x, level)", folds=True),
    Kind("loss", "losses", "wires, components -> 0-dim or (batch,) tensor, or Terms"),
    Kind("posterior", "posteriors", "features -> distribution over the latent"),
    Kind("likelihood", "likelihoods", "features -> distribution over the data; offers takes(data_shape)"),
    Kind("function", "functions", "tensors -> tensor(s)"),
    Kind("dataset", "datasets", "offers spec(): wires, shapes, dtypes, classes, lengths", slotted=False),
    Kind("metric", "metrics", "outputs, data -> named figures with their protocol", slotted=False),
    Kind(
        "sampler",
        "samplers",
        "outputs, [data], n -> draws (n, ...); may be fitted to the data first",
        slotted=False,
    ),
    Kind("tracker", "trackers", "is handed a run's rows and pictures as they come", slotted=False),
    Kind("alarm", "alarms", "rows of figures, wires -> what is wrong, and what to try", slotted=False),
    Kind("optimizer", "optimizers", "parameters -> torch optimizer", slotted=False),
    Kind("schedule", "schedules", "step, steps_per_epoch -> number", slotted=False),
)

KINDS: dict[str, Kind] = {row.name: row for row in _ROWS}
"""Every kind by its name."""

SLOTS: dict[str, tuple[Kind, bool]] = {
    key: (row, several)
    for row in _ROWS
    if row.slotted
    for key, several in ((row.name, False), (row.plural, True))
}
"""Recipe key -> (kind, whether it holds several instances): `encoder`, `encoders`, `loss`, `losses` ..."""
