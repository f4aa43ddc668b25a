"""A place where a dataset is watched: an empty working folder, no network, the generators' states seen."""

from __future__ import annotations

import os
import random
import socket
import sys
import tempfile
from collections.abc import Iterator
from contextlib import chdir, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

import torch


class NetworkNeeded(OSError):
    """What asks for the network in a sandbox gets this."""


@dataclass
class Seen:
    """What happened in a sandbox: hosts that were asked for, files that were left, generators that moved."""

    hosts: list[str] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    moved: list[str] = field(default_factory=list)


@contextmanager
def sandbox(data_root: bool = True) -> Iterator[Seen]:
    """Within: a working folder of its own, and no network; with `data_root` False nothing in the data root either."""
    seen = Seen()

    def refuse(host: Any = "", *_: Any, **__: Any) -> Any:
        seen.hosts.append(str(host))
        raise NetworkNeeded(f"the kit lets nothing through to the network: {host}")

    with tempfile.TemporaryDirectory() as name:
        folder, empty = Path(name, "work"), Path(name, "data")
        folder.mkdir()
        environment = {} if data_root else {"GENFRAME_DATA": str(empty)}
        states = _states()
        with (
            chdir(folder),
            mock.patch.dict(os.environ, environment),
            mock.patch.object(socket, "getaddrinfo", refuse),
            mock.patch.object(socket.socket, "connect", lambda self, address: refuse(address)),
        ):
            yield seen
        seen.files = sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))
        seen.moved = [what for what, state in _states().items() if state != states.get(what, state)]


def _states() -> dict[str, Any]:
    """The state of each global generator; numpy's where numpy is there."""
    states: dict[str, Any] = {"torch": torch.get_rng_state().tolist(), "random": random.getstate()}
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        name, keys, *rest = numpy.random.get_state()
        states["numpy.random"] = (name, keys.tolist(), *rest)
    return states


@contextmanager
def seeded_otherwise(seed: int) -> Iterator[None]:
    """Within: the global generators as another program might have left them; afterwards as they were."""
    numpy = sys.modules.get("numpy")
    kept = random.getstate(), numpy.random.get_state() if numpy else None
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        random.seed(seed)
        if numpy:
            numpy.random.seed(seed)
        try:
            yield
        finally:
            random.setstate(kept[0])
            if numpy:
                numpy.random.set_state(kept[1])
