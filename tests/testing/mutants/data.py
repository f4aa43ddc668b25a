"""Bugs in datasets."""

from . import Mutant


def _mutant(name: str, file: str, old: str, new: str, says: str) -> Mutant:
    return Mutant("dataset", name, "data", file, old, new, says)


_RNG = "rng = np.random.default_rng([self.seed, _SPLITS.index(split)])"
_DIGITS = 'return {"x": torch.from_numpy(pixels).unsqueeze(1), "y": torch.from_numpy(labels).long()}'

MUTANTS = [
    _mutant(
        "ring", "synthetic.py", _RNG, "rng = np.random.default_rng()", "is the same when it is loaded again"
    ),
    _mutant(
        "moons", "synthetic.py", _RNG, "rng = np.random.default_rng([self.seed])", "other examples than train"
    ),
    _mutant(
        "grid",
        "synthetic.py",
        _RNG,
        "rng = np.random.default_rng([0, _SPLITS.index(split)])",
        "by the option",
    ),
    _mutant(
        "swiss-roll",
        "synthetic.py",
        _RNG,
        _RNG + "\n        np.random.seed(self.seed)",
        "numpy.random changed",
    ),
    _mutant(
        "ring", "synthetic.py", "torch.from_numpy(points).float()", "torch.from_numpy(points)", "float64"
    ),
    _mutant("digits", "digits.py", _DIGITS, _DIGITS.replace(".unsqueeze(1)", ""), "the shape (28, 28)"),
    _mutant(
        "digits",
        "digits.py",
        _DIGITS,
        _DIGITS.replace("torch.from_numpy(pixels)", "torch.from_numpy(pixels).div(255).div(255)"),
        "divided by 255 twice",
    ),
    _mutant(
        "digits",
        "digits.py",
        _DIGITS,
        "order = torch.randperm(len(labels))\n        "
        "return {'x': torch.from_numpy(pixels).unsqueeze(1)[order], 'y': torch.from_numpy(labels).long()[order]}",
        "seeded by its options",
    ),
    _mutant(
        "digits",
        "digits.py",
        'arrays[f"x_{split}"], arrays[f"y_{split}"]',
        'arrays["x_train"], arrays["y_train"]',
        "spec() promises 1000",
    ),
    _mutant("digits", "digits.py", "classes=10", "classes=9", "labels must lie in 0 to 8"),
    _mutant(
        "images",
        "images.py",
        "return upright.height, upright.width",
        "return upright.width, upright.height",
        "the first picture 20x28",
    ),
    _mutant(
        "arrays",
        "arrays.py",
        "return {wire: tensor[0] for wire, tensor in self[place : place + 1].items()}",
        "return {wire: tensor[0] for wire, tensor in self[max(place - 1, 0) :].items()}",
        "are those of load('train')",
    ),
]
