"""`train:`: how long, in which precision, and how often it saves, draws and reports."""

from __future__ import annotations

from typing import Any, Literal

from genframe.annotations import Count, Positive
from genframe.errors import Mark
from genframe.recipe.model import Checkpointing, Logging, Sampling, Span, Train
from genframe.recipe.places import TRAIN_KEYS
from genframe.recipe.problems import Problems
from genframe.recipe.settings import block, fields, span
from genframe.recipe.tree import Node


def training(node: Node | None, top: Mark, problems: Problems) -> Train | None:
    """The settings of a training; `top` is where to point when there are none."""
    written = block(node, "train", TRAIN_KEYS, problems)
    lengths = [key for key in ("epochs", "steps") if key in written]
    place = node.place if node is not None else top
    if not lengths:
        message = "a recipe says how long it trains: `train: {epochs: 20}` or `train: {steps: 10000}`"
        problems.add("GF203", message, place, "train")
    elif len(lengths) > 1:
        related = ((written["epochs"].place, "the other"),)
        message = "a training is as long as its `epochs` or its `steps`, not both"
        problems.add("GF212", message, written["steps"].place, "train.steps", related=related)
    length = fields({key: written[key] for key in lengths}, LENGTHS, "train", problems)
    values = fields(written, VALUES, "train", problems)
    values["checkpoint"] = _checkpointing(written.get("checkpoint"), problems)
    values["samples"] = _sampling(written.get("samples"), problems)
    values["log"] = _logging(written.get("log"), problems)
    return Train(Span(**length), **values) if len(length) == 1 else None


LENGTHS: dict[str, Any] = {"epochs": Positive, "steps": Count}
LOG: dict[str, Any] = {"every": Count, "gradients": bool, "latents": bool}
VALUES: dict[str, Any] = {"precision": Literal["fp32", "bf16"], "compile": bool}


def _checkpointing(node: Node | None, problems: Problems) -> Checkpointing:
    written = block(node, "train.checkpoint", ("every", "keep"), problems)
    values = fields(written, {"keep": Count}, "train.checkpoint", problems)
    if "every" in written:
        values["every"] = span(written["every"], "train.checkpoint.every", problems, least=1)
    return Checkpointing(**values)


def _logging(node: Node | None, problems: Problems) -> Logging:
    return Logging(**fields(block(node, "train.log", tuple(LOG), problems), LOG, "train.log", problems))


def _sampling(node: Node | None, problems: Problems) -> Sampling:
    written = block(node, "train.samples", ("every", "n"), problems)
    values = fields(written, {"n": Count}, "train.samples", problems)
    if "every" in written:
        values["every"] = span(written["every"], "train.samples.every", problems, least=1)
    return Sampling(**values)
