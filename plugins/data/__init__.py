"""Datasets: real digits that need no download, the MNIST family, arrays, folders of pictures, 2-D toys."""

from __future__ import annotations

from genframe import Component, hookimpl

GENFRAME_API = 1


@hookimpl
def genframe_datasets() -> list[Component]:
    return [
        Component(
            "digits", "genframe_plugins.data.digits:Digits", "6,000 MNIST digits that ship with genframe"
        ),
    ]
