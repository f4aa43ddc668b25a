"""A plugin file with an option of every annotation, for the tests of recipes."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from genframe import Component, Count, Ge, Le, Level, MinLen, Positive, Schedulable, hookimpl

GENFRAME_API = 1


@hookimpl
def genframe_encoders() -> list[Component]:
    return [
        Component("every", "odd_parts:Every", summary="an option of every kind"),
        Component("needy", "odd_parts:Needy", aliases=("greedy",)),
        Component("unreadable", "odd_parts:Unreadable"),
    ]


@hookimpl
def genframe_functions() -> list[Component]:
    return [Component("to-power", "odd_parts:to_power"), Component("half-of", "odd_parts:half_of")]


@hookimpl
def genframe_trackers() -> list[Component]:
    return [Component("paper", "odd_parts:Paper")]


class Every:
    def __init__(
        self,
        in_shape: Any,
        *,
        count: Count = 3,
        whole: int = 1,
        number: float = 1.0,
        positive: Positive = 1.0,
        flag: bool = False,
        text: str = "a",
        choice: Literal["relu", "tanh"] = "relu",
        perhaps: float | None = 2.0,
        either: int | str = 1,
        pair: tuple[float, float] = (0.0, 1.0),
        sizes: tuple[Count, ...] = (1,),
        some: Annotated[tuple[int, ...], MinLen(1)] = (1,),
        names: list[str] = ["a"],  # noqa: B006
        table: dict[str, float] = {},  # noqa: B006
        scheduled: Schedulable = 1.0,
        bounded: Annotated[Schedulable, Ge(0)] = 1.0,
        maybe_scheduled: Schedulable | None = None,
        perhaps_bounded: Annotated[Schedulable, Ge(0)] | None = None,
        level: Level = 0.1,
        share: Annotated[Level, Ge(0), Le(1)] = 0.1,
        anything: Any = None,
    ) -> None: ...


class Needy:
    def __init__(self, in_shape: Any, *, width: int, depth: int = 1) -> None: ...


class Unreadable:
    def __init__(self, in_shape: Any, **options: int) -> None: ...


def to_power(x: Any, *, exponent: float) -> Any: ...


def half_of(x: Any) -> Any: ...


class Paper:
    def __init__(self, *, folder: str = "notes", key: str = "") -> None: ...
