"""Names: who owns which, and what is said of those that lead nowhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from genframe import Component, PluginError
from genframe.errors import Mark
from genframe.registry import LookupProblem, Offer, Plugin, PluginStatus, RecipeFile, Registry


def plugin(
    name: str,
    components: dict[str, list[Component]] | None = None,
    *,
    first_party: bool = False,
    state: str = "ok",
    cause: str = "",
    recipes: tuple[str, ...] = (),
    pipelines: tuple[str, ...] = (),
) -> Plugin:
    distribution = "genframe" if first_party else f"genframe-{name}"
    offers = tuple(
        Offer(kind, component, name, distribution, "1.0", first_party)
        for kind, several in (components or {}).items()
        for component in several
    )
    files = [(recipe, False) for recipe in recipes] + [(pipeline, True) for pipeline in pipelines]
    return Plugin(
        PluginStatus(name, name, state, distribution, "1.0", first_party, cause=cause, offers=len(offers)),
        offers,
        tuple(RecipeFile(n, name, Path(f"{n}.yaml"), is_pipeline, first_party) for n, is_pipeline in files),
    )


def component(name: str, *aliases: str) -> Component:
    return Component(name, f"somewhere:{name}", aliases=aliases)


REGISTRY = Registry(
    (
        plugin(
            "nets",
            {
                "encoder": [component("conv"), component("res-net", "old-net")],
                "decoder": [component("conv")],
                "prior": [component("gaussian")],
            },
            first_party=True,
            recipes=("vae/digits",),
            pipelines=("vae",),
        ),
        plugin("more", {"encoder": [component("mlp")]}, first_party=True),
        plugin(
            "vq", {"encoder": [component("conv"), component("lookup")]}, recipes=("tiny",), pipelines=("vq",)
        ),
        plugin("other_vq", {"encoder": [component("lookup")]}),
        plugin("bad", state="broken", cause="ImportError: no"),
        plugin("gone", state="blocked", cause="by --no-plugins", first_party=True),
    )
)


def problem(kind: str, name: str, listed: tuple[str, ...] = ()) -> LookupProblem:
    with pytest.raises(LookupProblem) as caught:
        REGISTRY.find(kind, name, listed)
    return caught.value


def test_a_bare_name_is_a_first_party_plugins() -> None:
    assert REGISTRY.find("encoder", "conv").name == "nets/conv"
    assert REGISTRY.find("decoder", "conv").kind == "decoder"


def test_an_owned_name_finds_any_plugins() -> None:
    assert REGISTRY.find("encoder", "nets/conv").plugin == "nets"
    assert REGISTRY.find("encoder", "vq/conv").plugin == "vq"


def test_a_listed_plugins_names_are_bare() -> None:
    assert REGISTRY.find("encoder", "lookup", listed=["vq"]).name == "vq/lookup"
    assert REGISTRY.find("encoder", "lookup", listed=["other-vq"]).name == "other_vq/lookup"


def test_an_unlisted_plugin_must_be_written_out_or_listed() -> None:
    found = problem("encoder", "lookup")
    assert found.code == "GF304"
    assert "'other_vq' and plugin 'vq'" in found.message and "`plugins:`" in found.message
    assert found.nearest == "other_vq/lookup"


def test_a_bare_name_with_two_owners_names_both() -> None:
    first_and_third = problem("encoder", "conv", listed=("vq",))
    assert first_and_third.code == "GF302" and "nets/conv or vq/conv" in first_and_third.message
    thirds = problem("encoder", "lookup", listed=("vq", "other-vq"))
    assert "other_vq/lookup or vq/lookup" in thirds.message


def test_underscores_and_hyphens_are_one() -> None:
    assert REGISTRY.find("encoder", "res_net") == REGISTRY.find("encoder", "res-net")
    assert REGISTRY.find("encoder", "other-vq/lookup").plugin == "other_vq"


def test_a_former_name_works_and_says_the_new_one() -> None:
    offer = REGISTRY.find("encoder", "old_net")
    assert offer.name == "nets/res-net"
    assert offer.alias_note("old_net") == "encoder 'old_net' is now called 'res-net'"
    assert offer.alias_note("nets/old-net") is not None
    assert offer.alias_note("res_net") is None and offer.alias_note("nets/res-net") is None


@pytest.mark.parametrize(
    ("kind", "name", "nearest", "command"),
    [
        ("encoder", "cnv", "conv", "genframe list encoder"),
        ("encoder", "nets/cnov", "nets/conv", "genframe list encoder"),
        ("encoder", "vq/lokup", "vq/lookup", "genframe list encoder"),
        ("encoder", "something-else", None, "genframe list encoder"),
        ("encodr", "conv", "encoder", "genframe list"),
    ],
)
def test_an_unknown_name_gives_the_nearest(kind: str, name: str, nearest: str | None, command: str) -> None:
    found = problem(kind, name)
    assert (found.nearest, found.command) == (nearest, command)


def test_a_name_of_another_kind_is_recognised() -> None:
    assert "there is a prior of that name" in problem("encoder", "gaussian").message


def test_an_owner_that_can_not_be_used_is_named_with_the_cause() -> None:
    found = problem("encoder", "bad/conv")
    assert found.code == "GF303" and "'bad' (genframe-bad 1.0) is broken: ImportError: no" in found.message
    assert "there is no plugin 'absent'" in problem("encoder", "absent/conv").message


def test_a_bare_name_that_a_lost_plugin_may_own_says_so() -> None:
    message = problem("encoder", "unknown", listed=("bad",)).message
    assert "'gone' (genframe 1.0) is blocked" in message and "'bad' (genframe-bad 1.0) is broken" in message
    assert "'bad'" not in problem("encoder", "unknown").message


def test_a_plugin_that_is_asked_for_must_be_ok() -> None:
    assert REGISTRY.plugin("vq").ok
    assert REGISTRY.plugin("other-vq").name == "other_vq"
    for name, code in (("bad", "GF303"), ("vqq", "GF305")):
        with pytest.raises(LookupProblem) as caught:
            REGISTRY.plugin(name)
        assert caught.value.code == code
    assert caught.value.nearest == "vq"


def test_recipes_and_pipelines_are_found_apart() -> None:
    assert REGISTRY.find_recipe("vae/digits").plugin == "nets"
    assert REGISTRY.find_recipe("vae", pipeline=True).pipeline
    assert REGISTRY.find_recipe("nets/vae", pipeline=True).name == "vae"
    assert REGISTRY.find_recipe("vq/tiny").plugin == "vq"
    assert REGISTRY.find_recipe("vq", pipeline=True, listed=["vq"]).plugin == "vq"
    for name, pipeline, code, nearest in [
        ("vae", False, "GF301", None),
        ("vae/digts", False, "GF301", "vae/digits"),
        ("vaee", True, "GF301", "vae"),
        ("vq", True, "GF304", "vq/vq"),
    ]:
        with pytest.raises(LookupProblem) as caught:
            REGISTRY.find_recipe(name, pipeline)
        assert (caught.value.code, caught.value.nearest) == (code, nearest)


def test_offers_are_listed_by_kind() -> None:
    assert [o.name for o in REGISTRY.offers("decoder")] == ["nets/conv"]
    assert len(REGISTRY.offers()) == 8
    with pytest.raises(LookupProblem):
        REGISTRY.offers("decodr")


def test_a_lookup_problem_becomes_a_problem_with_its_place() -> None:
    mark = Mark("r.yaml", 3, 4)
    placed = problem("encoder", "cnv").at(mark, "encoder.use")
    assert (placed.mark, placed.path, placed.nearest) == (mark, "encoder.use", "conv")


@pytest.mark.parametrize("target", ["no_such_package_here:A", "json:NotThere"])
def test_a_target_that_can_not_be_imported_is_a_plugin_error_from_its_cause(target: str) -> None:
    offer = Offer("encoder", Component("conv", target), "vq", "genframe-vq", "1.2")
    with pytest.raises(PluginError) as caught:
        offer.load()
    (found,) = caught.value.problems
    assert found.code == "GF320"
    assert all(word in found.message for word in ("vq/conv", "genframe-vq 1.2", target))
    assert isinstance(caught.value.__cause__, (ImportError, AttributeError))


def test_a_summary_is_the_plugins_or_the_docstrings() -> None:
    assert Offer("loss", Component("a", "no_such_package_here:A", summary="said"), "vq").summary() == "said"
    assert Offer("loss", Component("a", "no_such_package_here:A"), "vq").summary() == ""
    assert Offer("loss", Component("a", "textwrap:dedent"), "vq").summary().startswith("Remove")
