"""The report in a browser, opened from disk: it shows what was drawn, and is used by mouse and by keyboard."""

from __future__ import annotations

import base64
import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tiny import small

from genframe import report
from genframe.engine import loop
from genframe.report import drawn

ROWS = 400


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of a few steps; its rows are many, so that there is something to zoom."""
    brief = "train={steps: 8, checkpoint: {every: 8}, samples: {n: 16, every: 2}, log: {every: 4}}"
    run = loop.train(
        small("vae/digits", brief), tmp_path_factory.mktemp("runs") / "run", ended=drawn.at_the_end
    )
    row = json.loads((run / "metrics.jsonl").read_text().splitlines()[-1])
    with (run / "metrics.jsonl").open("w") as file:
        for step in range(1, ROWS + 1):
            row["terms"] = {"objective": 100 + 100 / step, "objective/rate": 0.1 * step}
            file.write(json.dumps({**row, "step": step}) + "\n")
    told = {"split": "test", "examples": 1000, "step": 8, "seed": 0}
    figures = {"metric": "elbo", "component": "metrics/elbo", "figures": {"elbo": -99.5}, "protocol": told}
    (run / "evaluations.json").write_text(json.dumps([figures]))
    report.write([run], run / report.FILE)
    return run


@pytest.fixture(scope="module")
def comparison(folder: Path) -> Path:
    other = folder.parent / "other"
    shutil.copytree(folder, other)
    text = (other / "resolved.yaml").read_text()
    (other / "resolved.yaml").write_text(text.replace("dim: 3", "dim: 5"))
    return report.write([folder, other], folder.parent / "comparison.html")


def strip(page: Any, name: str) -> Any:
    return page.locator(f".strip[data-name={name}]")


def shown(picture: Any) -> np.ndarray[Any, Any]:
    """The pixels of an <img> as the browser decoded them: (height, width)."""
    coded = picture.evaluate(
        """image => { const c = document.createElement('canvas'); c.width = image.naturalWidth;
        c.height = image.naturalHeight; c.getContext('2d').drawImage(image, 0, 0); return c.toDataURL('image/png'); }"""
    )
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(coded.partition(",")[2]))).convert("L"))


def ticks(page: Any, axis: str = "x") -> list[str]:
    found: list[str] = page.locator(f"#chart-terms text.{axis}").all_text_contents()
    return found


def test_the_slider_shows_the_picture_of_each_step(folder: Path, open_page: Callable[..., Any]) -> None:
    page, heard = open_page((folder / "report.html").as_uri())
    one = strip(page, "sample")
    slider = one.locator("input[type=range]")
    for place, step in ((3, 8), (0, 2), (2, 6)):
        slider.fill(str(place))
        assert one.locator("output").text_content() == f"step {step}"
        stored = np.asarray(Image.open(folder / "samples" / f"sample-{step:08d}.png"))
        assert (shown(one.locator("img")) == stored).all()
    scale = round(one.locator("img").bounding_box()["width"] / stored.shape[1])
    screen = np.asarray(Image.open(io.BytesIO(one.locator("img").screenshot())).convert("L"), dtype=float)
    large = stored.repeat(scale, 0).repeat(
        scale, 1
    )  # what stands on the screen, at most a pixel off in each direction
    off = [screen[y:, x:][: large.shape[0], : large.shape[1]] for y in (0, 1) for x in (0, 1)]
    parts = [np.abs(part - large[: part.shape[0], : part.shape[1]]).mean() for part in off]
    assert scale > 1 and min(parts) < 1, parts
    slider.focus()
    page.keyboard.press("ArrowLeft")
    assert one.locator("output").text_content() == "step 4"
    assert not heard.errors and not heard.beyond("file:")


def test_a_chart_is_zoomed_by_drag_wheel_and_keyboard(folder: Path, open_page: Callable[..., Any]) -> None:
    page, heard = open_page((folder / "report.html").as_uri())
    plot = page.locator("#chart-terms .plot")
    plot.scroll_into_view_if_needed()
    box, whole, height = plot.bounding_box(), ticks(page), ticks(page, "y")
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] * 0.5, middle)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.75, middle, steps=4)
    page.mouse.up()
    dragged = ticks(page)
    assert dragged != whole and ticks(page, "y") != height
    assert all(ROWS * 0.4 < int(said) < ROWS * 0.85 for said in dragged)
    assert page.locator("#chart-terms .span").text_content().startswith("steps 1")
    small_chart = page.locator(".charts .chart .span").first.text_content()
    assert (
        small_chart == page.locator("#chart-terms .span").text_content()
    )  # one span of steps for all charts
    plot.focus()
    page.keyboard.press("0")
    assert ticks(page) == whole
    page.keyboard.press("+")
    page.keyboard.press("ArrowRight")
    assert ticks(page) != whole
    page.keyboard.press("Escape")
    page.mouse.wheel(0, -300)
    page.wait_for_function(
        "before => document.querySelector('#chart-terms .span').textContent !== before", arg="steps 1 to 400"
    )
    page.locator("#chart-terms .whole").click()
    assert ticks(page) == whole
    page.locator("#chart-terms .log").check()
    assert ticks(page, "y") != height
    page.locator("#chart-terms").get_by_label("weighted").check()
    assert page.locator("#chart-terms .legend .name").all_text_contents() == ["model.objective"]
    assert not heard.errors and not heard.beyond("file:")


def test_a_curve_is_drawn_where_its_values_are(folder: Path, open_page: Callable[..., Any]) -> None:
    page, _ = open_page((folder / "report.html").as_uri())
    drawn_ = page.locator("#chart-terms path.curve")
    assert drawn_.count() == 2
    rate = drawn_.nth(1).get_attribute("d").replace("M", "L").split("L")[1:]
    points = np.array([[float(number) for number in point.split()] for point in rate])
    assert len(points) == ROWS
    slope = np.diff(points[:, 1]) / np.diff(points[:, 0])  # 0.1 a step: a straight line, upwards
    assert slope == pytest.approx(np.full(ROWS - 1, slope.mean()), abs=0.3) and slope.mean() < 0
    page.locator("#chart-terms .legend input").first.uncheck()
    assert page.locator("#chart-terms path.curve").count() == 1


def test_everything_is_reached_by_the_keyboard(folder: Path, open_page: Callable[..., Any]) -> None:
    page, _ = open_page((folder / "report.html").as_uri())
    reached = set()
    for _ in range(90):
        page.keyboard.press("Tab")
        reached.add(
            page.evaluate(
                "(({tagName, className, type}) => `${tagName} ${className || type || ''}`)(document.activeElement)"
            )
        )
    wanted = {"A skip", "BUTTON theme", "BUTTON play", "INPUT range", "DIV plot", "INPUT log", "BUTTON whole"}
    assert wanted <= reached and any("copy" in name for name in reached), reached


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_axe_finds_nothing_serious(
    dark: bool, folder: Path, comparison: Path, open_page: Callable[..., Any], axe: Callable[[Any], list[str]]
) -> None:
    for address in (folder / "report.html", comparison):
        page, heard = open_page(address.as_uri(), dark=dark)
        page.evaluate("document.querySelectorAll('details').forEach(part => (part.open = true))")
        assert not axe(page)
        assert not heard.errors and not heard.beyond("file:")


def test_the_theme_is_switched(folder: Path, open_page: Callable[..., Any]) -> None:
    page, _ = open_page((folder / "report.html").as_uri(), dark=True)
    colour = "getComputedStyle(document.body).backgroundColor"
    before = page.evaluate(colour)
    page.locator("button.theme").click()
    assert page.evaluate(colour) != before == "rgb(21, 23, 26)"
    assert page.locator("button.theme").text_content() == "Dark theme"


@pytest.mark.parametrize("width", [390, 800])
def test_a_phone_shows_it_without_scrolling_sideways(
    width: int, folder: Path, comparison: Path, open_page: Callable[..., Any]
) -> None:
    for address in (folder / "report.html", comparison):
        page, _ = open_page(address.as_uri(), width=width)
        assert page.evaluate("document.documentElement.scrollWidth") == width


def test_it_prints(folder: Path, open_page: Callable[..., Any]) -> None:
    page, _ = open_page((folder / "report.html").as_uri(), dark=True)
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert not page.locator("nav").is_visible() and page.locator("#plan svg").is_visible()
    assert page.pdf().startswith(b"%PDF")


def test_a_script_that_gets_in_does_not_run(
    folder: Path, tmp_path: Path, open_page: Callable[..., Any]
) -> None:
    text = (folder / "report.html").read_text()
    got_in = (
        "<script>document.title = 'taken'</script><img src='data:,' onerror=\"document.title = 'taken'\">"
    )
    (tmp_path / "page.html").write_text(text.replace("</main>", f"{got_in}</main>"))
    page, heard = open_page((tmp_path / "page.html").as_uri())
    assert "taken" not in page.title() and "Content Security Policy" in " ".join(heard.errors)


def test_differences_of_two_recipes_of_long_names_stand_beside_each_other(
    folder: Path, tmp_path: Path, open_page: Callable[..., Any]
) -> None:
    runs = [tmp_path / "one", tmp_path / "other"]
    for run in runs:
        shutil.copytree(folder, run)
        text = (run / "resolved.yaml").read_text()
        settings = text.replace("name: ", f"name: {run.name}{'-and-more-words' * 6}", 1)
        (run / "resolved.yaml").write_text(settings.replace("dim: 3", f"dim: {len(run.name)}"))
    page, _ = open_page(report.write(runs, tmp_path / "page.html").as_uri(), width=1200)
    assert "other-and-more-words" in page.locator("#differences thead").text_content()
    assert (
        page.evaluate("(e => e.scrollWidth - e.clientWidth)(document.querySelector('#differences .scroll'))")
        == 0
    )


def test_runs_are_compared(comparison: Path, open_page: Callable[..., Any]) -> None:
    page, heard = open_page(comparison.as_uri())
    chart = page.locator("#chart-0")
    assert chart.locator(".legend .name").all_text_contents() == ["run", "other"]
    chart.locator("select").select_option("objective/rate")
    assert chart.locator("path.curve").count() == 2
    head = page.locator("table.sorts th.number button").first
    head.click()
    assert page.locator("table.sorts th[aria-sort=descending]").count() == 1
    assert "prior.dim" in page.locator("#differences").text_content()
    assert not heard.errors and not heard.beyond("file:")
