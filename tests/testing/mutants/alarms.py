"""Bugs in alarms."""

from . import Mutant

_RAISES, _TEXT = "it raises nothing, whatever a row holds", "it says text, or None"


def _player(name: str, old: str, new: str, says: str) -> Mutant:
    return Mutant("alarm", name, "optim", f"{name}.py", old, new, says)


def _game(name: str, old: str, new: str, says: str) -> Mutant:
    return Mutant("alarm", name, "gan", f"alarms/{name}.py", old, new, says)


def _code(old: str, new: str, says: str) -> Mutant:
    return Mutant("alarm", "posterior-collapse", "vae", "alarms/posterior_collapse.py", old, new, says)


_NORMS = 'row.get("gradient_norm", {}).items()'

MUTANTS = [
    _player("stalled", _NORMS, 'row["gradient_norm"].items()', _RAISES),
    _player("stalled", 'return "; ".join(said) or None', "return said", _TEXT),
    _player("exploding", _NORMS, 'row["gradient_norm"].items()', _RAISES),
    _player("exploding", 'return "; ".join(said) or None', "return said", _TEXT),
    _game("modes", 'if "coverage" not in measured:', "if not measured:", _RAISES),
    _game(
        "modes",
        'if "coverage" not in measured:\n            return None',
        'if "coverage" not in measured:\n            return False',
        _TEXT,
    ),
    _game("saturated", 'norm = row.get("gradient_norm", {}).get', 'norm = row["gradient_norm"].get', _RAISES),
    _game("saturated", 'if norm is None or "told_apart" not in measured:', "if norm is None:", _RAISES),
    _code('if "activity" not in measured:', "if not measured:", _RAISES),
    _code(
        'if "activity" not in measured:\n            return None',
        'if "activity" not in measured:\n            return False',
        _TEXT,
    ),
]
