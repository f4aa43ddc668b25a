"""The project of a new plugin: `genframe plugins new`. Torch-free."""

from __future__ import annotations

from genframe.scaffold.names import Names, Request
from genframe.scaffold.project import Project, create, files

__all__ = ["Names", "Project", "Request", "create", "files"]
