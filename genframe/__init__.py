"""genframe: generative models from parts. Recipes in YAML, components from plugins, one training loop."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from genframe.annotations import (
    Count,
    Ge,
    Gt,
    Le,
    Len,
    Level,
    Lt,
    MinLen,
    MultipleOf,
    NonNegative,
    Positive,
    Probability,
    Schedulable,
)
from genframe.errors import GenframeError, PluginError, Problem, RecipeError, RunError
from genframe.hooks import GENFRAME_API, Component, hookimpl

if TYPE_CHECKING:
    from genframe.data.spec import DataSpec, Field
    from genframe.discovery import register
    from genframe.distributions import Bernoulli, DiagonalGaussian
    from genframe.values import Levels, Noise, Shape, Terms, Verdict, draw_level, per_example

__version__ = "0.1.0"

# Imported when first asked for, so that `import genframe` stays free of torch.
_LAZY = {
    "Levels": "genframe.values",
    "Noise": "genframe.values",
    "Shape": "genframe.values",
    "Terms": "genframe.values",
    "Verdict": "genframe.values",
    "draw_level": "genframe.values",
    "per_example": "genframe.values",
    "Bernoulli": "genframe.distributions",
    "DiagonalGaussian": "genframe.distributions",
    "DataSpec": "genframe.data.spec",
    "Field": "genframe.data.spec",
    "register": "genframe.discovery",
}

__all__ = [
    "GENFRAME_API",
    "Bernoulli",
    "Component",
    "Count",
    "DataSpec",
    "DiagonalGaussian",
    "Field",
    "Ge",
    "GenframeError",
    "Gt",
    "Le",
    "Len",
    "Level",
    "Levels",
    "Lt",
    "MinLen",
    "MultipleOf",
    "Noise",
    "NonNegative",
    "PluginError",
    "Positive",
    "Probability",
    "Problem",
    "RecipeError",
    "RunError",
    "Schedulable",
    "Shape",
    "Terms",
    "Verdict",
    "__version__",
    "draw_level",
    "hookimpl",
    "per_example",
    "register",
]


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"module 'genframe' has no attribute {name!r}")
