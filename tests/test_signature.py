"""Signatures are read from source, and are what inspection of the imported thing would give."""

from __future__ import annotations

import importlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from annotated_types import Ge, Len, MinLen
from fake_plugins import Site

from genframe import Count, Level, Schedulable
from genframe.discovery import discover
from genframe.registry import Offer
from genframe.signature import (
    REQUIRED,
    Option,
    SignatureError,
    read_signature,
    runtime_signature,
)

PARTS = '''
    from __future__ import annotations

    import abc
    import typing as t
    from dataclasses import KW_ONLY, dataclass, field
    from typing import TYPE_CHECKING, Annotated, ClassVar, Generic, Literal, Optional, TypeVar

    import genframe
    from genframe import Count, Ge, Level, Schedulable

    if TYPE_CHECKING:
        from nowhere import Shape

    Activation = Literal["relu", "tanh"]
    Width: t.TypeAlias = Annotated[int, Ge(1)]
    T = TypeVar("T")

    class Plain:
        """What it is.

        And more.
        """

        def __init__(
            self,
            in_shape: Shape,
            classes=None,
            *,
            width: Width = 32,
            activation: Activation = "relu",
            from_: float = -1.0,
            betas: tuple[float, float] = (0.5, -0.999),
            hidden: t.Annotated[list[int], genframe.MinLen(1)] = [400],
            names: dict[str, float | None] = {},
            seed: Optional[int] = None,
            pad: "int | Literal['same', -1]" = "same",
            whole: tuple[int, ...] = (),
            weight: Schedulable,
            level: Level = (0.1, 0.3),
            count: "Count" = 2,
            anything: t.Any = None,
            bare=3,
            on: bool = False,
        ): ...

    class Inherits(Plain): ...
    class Empty: ...
    class Abstract(abc.ABC, Generic[T]): ...
    class Mixed(Empty, Plain): ...
    class PositionalOnly:
        def __init__(self, a, b=1, /, c=2, *rest, d: int): ...

    @dataclass(kw_only=True)
    class Settings:
        kind: ClassVar[str] = "x"
        width: int
        hidden: list[int] = field(default_factory=list)
        hosts: dict[str, int] = field(default_factory=dict, repr=False)
        derived: int = field(init=False, default=0)

    @dataclass
    class More(Settings):
        in_shape: t.Any
        out_shape: t.Any = None
        _: KW_ONLY
        width: int = 4
        depth: int = 5

    class Undecorated(More): ...

    def loss(x, q_z, z=None, *, beta: Schedulable = 1.0): ...
    def concat(*tensors, dim: int = 1): ...
    def nothing(): ...
'''

NAMES = [
    "Plain",
    "Inherits",
    "Empty",
    "Abstract",
    "Mixed",
    "PositionalOnly",
    "Settings",
    "More",
    "Undecorated",
    "loss",
    "concat",
    "nothing",
]


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    site = Site(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    yield site
    site.forget()


@pytest.mark.parametrize("name", NAMES)
def test_a_static_signature_is_the_runtime_signature(site: Site, name: str) -> None:
    site.module("parts_static.inner.parts", PARTS)
    static = read_signature(f"parts_static.inner.parts:{name}")
    assert "parts_static" not in sys.modules

    live = runtime_signature(getattr(importlib.import_module("parts_static.inner.parts"), name))
    assert static == live
    assert {o.name: repr(o.default) for o in static.options.values()} == {
        o.name: repr(o.default) for o in live.options.values()
    }


def test_parameters_become_givens_and_options(site: Site) -> None:
    path = site.module("parts_read", PARTS)
    signature = read_signature("parts_read:Plain")
    assert (signature.givens, signature.optional_givens) == (("in_shape",), ("classes",))
    assert signature.is_class and signature.file == str(path) and not signature.variadic
    assert signature.summary == "What it is." and signature.doc.endswith("And more.")
    assert path.read_text().splitlines()[signature.line - 1] == "class Plain:"
    assert signature.options == {
        "width": Option("width", Annotated[int, Ge(1)], 32),
        "activation": Option("activation", Literal["relu", "tanh"], "relu"),
        "from": Option("from", float, -1.0),
        "betas": Option("betas", tuple[float, float], (0.5, -0.999)),
        "hidden": Option("hidden", Annotated[list[int], MinLen(1)], [400]),
        "names": Option("names", dict[str, float | None], {}),
        "seed": Option("seed", int | None, None),
        "pad": Option("pad", int | Literal["same", -1], "same"),
        "whole": Option("whole", tuple[int, ...], ()),
        "weight": Option("weight", Schedulable, REQUIRED),
        "level": Option("level", Level, (0.1, 0.3)),
        "count": Option("count", Count, 2),
        "anything": Option("anything", Any, None),
        "bare": Option("bare", Any, 3),
        "on": Option("on", bool, False),
    }
    assert signature.options["from"].parameter == "from_"
    line = signature.options["width"].line
    assert "width: Width = 32" in path.read_text().splitlines()[line - 1]


def test_further_positional_arguments_are_known_of(site: Site) -> None:
    site.module("parts_many", PARTS)
    assert read_signature("parts_many:concat").variadic
    assert not read_signature("parts_many:loss").variadic


def test_a_config_dataclass_gives_the_options_and_the_target_its_givens(site: Site) -> None:
    site.module(
        "parts_heavy",
        """
        from elsewhere import Base
        class Net(Base): "A net."
        class Other:
            def __init__(self, in_shape, **options): ...
        """,
    )
    site.module(
        "parts_config",
        """
        from dataclasses import dataclass
        @dataclass
        class Config:
            width: int
            depth: int = 3
        class NoConfig: ...
        """,
    )
    options = {"width": Option("width", int), "depth": Option("depth", int, 3)}
    net = read_signature("parts_heavy:Net", "parts_config:Config")
    assert net.options == options and net.givens == () and net.doc == "A net."
    other = read_signature("parts_heavy:Other", "parts_config:Config")
    assert other.options == options and other.givens == ("in_shape",)
    without_source = read_signature("math:pi", "parts_config:Config")
    assert without_source.options == options and without_source.givens == ()
    with pytest.raises(SignatureError, match="NoConfig is not a dataclass"):
        read_signature("parts_heavy:Net", "parts_config:NoConfig")


UNREADABLE = {
    "class A:\n    def __init__(self, **options): ...": "config=",
    "def A(x, **options): ...": "keyword-only",
    "from far import B\nclass A(B): ...": "config=",
    "from far import B\nclass M: ...\nclass A(M, B): ...": "inherits its constructor from B",
    "def A(*, x: Shape = 1): ...": "`Shape`",
    "from torch import Tensor\ndef A(*, x: Tensor): ...": "`Tensor`",
    "def A(*, x: list[Tensor]): ...": "`Tensor`",
    "def A(*, x: print('run') = 1): ...": "`print('run')`",
    "def A(*, x: 'int |' = 1): ...": "not a type",
    "def A(*, x: int[str] = 1): ...": "`int[str]`",
    "X = Y\nY = X\ndef A(*, x: X = 1): ...": "defined by itself",
    "from typing import Annotated\ndef A(*, x: Annotated[int, print(1)]): ...": "`print(1)`",
    "from typing import Annotated\nfrom genframe import Ge\ndef A(*, x: Annotated[int, Ge(N)]): ...": "`N`",
    "from typing import Annotated as An\nfrom genframe import Ge\ndef A(*, x: An[int, Ge(1, 2)]): ...": "Ge(",
    "def A(*, x: int = N): ...": "`N` is not a literal",
    "def A(*, x: int = print('run')): ...": "not a literal",
    "from dataclasses import dataclass, field\n@dataclass(kw_only=True)\nclass A:\n    x: list = field("
    "default_factory=lambda: [1])": "default_factory",
    "def B(): ...": "no class or function 'A'",
    "def A(:": "not valid Python",
}


@pytest.mark.parametrize(("text", "reason"), UNREADABLE.items(), ids=range(len(UNREADABLE)))
def test_what_can_not_be_read_is_an_error_with_its_place(site: Site, text: str, reason: str) -> None:
    path = site.module("parts_unreadable", text)
    with pytest.raises(SignatureError) as caught:
        read_signature("parts_unreadable:A")
    (problem,) = caught.value.problems
    assert reason in problem.message and problem.code == "GF330"
    assert problem.mark is not None and problem.mark.file == str(path)
    assert 1 <= problem.mark.line <= len(text.splitlines())


@pytest.mark.parametrize(
    "target", ["not_there_at_all:A", "json.not_there:A", "sys:A", "math:A", "__main__x:A"]
)
def test_a_module_without_source_is_an_error(target: str) -> None:
    with pytest.raises(SignatureError):
        read_signature(target)


MISTAKEN = {
    "parts_meant.encoder:AttentionPooler": "top level of parts_meant.encoder; did you mean 'AttentionPoolEncoder'?",
    "parts_meant.encoder:Zz": "no class or function 'Zz' stands at the top level of parts_meant.encoder",
    "parts_meant.encodr:Net": "there is no module 'parts_meant.encodr'; did you mean 'encoder'?",
    "parts_meant.zz:Net": "there is no module 'parts_meant.zz'",
    "parts_meant.zz.deeper:Net": "there is no module 'parts_meant.zz.deeper'",
    "parts_meant.compiled:Net": "module 'parts_meant.compiled' has no source file",
    "parts_meant.bare:Net": "module 'parts_meant.bare' has no source file",
    "not_there_at_all.encoder:Net": "there is no module 'not_there_at_all'",
    "sys:Net": "module 'sys' has no source file",
}


@pytest.mark.parametrize(("target", "message"), MISTAKEN.items())
def test_a_target_that_is_not_there_is_told_with_the_name_that_was_meant(
    site: Site, target: str, message: str
) -> None:
    path = site.module("parts_meant.encoder", "def other(): ...\nclass AttentionPoolEncoder: ...")
    (path.parent / "__init__.py").touch()
    (path.parent / "compiled.cpython-311-x86_64-linux-gnu.so").touch()
    (path.parent / "bare").mkdir()
    with pytest.raises(SignatureError) as caught:
        read_signature(target)
    (problem,) = caught.value.problems
    assert problem.message.endswith(message)
    if "AttentionPoolEncoder" in message:
        assert problem.mark is not None and (problem.mark.file, problem.mark.line) == (str(path), 2)


def test_inspection_refuses_what_reading_refuses() -> None:
    def takes_all(**options: int) -> None: ...

    def lost(*, x: Nowhere) -> None: ...  # type: ignore[name-defined]  # noqa: F821

    for function in (takes_all, lost):
        with pytest.raises(SignatureError):
            runtime_signature(function)


def test_a_changed_file_is_read_again(site: Site) -> None:
    path = site.module("parts_changing", "def f(*, a: int = 1): ...")
    assert list(read_signature("parts_changing:f").options) == ["a"]
    path.write_text("def f(*, other: int = 1): ...")
    assert list(read_signature("parts_changing:f").options) == ["other"]


def test_bounds_are_those_of_the_source(site: Site) -> None:
    site.module(
        "parts_bounds",
        """
        from typing import Annotated as A
        import annotated_types as at
        def f(*, a: A[list[int], at.Len(1, 3)], b: A[str, at.Len(min_length=2)]): ...
        """,
    )
    options = read_signature("parts_bounds:f").options
    assert options["a"].annotation == Annotated[list[int], Len(1, 3)]
    assert options["b"].annotation == Annotated[str, Len(2)]


def offer_id(offer: Offer) -> str:
    return f"{offer.kind}:{offer.name}"


@pytest.mark.parametrize("offer", [o for o in discover().offers() if o.first_party], ids=offer_id)
def test_every_first_party_component_is_read_as_it_is(offer: Offer) -> None:
    static = offer.signature()
    assert static == runtime_signature(offer.load())
    assert offer.summary()


def test_reading_every_signature_imports_neither_torch_nor_wandb() -> None:
    script = """
import sys
from genframe.discovery import discover
registry = discover()
assert len([offer.signature() for offer in registry.offers()]) > 20
assert all(status.ok for status in registry.plugins if status.first_party)
heavy = {"torch", "wandb", "pydantic", "rich", "numpy"} & set(sys.modules)
assert not heavy, heavy
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
