"""Reads what wandb wrote: the records of a .wandb file.

A header of 7 bytes, then LevelDB's log format: blocks of 32 KiB, in each fragments of a checksum (4 bytes), a length
(2) and a type (1): whole, first, middle or last part of a record.
"""

from __future__ import annotations

import json
import struct
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from wandb.proto.wandb_internal_pb2 import Record

BLOCK, HEADER = 32 * 1024, 7


def records(path: Path) -> list[Record]:
    """All of them. wandb may still be writing when its `finish` has returned: waits for the last, the exit."""
    deadline = time.monotonic() + 30
    while True:
        found = list(_whole(path))
        if (found and found[-1].HasField("exit")) or time.monotonic() > deadline:
            return found
        time.sleep(0.05)


def _whole(path: Path) -> Iterator[Record]:
    data, at, parts = path.read_bytes(), HEADER, b""
    assert data[:4] == b":W&B"
    while at + HEADER <= len(data):
        left = BLOCK - at % BLOCK
        if left < HEADER:
            at += left  # a block's tail is too short for a fragment
            continue
        length, kind = struct.unpack_from("<HB", data, at + 4)
        parts += data[at + HEADER : at + HEADER + length]
        at += HEADER + length
        if kind in (1, 4):
            yield Record.FromString(parts)
            parts = b""


def the_file(run: Path) -> Path:
    """The one .wandb file of a run."""
    (path,) = run.glob("wandb/*run-*/run-*.wandb")
    return path


def history(path: Path) -> list[dict[str, Any]]:
    """The logged rows, in order, keys as they were given."""
    return [_values(record.history.item) for record in records(path) if record.HasField("history")]


def summary(path: Path) -> dict[str, Any]:
    """The summary, where each key has its last value."""
    found: dict[str, Any] = {}
    for record in records(path):
        if record.HasField("summary"):
            found |= _values(record.summary.update)
    return found


def config(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for record in records(path):
        for update in (record.config, record.run.config):
            found |= _values(update.update)
    return found


def _values(items: Iterable[Any]) -> dict[str, Any]:
    """Items by key; those of a nested key (a picture's file, size ...) as one mapping."""
    found: dict[str, Any] = {}
    for item in items:
        name, *inner = item.nested_key or [item.key]
        value = json.loads(item.value_json)
        for key in reversed(inner):
            value = {key: value}
        found[name] = found[name] | value if inner and isinstance(found.get(name), dict) else value
    return found
