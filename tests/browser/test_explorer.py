"""The explorer's page in a real browser: its controls by mouse and by keys, and what happens to the pictures."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from conftest import Heard, OpenPage
from tiny import SMALL

import genframe
from genframe.explorer import server
from genframe.explorer.explored import Explored

TOKEN = "token-of-the-tests"
SCRIPT = "<script>document.title='owned'</script>"
TRAINED = {
    "vae": "vae/digits",
    "chain": "dae/walkback-digits",
    "points": "gan/ring",
    "classes": "vae/conditional-digits",
}


@contextmanager
def serving(*models: Explored) -> Iterator[str]:
    """The page's address, as long as it is served from a thread."""
    listening = server.bound(0)
    port = listening.getsockname()[1]
    config = uvicorn.Config(
        server.application(models, TOKEN, port), log_level="error", lifespan="off", ws="none"
    )
    running = uvicorn.Server(config)
    thread = threading.Thread(target=running.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        yield f"http://127.0.0.1:{port}/{TOKEN}/"
    finally:
        running.should_exit = True
        thread.join(10)
        listening.close()


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Explored]:
    """A model of twenty steps by a word; one is called by a name with a script in it."""
    folder: Path = tmp_path_factory.mktemp("runs")
    made: dict[str, Explored] = {}

    def model(word: str) -> Explored:
        if word not in made:
            recipe = TRAINED[word]
            steps = ("device=cpu", "train.epochs=null", "train.steps=20", "train.samples.every=null")
            run = genframe.train(recipe, (*SMALL[recipe], *steps), run_dir=folder / word, quiet=True)
            made[word] = Explored(genframe.load(run), SCRIPT if word == "chain" else word)
        return made[word]

    return model


@pytest.fixture(scope="module")
def address(models: Callable[[str], Explored]) -> Iterator[str]:
    """A VAE alone."""
    with serving(models("vae")) as served:
        yield served


@pytest.fixture(scope="module")
def addresses(models: Callable[[str], Explored]) -> Iterator[str]:
    """Three that can unlike things, of unlike shapes."""
    with serving(models("classes"), models("chain"), models("points")) as served:
        yield served


def settled(page: Any) -> None:
    """What was asked for is drawn."""
    page.locator("#panels[aria-busy=false]").wait_for()


def tab(page: Any, name: str) -> Any:
    """A panel, opened by its tab; it has what it first asked for."""
    page.get_by_role("tab", name=name).click()
    settled(page)
    return page.locator("section[role=tabpanel]:visible")


def picture(page: Any, panel: Any, label: str, which: int = 0) -> str:
    """The pixels of a canvas by what it is called."""
    canvas = panel.locator(f'canvas[aria-label*="{label}"]').nth(which)
    canvas.wait_for()
    return str(canvas.evaluate("canvas => canvas.toDataURL()"))


def changed(page: Any, panel: Any, label: str, before: str, which: int = 0) -> str:
    """The canvas's pixels, once they are other than before."""
    canvas = panel.locator(f'canvas[aria-label*="{label}"]').nth(which)
    page.wait_for_function(
        "([canvas, before]) => canvas.toDataURL() !== before", arg=[canvas.element_handle(), before]
    )
    return str(canvas.evaluate("canvas => canvas.toDataURL()"))


def fault_free(heard: Heard, address: str) -> None:
    assert heard.errors == [] and heard.beyond(address) == []


def test_a_slider_by_mouse_and_by_keys_changes_the_picture(open_page: OpenPage, address: str) -> None:
    page, heard = open_page(address)
    panel = tab(page, "Latents")
    before = picture(page, panel, "axes of")
    box = panel.get_by_role("slider", name="axis 1").bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.9, box["y"] + box["height"] / 2, steps=5)
    page.mouse.up()
    assert float(panel.get_by_role("slider", name="axis 1").input_value()) > 2
    dragged = changed(page, panel, "axes of", before)
    panel.get_by_role("slider", name="axis 2").focus()
    page.keyboard.press("End")
    pressed = changed(page, panel, "axes of", dragged)
    panel.get_by_role("button", name="Back to the start").click()
    assert changed(page, panel, "axes of", pressed) == before
    assert "ms" in page.locator("#latency").inner_text()
    fault_free(heard, address)


def test_latents_as_coded_start_from_an_example(open_page: OpenPage, address: str) -> None:
    page, heard = open_page(address)
    panel = tab(page, "Latents")
    before = picture(page, panel, "axes of")
    panel.get_by_text("an example", exact=True).click()
    panel.get_by_role("radio", name="example 3").click()
    chosen = changed(page, panel, "axes of", before)
    panel.get_by_text("latents as coded").click()
    settled(page)
    slider = panel.locator("input[type=range]").first
    assert slider.evaluate("input => input.labels[0].textContent").startswith("z[")
    slider.focus()
    page.keyboard.press("Home")
    changed(page, panel, "latents", chosen)
    fault_free(heard, address)


def test_the_map_shows_what_is_under_the_mouse(open_page: OpenPage, address: str) -> None:
    page, heard = open_page(address)
    panel = tab(page, "Map")
    before = picture(page, panel, "axis 1 = 0.00")
    panel.locator('canvas[aria-label^="the map"]').hover(position={"x": 20, "y": 20})
    panel.get_by_text("axis 1 = -").wait_for()
    assert picture(page, panel, "axis 1 = ") != before
    panel.get_by_label("To the right").focus()
    page.keyboard.press("End")
    panel.get_by_text("axis 1 = 2.").wait_for()
    fault_free(heard, address)


def test_what_is_drawn_is_reconstructed(open_page: OpenPage, address: str) -> None:
    page, heard = open_page(address)
    panel = tab(page, "Draw")
    before = picture(page, panel, "reconstruct")
    box = panel.locator(".board canvas").bounding_box()
    page.mouse.move(box["x"] + 80, box["y"] + 80)
    page.mouse.down()
    page.mouse.move(box["x"] + 200, box["y"] + 90, steps=4)
    page.mouse.move(box["x"] + 120, box["y"] + 240, steps=4)
    page.mouse.up()
    drawn = changed(page, panel, "reconstruct", before)
    seen, code = picture(page, panel, "as the model sees it"), picture(page, panel, "the code")
    panel.get_by_role("button", name="Wipe").click()
    wiped = changed(page, panel, "as the model sees it", seen)
    changed(page, panel, "the code", code)
    panel.locator(".board canvas").focus()
    page.keyboard.press("Space")
    for _ in range(6):
        page.keyboard.press("ArrowDown")
    page.keyboard.press("Space")
    changed(page, panel, "as the model sees it", wiped)
    assert drawn != before
    interpolated = tab(page, "Interpolate")
    way = picture(page, interpolated, "of the way")
    interpolated.get_by_role("radio", name="my drawing").first.click()
    changed(page, interpolated, "of the way", way)
    fault_free(heard, address)


def test_noise_is_put_on_and_walked_back(open_page: OpenPage, addresses: str) -> None:
    page, heard = open_page(addresses)
    panel = tab(page, "Noise")
    before = [picture(page, panel, "with noise", which) for which in (0, 1)]
    injector = panel.get_by_label("Injector")
    assert "the recipe's" in injector.evaluate("select => select.selectedOptions[0].textContent")
    panel.get_by_label("share").focus()
    page.keyboard.press("End")
    noised = [changed(page, panel, "with noise", before[which], which) for which in (0, 1)]
    restored = picture(page, panel, "denoise")
    injector.select_option("dae/masking")
    [changed(page, panel, "with noise", noised[which], which) for which in (0, 1)]
    changed(page, panel, "denoise", restored)
    panel.get_by_role("button", name="Walk").click()
    panel.get_by_text("step 20").nth(1).wait_for()  # played to its end
    last = picture(page, panel, "step 20", 1)
    panel.get_by_label("Step", exact=True).focus()
    page.keyboard.press("Home")
    panel.get_by_text("step 0").nth(1).wait_for()
    assert picture(page, panel, "step 0", 1) != last
    assert panel.get_by_text("Not for this model: needs an output that restores").count() == 1
    fault_free(heard, addresses)


def test_the_way_between_two_pictures_is_under_a_slider(open_page: OpenPage, address: str) -> None:
    page, heard = open_page(address)
    panel = tab(page, "Interpolate")
    before = picture(page, panel, "50 % of the way")
    asked = len(heard.requests)
    panel.get_by_role("slider", name="Way").focus()
    page.keyboard.press("Home")
    assert picture(page, panel, "0 % of the way") != before
    assert len(heard.requests) == asked  # the whole way is there already
    fault_free(heard, address)


def test_samples_follow_seed_and_class_in_all_models_at_once(open_page: OpenPage, addresses: str) -> None:
    page, heard = open_page(addresses)
    panel = tab(page, "Samples")
    before = [picture(page, panel, "seed 0", which) for which in (0, 2)]
    panel.get_by_role("button", name="Another").click()
    after = [changed(page, panel, "seed 1", one, which) for one, which in zip(before, (0, 2), strict=True)]
    panel.get_by_label("Class").select_option("4")
    changed(page, panel, "under the conditions, seed 1", after[0])
    fault_free(heard, addresses)


def test_a_name_with_a_script_is_shown_and_not_run(open_page: OpenPage, addresses: str) -> None:
    page, heard = open_page(addresses)
    assert page.get_by_text(SCRIPT, exact=True).count() >= 1
    assert page.title() != "owned" and SCRIPT in page.title()
    fault_free(heard, addresses)


def test_what_fails_is_said_on_the_page(open_page: OpenPage, address: str) -> None:
    page, _ = open_page(address)
    panel = tab(page, "Latents")
    page.route(
        "**/models/0/latents", lambda route: route.fulfill(status=400, body='{"error": "no such slider"}')
    )
    panel.get_by_role("slider", name="axis 1").press("End")
    panel.get_by_text("no such slider").wait_for()
    page.unroute("**/models/0/latents")
    panel.get_by_role("slider", name="axis 1").press("Home")
    panel.get_by_text("no such slider").wait_for(state="detached")


def test_all_controls_are_reached_by_keys(open_page: OpenPage, address: str) -> None:
    page, heard = open_page(address)
    page.get_by_role("tab", name="Latents").focus()
    for name in ("Map", "Draw", "Noise", "Interpolate", "Samples"):
        page.keyboard.press("ArrowRight")
        assert page.evaluate("document.activeElement.textContent") == name
        panel = page.locator("section[role=tabpanel]:visible")
        settled(page)
        wanted = panel.locator(
            "input:visible, select:visible, button:visible:not([tabindex='-1']), [tabindex='0']:visible"
        )
        wanted.evaluate_all("all => all.forEach((one, k) => { one.dataset.wanted = k; })")
        groups = len(set(panel.locator("input[type=radio]").evaluate_all("all => all.map(one => one.name)")))
        radios = panel.locator("input[type=radio]").count()
        seen: set[str] = set()
        for _ in range(wanted.count() + 5):
            page.keyboard.press("Tab")
            seen.add(page.evaluate("document.activeElement.dataset.wanted ?? ''"))
        assert len(seen - {""}) == wanted.count() - radios + groups, name
        page.get_by_role("tab", name=name).focus()
    fault_free(heard, address)


@pytest.mark.parametrize(("width", "dark"), [(1200, False), (390, True)])
def test_every_panel_is_accessible_and_fits(
    open_page: OpenPage, axe: Callable[[Any], list[str]], addresses: str, width: int, dark: bool
) -> None:
    page, heard = open_page(addresses, width=width, dark=dark)
    for name in ("Latents", "Map", "Draw", "Noise", "Interpolate", "Samples"):
        panel = tab(page, name)
        if name == "Noise":
            panel.get_by_role("button", name="Walk").click()
            panel.get_by_role("button", name="Play").wait_for()
        assert axe(page) == [], name
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (
            f"{name} is wider than {width}"
        )
    fault_free(heard, addresses)
