"""The whole extension surface: one hook a kind, each of which returns data.

A plugin is a module (found by an entry point of the group `genframe`, or a file named on the command line or
in a recipe) with functions marked `@hookimpl`. A hook returns components; their targets are imported only
when a recipe builds them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pluggy

GENFRAME_API = 1
"""The version of the plugin API. A plugin states the one it was written for as a constant of this name."""

hookspec = pluggy.HookspecMarker("genframe")
hookimpl = pluggy.HookimplMarker("genframe")


@dataclass(frozen=True, slots=True)
class Component:
    """One part that a plugin offers under a kind (its hook) and a name.

    name: lower case, words joined by `-`; owned as `plugin/name`.
    target: `package.module:Attribute`, imported only when built.
    summary: one line; else the first line of the target's docstring.
    aliases: former names; using one works and says the new name.
    needs: what its data are, where not any float tensor will do: `image`, `labels`, `bits`.
    revision: raised when the same options give different numbers; recorded in a run's lock.
    config: `package.module:Dataclass`, torch-free, where the target's signature cannot be read from source.
    deprecated: what to use instead (`salt/pepper`), where the component is to go; using one works and says so.
    example: options that the conformance kit builds it with, where a required one can't be guessed.
    """

    name: str
    target: str
    summary: str = ""
    aliases: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    revision: int = 1
    config: str | None = None
    deprecated: str = ""
    example: Mapping[str, Any] | None = field(default=None, compare=False)


@hookspec
def genframe_encoders() -> Iterable[Component]:
    """Networks from data (and conditions) to features."""
    return ()


@hookspec
def genframe_decoders() -> Iterable[Component]:
    """Networks from latents (and conditions) to what a likelihood takes."""
    return ()


@hookspec
def genframe_priors() -> Iterable[Component]:
    """Distributions over latents."""
    return ()


@hookspec
def genframe_discriminators() -> Iterable[Component]:
    """Critics: from data to a `Verdict`."""
    return ()


@hookspec
def genframe_noises() -> Iterable[Component]:
    """Noise injectors: from a value to the noised value and its level."""
    return ()


@hookspec
def genframe_losses() -> Iterable[Component]:
    """Losses and regularisers: from wires and components to a term."""
    return ()


@hookspec
def genframe_posteriors() -> Iterable[Component]:
    """From an encoder's features to a distribution over latents."""
    return ()


@hookspec
def genframe_likelihoods() -> Iterable[Component]:
    """From a decoder's features to a distribution over data."""
    return ()


@hookspec
def genframe_functions() -> Iterable[Component]:
    """Small pure tensor functions for wires."""
    return ()


@hookspec
def genframe_datasets() -> Iterable[Component]:
    """Data: what wires it provides, and their tensors."""
    return ()


@hookspec
def genframe_metrics() -> Iterable[Component]:
    """Figures computed from a recipe's outputs and its data."""
    return ()


@hookspec
def genframe_samplers() -> Iterable[Component]:
    """Ways to draw from a trained run."""
    return ()


@hookspec
def genframe_trackers() -> Iterable[Component]:
    """Receivers of a run's rows and pictures."""
    return ()


@hookspec
def genframe_alarms() -> Iterable[Component]:
    """Watchers of a training's figures, who say what is wrong and what to try."""
    return ()


@hookspec
def genframe_optimizers() -> Iterable[Component]:
    """Optimizers: parameters to a torch optimizer."""
    return ()


@hookspec
def genframe_schedules() -> Iterable[Component]:
    """Numbers that change with the step."""
    return ()


@hookspec
def genframe_recipes() -> Iterable[Path]:
    """Folders of YAML recipes; the files under `pipelines/` in one are pipelines."""
    return ()
