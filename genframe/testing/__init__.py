"""The conformance kit: what every component of a kind must do, as tests that a plugin's author gets for one line.

from genframe.testing import conformance

test_plugin = conformance("salt", level=1)
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from genframe.testing.as_pytest import conformance
    from genframe.testing.kit import Failure, NotApplicable, Result, check_plugin

# Imported when first asked for: the recipe that `genframe plugins new` writes comes from here too, without torch.
_LAZY = {
    "conformance": "genframe.testing.as_pytest",
    "check_plugin": "genframe.testing.kit",
    "Failure": "genframe.testing.kit",
    "NotApplicable": "genframe.testing.kit",
    "Result": "genframe.testing.kit",
}

__all__ = ["Failure", "NotApplicable", "Result", "check_plugin", "conformance"]


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"module 'genframe.testing' has no attribute {name!r}")
