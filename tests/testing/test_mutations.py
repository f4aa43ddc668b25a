"""The kit sees bugs: each mutant of a first-party component fails a check, whose message points at the bug."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from fake_plugins import Site

from genframe.discovery import discover
from genframe.testing import check_plugin

from .mutants import Mutant, every

PLUGINS = Path(__file__).parent.parent.parent / "plugins"
MUTANTS = every()


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.syspath_prepend(tmp_path)
    site = Site(tmp_path)
    yield site
    site.forget()


def install(site: Site, mutant: Mutant) -> None:
    """The mutant's plugin beside the first-party ones: a copy under another name, with the bug."""
    package = f"mutant_{mutant.plugin}"
    folder = site.folder / package
    shutil.copytree(
        PLUGINS / mutant.plugin, folder, ignore=shutil.ignore_patterns("pipelines", "__pycache__")
    )
    for path in folder.rglob("*.py"):
        path.write_text(path.read_text().replace(f"genframe_plugins.{mutant.plugin}", package))
    path = folder / mutant.file
    text = path.read_text()
    assert text.count(mutant.old) == 1, f"{mutant.old!r} stands {text.count(mutant.old)} times in {path.name}"
    path.write_text(text.replace(mutant.old, mutant.new))
    site.modules.append(package)
    site.distribution(f"genframe-mutant-{mutant.plugin}", {f"mutant-{mutant.plugin}": package})


@pytest.mark.filterwarnings("ignore:Dynamo does not know")  # some bugs are odd things to do in a net
@pytest.mark.parametrize("mutant", MUTANTS, ids=str)
def test_the_kit_sees_the_bug(mutant: Mutant, site: Site, record_property: pytest.RecordProperty) -> None:
    install(site, mutant)
    registry = discover()
    results = check_plugin(
        f"mutant-{mutant.plugin}", registry=registry, only=[f"{mutant.kind}/{mutant.name}:*"]
    )
    failures, pointed = [], False
    for result in results:
        if result.outcome == "failed":
            failures.append(result)
            if mutant.says in f"{result.id} {result.message}":
                pointed = True
                break
    record_property("mutant", {"kind": mutant.kind, "killed": bool(failures), "pointed": pointed})
    told = "\n\n".join(f"{result.id}\n{result.message}" for result in failures)
    assert failures, f"no check of {mutant.kind}/{mutant.name} failed"
    assert pointed, f"nothing says {mutant.says!r}:\n{told}"


def test_each_kind_with_first_party_components_has_three_mutants() -> None:
    counts = Counter(mutant.kind for mutant in MUTANTS)
    offered = {offer.kind for offer in discover().offers() if offer.first_party}
    assert {kind: counts[kind] for kind in offered if counts[kind] < 3} == {}
