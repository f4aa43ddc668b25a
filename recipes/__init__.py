"""The gallery: runnable recipes by family, shipped with genframe and offered like any plugin's."""

from pathlib import Path

from genframe import hookimpl

GENFRAME_API = 1


@hookimpl
def genframe_recipes() -> list[Path]:
    return [Path(__file__).parent]
