"""What a shell may put in for a word that was begun: kinds, names, recipes, plugins."""

from __future__ import annotations

import os
from collections.abc import Iterable

from click import Context, Parameter
from click.shell_completion import CompletionItem

from genframe.kinds import KINDS
from genframe.registry import Registry


def kinds(context: Context, parameter: Parameter, begun: str) -> list[CompletionItem]:
    """The kinds of component."""
    return _matching(((kind.name, kind.summary) for kind in KINDS.values()), begun)


def names(context: Context, parameter: Parameter, begun: str) -> list[CompletionItem]:
    """The components of the kind that stands before; bare names where those are enough."""
    kind = context.params.get("kind") or "dataset"
    offers = _registry(context).offers(kind) if kind in KINDS else []
    known = ((offer.bare if offer.first_party else offer.name, offer.summary()) for offer in offers)
    return _matching(known, begun)


def recipes(context: Context, parameter: Parameter, begun: str) -> list[CompletionItem]:
    """Files, and the recipes that plugins ship."""
    known = ((recipe.written, "") for recipe in _registry(context).recipes() if not recipe.pipeline)
    return [CompletionItem(begun, type="file"), *_matching(known, begun)]


def plugins(context: Context, parameter: Parameter, begun: str) -> list[CompletionItem]:
    """The plugins that are installed."""
    return _matching(((status.name, status.distribution) for status in _registry(context).plugins), begun)


def _matching(known: Iterable[tuple[str, str]], begun: str) -> list[CompletionItem]:
    return [CompletionItem(name, help=summary or None) for name, summary in known if name.startswith(begun)]


def _registry(context: Context) -> Registry:
    from genframe.discovery import discover

    return discover(blocked=blocked(context))


def blocked(context: Context) -> frozenset[str]:
    """The plugins that the command line (the root's `obj`) and the environment keep out."""
    from genframe.discovery import blocked_from

    return blocked_from(context.find_root().obj or (), os.environ)
