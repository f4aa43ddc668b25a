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
        Component("mnist", "genframe_plugins.data.idx:Mnist", "70,000 handwritten digits"),
        Component("fashion-mnist", "genframe_plugins.data.idx:FashionMnist", "70,000 pictures of clothes"),
        Component("kmnist", "genframe_plugins.data.idx:Kmnist", "70,000 cursive hiragana"),
        Component(
            "stacked-mnist",
            "genframe_plugins.data.stacked:StackedMnist",
            "three digits of MNIST as the channels of a picture: a thousand modes",
            example={"of": "digits", "n": 40, "n_test": 20},
        ),
        Component(
            "cifar10", "genframe_plugins.data.cifar:Cifar10", "60,000 small photographs of ten classes"
        ),
        Component(
            "arrays",
            "genframe_plugins.data.arrays:Arrays",
            "a .npy or .npz file, any shape",
            example={"path": "digits.npz"},
        ),
        Component(
            "images",
            "genframe_plugins.data.images:Images",
            "a folder of pictures",
            example={"path": "pictures", "colour": "grey"},
        ),
        Component(
            "table", "genframe_plugins.data.table:Table", "rows of real and categorical columns, made here"
        ),
        Component("ring", "genframe_plugins.data.synthetic:Ring", "Gaussians on a circle"),
        Component("grid", "genframe_plugins.data.synthetic:Grid", "Gaussians on a square grid"),
        Component("moons", "genframe_plugins.data.synthetic:Moons", "two interleaving half circles"),
        Component("swiss-roll", "genframe_plugins.data.synthetic:SwissRoll", "a noisy spiral"),
    ]
