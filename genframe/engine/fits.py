"""Fits of samplers, stored beside a run: `samplers/NAME-STEP-KEY.safetensors`.

KEY is a digest of all that a fit follows from: the component and its source, its options, the weights, the settings
that a model was opened with; so a fit is never used for others.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import torch
from safetensors.torch import save as serialised
from torch import Tensor, nn

from genframe import durable
from genframe.digests import source_digest
from genframe.recipe.model import Instance
from genframe.recipe.resolve import plain
from genframe.run import Run

FOLDER = "samplers"

BLOCK = ".json"
"""`samplers/NAME.json` says what a sampler's NAME means: the block of a recipe."""


def key(sampler: Instance, facts: Mapping[str, Any]) -> str:
    """A digest of a sampler and of the `facts` about the model that it is fitted to."""
    own = {
        "name": sampler.name,
        "component": sampler.offer.name,
        "revision": sampler.offer.component.revision,
        "source": source_digest(sampler.offer),
        "options": plain(sampler.options),
        "given": sampler.given,
    }
    return hashlib.sha256(json.dumps({**facts, **own}, sort_keys=True, default=repr).encode()).hexdigest()


def file_name(sampler: Instance, step: int, key: str) -> str:
    """What the file of a fit is called."""
    return f"{sampler.name}-{step:08d}-{key[:12]}.safetensors"


def require_writable(run: Run) -> None:
    """Raise RunError where nothing can be kept: told before the work."""
    with Run.open(run.folder, writable=True) as writer:
        writer.path(FOLDER).mkdir(exist_ok=True)


def keep(run: Run, sampler: Instance) -> None:
    """Note beside a run what is meant by a sampler's name: its component, options and what it is given.

    Raises RunError where the folder can't be written to.
    """
    block = {"use": sampler.offer.name, **plain(sampler.options)}
    block |= {"given": dict(sampler.given)} if sampler.given else {}
    with Run.open(run.folder, writable=True) as writer:
        writer.path(FOLDER).mkdir(exist_ok=True)
        writer.write_json(f"{FOLDER}/{sampler.name}{BLOCK}", block)


def kept(texts: Mapping[str, bytes]) -> dict[str, dict[str, Any]]:
    """The blocks that were kept, by name, from the contents of their files; what is no block is none."""
    found: dict[str, dict[str, Any]] = {}
    for name, text in texts.items():
        try:
            block = json.loads(text)
        except ValueError:
            continue
        if isinstance(block, dict) and isinstance(block.get("use"), str):
            found[name.removesuffix(BLOCK)] = block
    return found


def store(run: Run, file: str, module: nn.Module) -> None:
    """Write a fit into a run's folder. Raises RunError where that can't be written to."""
    state = {
        name: tensor.detach().cpu().clone(memory_format=torch.contiguous_format)
        for name, tensor in module.state_dict().items()
    }
    with Run.open(run.folder, writable=True) as writer, durable.reported(file, run.folder):
        path = writer.path(FOLDER, file)
        path.parent.mkdir(exist_ok=True)
        durable.write_bytes(path, serialised(state))


def restore(module: nn.Module, state: Mapping[str, Tensor]) -> None:
    """Put a stored state into a new module, whatever shapes it was built with: None buffers and lazy ones too.

    Raises ValueError where the names differ.
    """
    for name, tensor in state.items():
        owner_name, _, leaf = name.rpartition(".")
        try:
            owner = module.get_submodule(owner_name)
        except AttributeError as error:
            raise ValueError(f"it has no part {owner_name!r}") from error
        if leaf in owner._parameters:
            owner._parameters[leaf] = nn.Parameter(tensor.clone(), tensor.is_floating_point())
        elif leaf in owner._buffers:
            owner._buffers[leaf] = tensor.clone()
        else:
            raise ValueError(f"it has no parameter or buffer {name!r}")
    missing = sorted(module.state_dict().keys() - state.keys())
    if missing:
        raise ValueError(f"the file lacks {', '.join(missing)}")
