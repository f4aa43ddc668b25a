"""A recipe to spoil, and a plugin file with odd parts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from genframe.errors import Problem
from genframe.recipe import Recipe

PARTS = Path(__file__).with_name("odd_parts.py")

PLAIN = """\
genframe: 1
pipeline: vae
data: digits
encoder: mlp
decoder: mlp
prior: {use: gaussian, dim: 2}
train: {epochs: 1}
"""
"""A whole recipe of seven lines; tests add to it, or change it."""

Load = Callable[..., Recipe]
Complain = Callable[..., list[Problem]]
