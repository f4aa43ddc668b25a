"""Parts of a component by path: `encoder`, `encoder.net.0`, `not encoder.last`; for `trains:` and `frozen:`."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from torch import nn

from genframe.errors import nearest
from genframe.recipe.model import Chosen

MOST_NAMED = 20
"""So many modules of a component a message lists at most."""


def chosen(keys: Iterable[str], entries: Collection[Chosen]) -> tuple[str, ...]:
    """Of parameters by name, those that the entries choose: under some path, and under none that stands with `not`.

    Entries that only leave out choose all else.
    """
    wanted = [entry.path for entry in entries if not entry.left_out] or [""]
    left_out = [entry.path for entry in entries if entry.left_out]
    return tuple(
        k for k in keys if any(under(k, p) for p in wanted) and not any(under(k, p) for p in left_out)
    )


def under(key: str, path: str) -> bool:
    """Whether a parameter stands at a path or in the module there; the empty path is the whole."""
    return not path or key == path or key.startswith(f"{path}.")


def fault(part: object, own: Mapping[str, nn.Parameter], path: str) -> tuple[str, str | None] | None:
    """What is wrong with the path of a part, and the path that was probably meant; None where it is right.

    own: the parameters of the component that may be trained, by name.
    """
    if not path or any(under(key, path) for key in own):
        return None
    modules = [name for name, _ in part.named_modules() if name] if isinstance(part, nn.Module) else []
    holding = [name for name in modules if any(under(key, name) for key in own)]
    if path in modules:
        return f"its {path!r} holds no parameters of its own", nearest(path, holding)
    more = f" and {len(holding) - MOST_NAMED} more" if len(holding) > MOST_NAMED else ""
    has = (
        f"its parts with parameters are {', '.join(holding[:MOST_NAMED])}{more}"
        if holding
        else "it has no parts"
    )
    return f"it has no part {path!r}; {has}", nearest(path, [*holding, *own])


def asleep(module: nn.Module, frozen: Collection[str]) -> list[nn.Module]:
    """The modules inside of which every parameter is among `frozen` ones: they are in eval mode throughout."""
    found = []
    for name, inside in module.named_modules():
        keys = [f"{name}.{key}" if name else key for key, _ in inside.named_parameters()]
        if keys and all(key in frozen for key in keys):
            found.append(inside)
    return found
