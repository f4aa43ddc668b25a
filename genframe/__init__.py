"""genframe: generative models from parts. Recipes in YAML, components from plugins, one training loop."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from genframe.annotations import (
    Count,
    FilePath,
    Ge,
    Gt,
    Le,
    Len,
    Level,
    Lt,
    MinLen,
    MultipleOf,
    NonNegative,
    Of,
    Positive,
    Probability,
    Schedulable,
)
from genframe.errors import GenframeError, LockError, PluginError, Problem, RecipeError, RunError
from genframe.hooks import GENFRAME_API, Component, hookimpl

if TYPE_CHECKING:
    from genframe.api import Model, load, resume, train
    from genframe.data.fetch import RemoteFile, data_root
    from genframe.data.spec import DataSpec, Field
    from genframe.discovery import register
    from genframe.distributions import Bernoulli, DiagonalGaussian, OneHotCategorical
    from genframe.two_sample import Auc, classifier_auc
    from genframe.values import (
        Figures,
        Levels,
        Noise,
        Shape,
        Terms,
        Verdict,
        detached,
        draw_level,
        per_example,
    )

__version__ = "0.1.0"

# Imported when first asked for, so that `import genframe` stays free of torch.
_LAZY = {
    "Auc": "genframe.two_sample",
    "classifier_auc": "genframe.two_sample",
    "Figures": "genframe.values",
    "Levels": "genframe.values",
    "Noise": "genframe.values",
    "Shape": "genframe.values",
    "Terms": "genframe.values",
    "Verdict": "genframe.values",
    "detached": "genframe.values",
    "draw_level": "genframe.values",
    "per_example": "genframe.values",
    "Bernoulli": "genframe.distributions",
    "DiagonalGaussian": "genframe.distributions",
    "OneHotCategorical": "genframe.distributions",
    "DataSpec": "genframe.data.spec",
    "Field": "genframe.data.spec",
    "RemoteFile": "genframe.data.fetch",
    "data_root": "genframe.data.fetch",
    "register": "genframe.discovery",
    "Model": "genframe.api",
    "load": "genframe.api",
    "resume": "genframe.api",
    "train": "genframe.api",
}

__all__ = [
    "Auc",
    "Bernoulli",
    "Component",
    "Count",
    "DataSpec",
    "DiagonalGaussian",
    "Field",
    "Figures",
    "FilePath",
    "GENFRAME_API",
    "Ge",
    "GenframeError",
    "Gt",
    "Le",
    "Len",
    "Level",
    "Levels",
    "LockError",
    "Lt",
    "MinLen",
    "Model",
    "MultipleOf",
    "Noise",
    "NonNegative",
    "Of",
    "OneHotCategorical",
    "PluginError",
    "Positive",
    "Probability",
    "Problem",
    "RecipeError",
    "RemoteFile",
    "RunError",
    "Schedulable",
    "Shape",
    "Terms",
    "Verdict",
    "__version__",
    "classifier_auc",
    "data_root",
    "detached",
    "draw_level",
    "hookimpl",
    "load",
    "per_example",
    "register",
    "resume",
    "train",
]


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"module 'genframe' has no attribute {name!r}")
