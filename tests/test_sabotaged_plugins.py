"""One bad plugin costs one plugin: all others work, and its status names it and its distribution."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
from fake_plugins import Site, good

from genframe import isolation, vetting
from genframe.discovery import discover
from genframe.registry import LookupProblem, PluginStatus, Registry

HEAD = """
    from genframe import Component, hookimpl

    GENFRAME_API = 1
"""


def hook(body: str, head: str = HEAD) -> str:
    return f"{head}\n    @hookimpl\n    {body}\n"


SABOTAGE = {
    "raises on import": ("import a_package_that_is_not_there", "broken", "a_package_that_is_not_there"),
    "exits on import": ("raise SystemExit(3)", "broken", "SystemExit: 3"),
    "is no Python": ("def (", "broken", "SyntaxError"),
    "hook raises": (hook("def genframe_encoders(): raise KeyError('lost')"), "broken", "KeyError: 'lost'"),
    "hook raises late": (
        hook("def genframe_encoders(): yield Component('a', 'm:A'); 1 / 0"),
        "broken",
        "ZeroDivisionError",
    ),
    "hook exits": (hook("def genframe_losses(): raise SystemExit('no')"), "broken", "SystemExit: no"),
    "signature wrong": (
        hook("def genframe_encoders(registry): return []"),
        "broken",
        "genframe_encoders(registry)",
    ),
    "hook misspelt": (hook("def genframe_encoder(): return []"), "broken", "did it mean genframe_encoders?"),
    "hook not marked": (f"{HEAD}\n    def genframe_encoders(): return []", "broken", "@hookimpl"),
    "wrapper": (
        HEAD + "\n    @hookimpl(wrapper=True)\n    def genframe_losses(): return (yield)",
        "broken",
        "wrapper",
    ),
    "hook returns nothing": (hook("def genframe_encoders(): pass"), "broken", "None came"),
    "hook returns words": (hook("def genframe_encoders(): return ['conv']"), "broken", "'conv' came"),
    "name with capitals": (
        hook("def genframe_encoders(): return [Component('Conv', 'm:C')]"),
        "broken",
        "'Conv'",
    ),
    "target no target": (
        hook("def genframe_encoders(): return [Component('conv', 'm.C')]"),
        "broken",
        "'m.C'",
    ),
    "aliases a word": (
        hook("def genframe_encoders(): return [Component('c', 'm:C', aliases='old')]"),
        "broken",
        "aliases",
    ),
    "folder missing": (
        hook(
            f"def genframe_recipes(): from pathlib import Path; return [Path('/nowhere/{'deep' * 20}/recipes')]"
        ),
        "broken",
        f"'/nowhere/{'deep' * 20}/recipes' is not a folder; is it in the package data of pyproject.toml?",
    ),
    "folder a number": (
        hook("def genframe_recipes(): return [3]"),
        "broken",
        "3 is not the path of a folder",
    ),
    "one name twice": (
        hook("def genframe_encoders(): return [Component('c', 'm:C'), Component('c', 'm:D')]"),
        "conflict",
        "the encoder 'c' twice",
    ),
    "an alias that is a name": (
        hook("def genframe_losses(): return [Component('c', 'm:C'), Component('d', 'm:D', aliases=('c',))]"),
        "conflict",
        "the loss 'c' twice",
    ),
    "no API version": ("from genframe import hookimpl", "broken", "write GENFRAME_API = 1 beside its hooks"),
    "API of the future": ("GENFRAME_API = 1000", "incompatible", "plugin API 1000"),
    "API in words": ("GENFRAME_API = '1'", "broken", "not '1'"),
    "API true": ("GENFRAME_API = True", "broken", "not True"),
}


DEADLY = {
    "os._exit": ("import os\nos._exit(9)", "exit code 9"),
    "exits without a word": ("import os\nos._exit(0)", "exit code 0"),
    "os.abort": ("import os\nos.abort()", "SIGABRT"),
    "segmentation fault": ("import ctypes\nctypes.string_at(0)", "SIGSEGV"),
    "a kill": ("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)", "SIGKILL"),
    "in its hook": (hook("def genframe_losses(): import os; os._exit(4)"), "exit code 4"),
}


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    site = Site(tmp_path)
    site.plugin("sound", good("genframe_sound"))
    monkeypatch.syspath_prepend(tmp_path)
    yield site
    site.forget()


def status(registry: Registry, name: str) -> PluginStatus:
    (found,) = [s for s in registry.plugins if s.name == name]
    return found


def assert_others_work(registry: Registry, bad: str) -> None:
    others = [s for s in registry.plugins if s.name != bad]
    assert "sound" in {s.name for s in others} and sum(s.first_party for s in others) >= 9
    assert [s for s in others if not s.ok] == []
    assert registry.find("encoder", "sound/fine").load()((1,)).width == 3


@pytest.mark.parametrize(("text", "state", "cause"), SABOTAGE.values(), ids=SABOTAGE.keys())
def test_a_sabotaged_plugin_costs_only_itself(site: Site, text: str, state: str, cause: str) -> None:
    site.plugin("bad", text, distribution="genframe-sabotage")
    registry = discover()

    bad = status(registry, "bad")
    assert (bad.state, bad.distribution, bad.version) == (state, "genframe-sabotage", "1.0")
    assert cause in bad.cause and "\n" not in bad.cause
    assert [offer for offer in registry.offers() if offer.plugin == "bad"] == []
    assert_others_work(registry, "bad")


def test_using_a_broken_plugin_is_an_error_with_the_cause(site: Site) -> None:
    site.plugin("bad", "import a_package_that_is_not_there")
    with pytest.raises(LookupProblem) as caught:
        discover().find("encoder", "bad/conv")
    assert caught.value.code == "GF303"
    for word in ("'bad'", "genframe-bad 1.0", "broken", "a_package_that_is_not_there"):
        assert word in caught.value.message


def test_the_traceback_of_a_broken_plugin_is_kept(site: Site) -> None:
    site.plugin("bad", "import a_package_that_is_not_there")
    assert 'genframe_bad.py", line 1' in status(discover(), "bad").traceback


def test_two_distributions_with_one_name_disable_both_and_neither_is_loaded(site: Site) -> None:
    for letter in "ab":
        site.module(f"genframe_twin_{letter}", "raise RuntimeError('loaded')")
        site.distribution(f"twin-{letter}", {"twin": f"genframe_twin_{letter}"})
    registry = discover()

    twins = [s for s in registry.plugins if s.name == "twin"]
    assert [s.state for s in twins] == ["conflict", "conflict"]
    assert all("twin-a 1.0" in s.cause and "twin-b 1.0" in s.cause for s in twins)
    assert_others_work(registry, "twin")
    with pytest.raises(LookupProblem, match=r"conflict.*twin-a"):
        registry.find("encoder", "twin/fine")


def test_blocking_one_of_two_rivals_leaves_the_other(site: Site) -> None:
    for letter in "ab":
        site.module(f"genframe_twin_{letter}", good(f"genframe_twin_{letter}", f"of-{letter}"))
        site.distribution(f"twin-{letter}", {"twin": f"genframe_twin_{letter}"})
    registry = discover(blocked={"twin-a"})
    assert registry.find("encoder", "twin/of-b").distribution == "twin-b"
    assert registry.plugin("twin").ok


def test_what_is_installed_can_not_take_a_first_party_name(site: Site) -> None:
    site.module("genframe_thief", good("genframe_thief", "mlp"))
    site.distribution("genframe-thief", {"nets": "genframe_thief"})
    registry = discover()

    claims = {s.distribution: s for s in registry.plugins if s.name == "nets"}
    assert claims["genframe"].ok
    assert (
        claims["genframe-thief"].state == "conflict"
        and "genframe-thief 1.0" in claims["genframe-thief"].cause
    )
    assert all(offer.distribution != "genframe-thief" for offer in registry.offers())


def test_malformed_metadata_costs_one_distribution(site: Site) -> None:
    site.distribution("genframe-garbled", "[genframe]\nno equals sign here\n")
    site.distribution("genframe-odd", {"Odd Name": "genframe_sound"})
    registry = discover()
    broken = {s.distribution: s.cause for s in registry.plugins if s.state == "broken"}
    assert set(broken) == {"genframe-garbled", "genframe-odd"}
    assert registry.find("encoder", "sound/fine")


def test_what_a_plugin_prints_does_not_reach_stdout(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    site.plugin("loud", "print('hello')\nGENFRAME_API = 1")
    assert discover().plugin("loud").ok
    captured = capsys.readouterr()
    assert captured.out == "" and "hello" in captured.err


@pytest.mark.parametrize(("text", "death"), DEADLY.values(), ids=DEADLY.keys())
def test_a_plugin_that_ends_the_interpreter_ends_another(
    site: Site, monkeypatch: pytest.MonkeyPatch, text: str, death: str
) -> None:
    site.plugin("bad", text, distribution="genframe-sabotage")
    for _ in range(2):
        registry = discover()
        bad = status(registry, "bad")
        assert (bad.state, bad.offers) == ("broken", 0)
        assert death in bad.cause and "it did not come back" in bad.cause
        assert_others_work(registry, "bad")
        monkeypatch.setattr(isolation, "run", None)  # the verdict is known: nothing is tried again
    with pytest.raises(LookupProblem) as caught:
        registry.find("encoder", "bad/conv")
    assert caught.value.command == "genframe plugins doctor bad" and death in caught.value.message


def test_a_crash_in_native_code_is_told_with_the_plugins_line(site: Site) -> None:
    site.plugin("bad", "import ctypes\n\nctypes.string_at(0)")
    assert status(discover(), "bad").place.endswith("genframe_bad.py:3")


def test_a_plugin_is_tried_anew_once_it_or_its_neighbours_change(site: Site) -> None:
    site.plugin("bad", "import os\nos._exit(9)")
    assert status(discover(), "bad").state == "broken"
    site.module("genframe_bad", good("genframe_bad"))
    assert status(discover(), "bad").ok

    sound = vetting.Candidate(
        EntryPoint("bad", "genframe_bad", "genframe"), "genframe-bad", "1.0", str(site.folder)
    )
    before = vetting.fingerprint(sound)
    assert vetting.fingerprint(sound) == before
    site.distribution("numpy", "", version="99")
    assert vetting.fingerprint(sound) != before


def test_one_deadly_plugin_of_several_is_told_apart(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.plugin("bad-a", "import os\nos._exit(3)")
    site.plugin("bad-b", "import os\nos.abort()")
    site.plugin("zound", good("genframe_zound"))
    states = {s.name: s for s in discover().plugins if not s.first_party}
    assert {name: s.ok for name, s in states.items()} == {
        "bad-a": False, "bad-b": False, "sound": True, "zound": True,
    }  # fmt: skip
    assert "exit code 3" in states["bad-a"].cause and "SIGABRT" in states["bad-b"].cause


def test_where_no_note_can_be_kept_and_no_process_started_plugins_load_as_ever(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError("no processes here")

    monkeypatch.setattr(vetting, "_folder", lambda: None)
    monkeypatch.setattr(isolation, "run", refuse)
    assert status(discover(), "sound").ok


def test_first_party_plugins_are_not_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(isolation, "run", None)
    assert all(s.ok for s in discover(blocked="all").plugins if s.first_party)


def test_a_plugin_that_hangs_is_told_with_the_line_that_it_hangs_in(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vetting, "TIMEOUT", 5.0)
    site.plugin("bad", "import time\n\n\ntime.sleep(60)")
    bad = status(discover(), "bad")
    assert bad.place.endswith("genframe_bad.py:4")
    assert "had not finished after 5 s" in bad.cause


def test_what_is_noted_of_a_plugin_follows_its_code_and_not_its_data(site: Site) -> None:
    site.module("genframe_deep.__init__", "GENFRAME_API = 1")
    site.module("genframe_deep.inner.nets", "x = 1")
    table = site.folder / "genframe_deep" / "tables" / "a.csv"
    table.parent.mkdir()
    table.write_text("1")
    point = EntryPoint("deep", "genframe_deep", "genframe")
    candidate = vetting.Candidate(point, "genframe-deep", "1.0", str(site.folder))
    before = vetting.fingerprint(candidate)
    table.write_text("1, 2")
    assert vetting.fingerprint(candidate) == before
    site.module("genframe_deep.inner.nets", "x = 12")
    assert vetting.fingerprint(candidate) != before


def test_a_verdict_is_noted_for_the_next_process_where_that_can_be_written(
    site: Site, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.plugin("bad", "import os\nos._exit(9)")
    folder = tmp_path_factory.mktemp("cache")
    (folder / "a-file").write_text("")
    monkeypatch.setattr(vetting, "_folder", lambda: folder / "a-file" / "notes")
    assert status(discover(), "bad").state == "broken"
    monkeypatch.setattr(vetting, "_known", {})  # as in another process
    monkeypatch.setattr(vetting, "_folder", lambda: folder / "notes")
    assert status(discover(), "bad").state == "broken"
    monkeypatch.setattr(vetting, "_known", {})
    monkeypatch.setattr(isolation, "run", None)
    assert "exit code 9" in status(discover(), "bad").cause
    for note in (folder / "notes").iterdir():
        note.write_text("{torn")  # a note that can't be read is none
    monkeypatch.setattr(vetting, "_known", {})
    with pytest.raises(TypeError):
        discover()
