"""The checks, a module a subject. Importing this fills the table; a new module is a file and a line."""

from genframe.testing.checks import noises

__all__ = ["noises"]
