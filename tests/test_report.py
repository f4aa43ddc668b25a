"""A run's report: all in one page, nothing that others wrote runs in it, and half a run is reported too."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from PIL import Image
from scipy import stats
from tiny import small

from genframe import report
from genframe.cli import group
from genframe.engine import loop
from genframe.engine.previews import Previews
from genframe.errors import RunError
from genframe.report import compared, drawn, facts, frames
from genframe.report.curves import Columns, curves, thinned
from genframe.report.graph import Drawing, drawing
from genframe.report.page import as_script, yaml
from genframe.run import PLAN
from genframe.runs import facts_of

EVIL = "</script><script>alert(1)</script><img src=x onerror=alert(2)>"


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that ended with its report."""
    brief = "train={steps: 8, checkpoint: {every: 4}, samples: {n: 4, every: 2}, log: {every: 1}}"
    folder = tmp_path_factory.mktemp("runs") / "first"
    return loop.train(small("vae/digits", brief, "seed=7"), folder, ended=drawn.at_the_end)


@pytest.fixture
def run(trained: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(trained, tmp_path / "run"))


class Page(HTMLParser):
    """What a browser would see of a page: scripts that run, blocks of data, anchors, handlers, and addresses."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.scripts: list[str] = []
        self.data: dict[str, Any] = {}
        self.ids: list[str] = []
        self.addresses: list[str] = []
        self.handlers: list[str] = []
        self.policy = ""
        self.text = ""
        self._inside: tuple[str, str] | None = None
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {key: value or "" for key, value in attrs}
        self.ids += [given["id"]] if "id" in given else []
        self.addresses += [given[key] for key in ("src", "href") if key in given]
        self.handlers += [key for key in given if key.startswith("on") or key == "style"]
        if given.get("http-equiv") == "Content-Security-Policy":
            self.policy = given["content"]
        if tag == "script":
            self._inside = (given.get("type", ""), given.get("id", ""))

    def handle_endtag(self, tag: str) -> None:
        self._inside = None if tag == "script" else self._inside

    def handle_data(self, data: str) -> None:
        if self._inside is None:
            self.text += data
        elif self._inside[0]:
            self.data[self._inside[1]] = json.loads(data)
        else:
            self.scripts.append(data)


def page(*folders: Path) -> Page:
    return Page(report.html(folders))


def add(run: Path, file: str, change: Callable[[Any], Any]) -> None:
    path = run / file
    path.write_text(json.dumps(change(json.loads(path.read_text()) if path.exists() else None)))


def evaluated(run: Path, value: float, **protocol: Any) -> None:
    told = {"split": "test", "examples": 1000, "step": 8, "seed": 7, "options": {}, **protocol}
    row = {"metric": "elbo", "component": "metrics/elbo", "figures": {"elbo": value}, "protocol": told}
    add(run, "evaluations.json", lambda rows: [*(rows or []), row])


def test_a_training_ends_with_a_page_that_holds_everything_and_asks_for_nothing(trained: Path) -> None:
    text = (trained / "report.html").read_text()
    seen = Page(text)
    assert {"pictures", "curves", "plan", "metrics", "recipe", "facts", "next"} <= set(seen.ids)
    assert len(seen.ids) == len(set(seen.ids))
    assert all(address.startswith(("#", "data:image/")) for address in seen.addresses), seen.addresses
    assert len(seen.scripts) == 1 and not seen.handlers
    assert 'class="state finished"' in text
    assert (
        "default-src 'none'" in seen.policy
        and "unsafe" not in seen.policy
        and "Not in this report" not in seen.text
    )
    names = {path.stem.partition("-")[0] for path in (trained / "samples").glob("*.png")}
    assert {"sample", "reconstruct", "data", "traversal", "interpolation", "manifold"} <= names
    groups = {g["key"]: {s["name"] for s in g["series"]} for g in seen.data["data-curves"]["groups"]}
    assert "objective" in groups["terms"] and groups["weighted"] == {"model.objective"}
    steps = [
        [frame["step"] for frame in value] for key, value in seen.data.items() if key.startswith("frames")
    ]
    assert [2, 4, 6, 8] in steps
    for said in (
        "encoder",
        "genframe resume",
        "version of torch",
        "examples per second",
        "Who learns from what",
    ):
        assert said in seen.text


def test_reporting_a_stored_run_loads_no_torch(run: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from genframe import report\n"
        f"report.write([Path({str(run)!r})], Path({str(run)!r}, 'again.html'))\n"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
    assert (run / "again.html").stat().st_size > 10_000


def test_what_others_wrote_is_text(run: Path) -> None:
    for file in ("recipe.yaml", "resolved.yaml"):
        text = (run / file).read_text()
        (run / file).write_text(f"name: '{EVIL}'  # {EVIL}\n" + text.replace("name:", "was:", 1))
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    for row in rows:
        row["terms"][EVIL], row["alarms"] = 1.0, {EVIL: EVIL}
    (run / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    evaluated(run, 1.0, split=EVIL, options={EVIL: EVIL}, provenance={EVIL: EVIL})
    add(run, "evaluations.json", lambda rows: [{**rows[0], "metric": EVIL, "figures": {EVIL: 1.0}}])

    def planned(plan: dict[str, Any]) -> dict[str, Any]:
        plan["wires"][0] |= {"name": EVIL, "expression": EVIL, "shapes": {EVIL: EVIL}, "calls": [EVIL]}
        plan["players"][0]["name"] = plan["components"][0]["name"] = EVIL
        return plan

    add(run, "plan.json", planned)
    add(run, "lock.json", lambda lock: {**lock, "command": [EVIL], "versions": {EVIL: EVIL}})
    said = [{"text": EVIL, "because": EVIL}]
    (run / "audit").mkdir()
    add(run, "audit/audit.json", lambda _: {"holds": EVIL, "figures": {f"{EVIL}[": 1}, "verdict": said})
    with (run / "log.txt").open("a") as log:
        log.write(f"x failed: {EVIL}\n")
    for folders in ([run], [run, shutil.copytree(run, run.parent / f"{EVIL[9:15]}")]):
        seen = page(*folders)
        assert len(seen.scripts) == 1 and "alert" not in seen.scripts[0] and not seen.handlers
        assert all(address.startswith(("#", "data:image/")) for address in seen.addresses)
        assert EVIL in seen.text
        assert EVIL in {
            s.get("of", s["name"]) for g in seen.data["data-curves"]["groups"] for s in g["series"]
        }


def test_a_block_of_data_cannot_be_left() -> None:
    text = as_script({"<!--": EVIL, "a": "\u2028&"})
    assert not set("<>&\u2028") & set(text) and json.loads(text) == {"<!--": EVIL, "a": "\u2028&"}
    assert yaml(f"{EVIL}: {EVIL} # {EVIL}\n- <b>: '#'").count("<script") == 0


def _torn(run: Path) -> None:
    with (run / "metrics.jsonl").open("a") as file:
        file.write('{"step": 9, "ter')


def _without(*names: str) -> Callable[[Path], None]:
    def remove(run: Path) -> None:
        for name in names:
            path = run / name
            shutil.rmtree(path) if path.is_dir() else path.unlink()

    return remove


def _written(name: str, text: str) -> Callable[[Path], None]:
    return lambda run: (run / name).write_text(text) and None


def _plugin_gone(run: Path) -> None:
    text = (run / "resolved.yaml").read_text()
    (run / "resolved.yaml").write_text(text.replace("nets/mlp", "gone/mlp"))
    for path in (run / "samples").glob("[tim]*.png"):
        path.unlink()


BROKEN: dict[str, tuple[Callable[[Path], None], str]] = {
    "a torn last row": (_torn, "the last line is torn"),
    "a row that is none": (
        lambda r: _written("metrics.jsonl", "x\n" + (r / "metrics.jsonl").read_text())(r),
        "1 of 9",
    ),
    "no rows": (_without("metrics.jsonl"), "no row was logged"),
    "no lock": (_without("lock.json"), "lock.json missing"),
    "a lock that is none": (_written("lock.json", "[1"), "lock.json"),
    "no resolved recipe": (_without("resolved.yaml"), "resolved.yaml missing"),
    "a resolved recipe that is none": (_written("resolved.yaml", "a: [1"), "the settings"),
    "no pictures": (_without("samples"), "drew no pictures"),
    "a picture that is none": (
        _written("samples/sample-00000004.png", "PNG"),
        "sample-00000004.png can't be read",
    ),
    "evaluations that are none": (_written("evaluations.json", "{}"), "evaluations.json"),
    "a plan that is none": (_written("plan.json", "7"), "plan.json"),
    "a plan of another kind": (_written("plan.json", '{"wires": [{"name": "a"}]}'), "the plan: KeyError"),
    "half a folder": (
        _without("lock.json", "resolved.yaml", "samples", "plan.json", "log.txt"),
        "half there",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_half_a_run_is_reported_with_what_is_there(case: str, run: Path) -> None:
    spoil, said = BROKEN[case]
    spoil(run)
    text = page(run).text
    assert said in text, text[:2000]
    assert "recipe" in text


def test_of_a_run_whose_plugin_is_gone_the_report_says_what_it_lacks(run: Path) -> None:
    _plugin_gone(run)
    done = CliRunner().invoke(group, ["report", str(run)], obj=[])
    assert done.exit_code == 0, (done.output, done.exception)
    text = Page((run / "report.html").read_text()).text
    assert "traversals and interpolations" in text and "gone" in text
    assert "objective" in text and "Who learns from what" in text  # the plan is that of the training


def test_what_only_the_model_can_draw_is_drawn_when_asked_for(run: Path) -> None:
    for path in (run / "samples").glob("[tim]*.png"):
        path.unlink()
    (run / "plan.json").unlink()
    done = CliRunner().invoke(group, ["report", str(run), "--json"], obj=[])
    assert done.exit_code == 0, (done.output, done.exception)
    drawn_now = {path.name for path in (run / "samples").glob("[tim]*.png")}
    assert drawn_now == {f"{name}-00000008.png" for name in ("traversal", "interpolation", "manifold")}
    assert (run / "plan.json").exists() and "traversal" in Page((run / "report.html").read_text()).text


def test_a_killed_run_is_told_to_go_on(run: Path) -> None:
    (run / "log.txt").write_text("2026-01-01T10:00:00+0000 training from step 0 to 20 on cpu\n")
    text = page(run).text
    assert "killed" in text and "8 of 20" in text and "Go on from its newest whole checkpoint" in text


def test_a_report_that_fails_is_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(report, "write", full)
    run = loop.train(small("vae/digits", "train.steps=2"), tmp_path / "run", ended=drawn.at_the_end)
    assert facts_of(run).state == "finished" and not (run / "report.html").exists()
    assert "warning: no report was written: OSError" in (run / "log.txt").read_text()


def test_a_training_that_fails_is_reported_too(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="GF701"):
        loop.train(
            small("vae/digits", "train.steps=9", "train.log.every=1", "optimizer.lr=1e30"),
            tmp_path / "run",
            ended=drawn.at_the_end,
        )
    text = (tmp_path / "run" / "report.html").read_text()
    assert 'class="state failed"' in text and "became" in Page(text).text


def test_no_report_is_written_where_none_is_wanted(tmp_path: Path) -> None:
    words = [
        "train",
        "vae/digits",
        "train.steps=2",
        "data.batch_size=16",
        "encoder.hidden=[8]",
        "decoder.hidden=[8]",
    ]
    done = CliRunner().invoke(
        group, [*words, "--no-report", "--quiet", "--run-dir", str(tmp_path / "run")], obj=[]
    )
    assert done.exit_code == 0, (done.output, done.exception)
    assert not (tmp_path / "run" / "report.html").exists()


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["nowhere"], "GF713"),
        (["{run}", "-o", "page.png"], "GF803"),
        (["{run}", "-o", "{run}/report.html"], "GF801"),
        (["{run}/packed.genframe"], "GF745"),
    ],
)
def test_what_can_not_be_reported_is_refused_before_anything_is_written(
    words: Sequence[str], code: str, run: Path
) -> None:
    import zipfile

    with zipfile.ZipFile(run / "packed.genframe", "w") as file:
        file.writestr("manifest.json", "{}")
    done = CliRunner().invoke(group, ["report", "--stored", *[w.format(run=run) for w in words]], obj=[])
    assert code in str([p.code for p in getattr(done.exception, "problems", ())]), (
        done.output,
        done.exception,
    )


def test_a_thousand_rows_of_three_hundred_terms_fit(run: Path) -> None:
    terms = {f"term_{number}": 1.0 for number in range(300)}
    row = {
        "step": 0,
        "terms": terms,
        "weighted": {f"model.{name}": 1.0 for name in terms},
        "lr": {"model": 1e-3},
    }
    with (run / "metrics.jsonl").open("w") as file:
        for step in range(1, 1001):
            terms["term_0"] = 1e6 if step == 777 else float(step)
            file.write(json.dumps({**row, "step": step}) + "\n")
    text = report.html([run])
    assert len(text.encode()) < 2_000_000
    found = Page(text).data["data-curves"]
    series = {s["name"]: s for s in found["groups"][0]["series"]}
    assert len(series) == 300 and max(series["term_0"]["y"]) == 1e6 and found["x"][0][-1] == 1000


def test_thinning_keeps_extremes_and_both_ends() -> None:
    generator = np.random.default_rng(0)
    for length in (1, 59, 60, 61, 1000, 9999):
        values = generator.normal(size=length)
        steps = np.arange(length, dtype=np.int64) * 3
        x, y = thinned(steps, values, 60)
        assert len(x) == len(y) <= 62 and (x[1:] > x[:-1]).all()
        assert (x[0], x[-1], y[-1]) == (0, steps[-1], values[-1])
        assert {values.min(), values.max()} <= set(y.tolist())


def test_curves_of_rows_that_differ_and_of_numbers_that_are_none() -> None:
    rows = [
        {"step": 1, "terms": {"a": 1.0, "b": "nan"}, "measured": {"alarm": {"deep": {"x": 2}}}, "new": 5},
        {"step": 2, "terms": {"a": "inf", "c": 3.0}, "alarms": {"alarm": "rings"}, "note": "words"},
    ]
    found = curves(Columns(rows))
    told = {g["key"]: {s["name"]: (found["x"][s["x"]], s["y"]) for s in g["series"]} for g in found["groups"]}
    assert told == {
        "terms": {"a": ([1], [1.0]), "c": ([2], [3.0])},
        "measured": {"alarm.deep.x": ([1], [2.0])},
        "new": {"new": ([1], [5.0])},
    }


@pytest.mark.parametrize(("count", "side", "mode"), [(300, 40, "L"), (12, 256, "RGB"), (1, 700, "RGB")])
def test_pictures_are_thinned_and_then_compressed_to_fit(
    count: int, side: int, mode: str, tmp_path: Path
) -> None:
    generator = np.random.default_rng(0)
    shape = (side, side) if mode == "L" else (side, side, 3)
    for step in range(count):
        pixels = generator.integers(0, 256, shape, dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"sample-{step:08d}.png")
    budget = 300_000
    (strip,) = frames.strips(tmp_path, budget)
    steps = [frame.step for frame in strip.frames]
    assert sum(len(frame.address) for frame in strip.frames) < budget * 4 / 3 + 100 * len(steps) + 100
    assert steps[-1] == count - 1 and steps[0] == 0 and steps == sorted(steps) and strip.remark
    assert len(steps) >= min(count, 8)


def entry(run: Path, name: str, seed: int, **settings: Any) -> Path:
    """A copy of a run by another seed, or with other settings, without what takes room."""
    other = run.parent / name
    shutil.copytree(run, other, ignore=shutil.ignore_patterns("checkpoints", "evaluations.json"))
    text = (other / "resolved.yaml").read_text().replace("seed: 7", f"seed: {seed}")
    for key, value in settings.items():
        assert key in text
        text = text.replace(key, value)
    (other / "resolved.yaml").write_text(text)
    add(other, "lock.json", lambda lock: {**lock, "seed": seed})
    return other


def test_seeds_are_one_row_and_unlike_protocols_stand_apart(run: Path) -> None:
    runs = [entry(run, f"seed{seed}", seed) for seed in (1, 2, 3)]
    for folder, value in zip(runs, (1.0, 2.0, 4.0), strict=True):
        evaluated(folder, value, seed=facts_of(folder).seed)
    wide = entry(run, "wide", 1, **{"dim: 3": "dim: 5"})
    evaluated(wide, 9.0)
    evaluated(wide, 5.0, step=4)  # an older step of the same run counts no more
    train = entry(run, "train", 1, **{"dim: 3": "dim: 7"})
    evaluated(train, 3.0, split="train", options={"samples": 5})
    made = compared.entries([facts.read(folder) for folder in [*runs, wide, train]])
    assert [len(one.runs) for one in made] == [3, 1, 1]
    assert compared.differences(made) == [("prior.dim", ["3", "5", "7"])]
    first, second = compared.tables(made)
    assert [[one.name for one, _ in table.rows] for table in (first, second)] == [
        ["vae-digits (prior.dim=5)", "vae-digits (prior.dim=3)"],
        ["vae-digits (prior.dim=7)"],
    ]
    standing = first.rows[1][1][0]
    low, high = stats.t.interval(0.95, 2, loc=7 / 3, scale=stats.sem([1.0, 2.0, 4.0]))
    assert standing and (standing.mean, standing.half) == pytest.approx((7 / 3, (high - low) / 2), rel=1e-4)
    assert "split: test here, train there" in first.unlike and any(
        "samples" in line for line in second.unlike
    )
    text = page(*runs, wide, train).text
    assert "Not beside the other figures of elbo" in text and "2.33333 ± 3.8" in text


def test_other_data_is_another_protocol_and_a_second_run_of_a_seed_no_second_seed(run: Path) -> None:
    one, same, other = entry(run, "one", 1), entry(run, "same", 1), entry(run, "other", 1)
    add(other, "lock.json", lambda lock: {**lock, "data": {"": "0123"}})
    for folder, value in ((one, 1.0), (same, 3.0), (other, 5.0)):
        evaluated(folder, value, provenance={"features": "lenet", "smallest eigenvalue": f"{value}e-3"})
    made = compared.entries([facts.read(folder) for folder in (one, same, other)])
    tables = compared.tables(made)
    assert [len(one.runs) for one in made] == [2, 1] and len(tables) == 2
    assert tables[0].rows[0][1][0].values == ((1, 3.0),) and any("data" in line for line in tables[0].unlike)


def test_students_quantile_is_scipys() -> None:
    for freedom in range(1, 200):
        assert compared.student(freedom) == pytest.approx(stats.t.ppf(0.975, freedom), abs=1e-3)


def check_drawing(found: Drawing) -> None:
    """Edges go to the right, boxes do not overlap and stay inside."""
    for node in found.nodes:
        assert node.x >= 0 and node.x + node.width <= found.width and node.y + node.height <= found.height
        for other in found.nodes:
            apart = (
                node.x + node.width <= other.x
                or other.x + other.width <= node.x
                or node.y + node.height <= other.y
                or other.y + other.height <= node.y
            )
            assert node is other or apart, (node, other)


def test_the_plan_is_drawn_from_data_to_players(run: Path) -> None:
    plan = facts.read(run).plan
    found = drawing(plan)
    assert found is not None
    check_drawing(found)
    places = {node.key: node for node in found.nodes}
    for wire in plan["wires"]:
        for read in wire["reads"]:
            assert places[f"wire:{read}"].x < places[f"wire:{wire['name']}"].x
    last = max(node.x for node in found.nodes)
    assert places["player:model"].x == last and places["wire:x"].x == min(node.x for node in found.nodes)


def test_a_plan_of_three_hundred_terms_is_drawn_as_far_as_there_is_room(run: Path) -> None:
    plan = facts.read(run).plan
    terms = [f"term_{number}" for number in range(300)]
    wire = plan["wires"][-1]
    plan["wires"] += [{**wire, "name": name} for name in terms]
    plan["players"][0]["terms"] += [{**plan["players"][0]["terms"][0], "wire": name} for name in terms]
    (run / "plan.json").write_text(json.dumps(plan))
    found = drawing(plan)
    assert found is not None and found.left_out > 250
    check_drawing(found)
    assert "term_299" in page(run).text


@pytest.mark.parametrize("channels", [1, 2, 3, 4, 7])
def test_pictures_of_any_channels_are_drawn_in_training(channels: int) -> None:
    x = torch.rand(6, channels, 5, 4)
    one, both = Previews._look(x, None), Previews._beside(x, x)
    assert one is not None and both is not None and both.height * both.width > one.height * one.width
    assert Previews._look(torch.rand(6, 7), None) is None  # codes: no data have that shape
    vectors = torch.rand(6, 7)
    assert Previews._look(vectors, vectors) is not None and Previews._beside(vectors, vectors) is not None


def test_a_run_of_vectors_shows_plots(tmp_path: Path) -> None:
    brief = "train={steps: 4, samples: {n: 8}}"
    run = loop.train(small("vae/table", brief), tmp_path / "run", ended=drawn.at_the_end)
    names = {path.stem.partition("-")[0] for path in (run / "samples").glob("*.png")}
    assert {"sample", "reconstruct", "data", "traversal", "interpolation"} <= names
    assert "Not in this report" not in Page((run / "report.html").read_text()).text


@pytest.mark.parametrize(
    ("recipe", "said", "unsaid"),
    [
        ("gan/digits", ("seeds 0 and 1", "at most the first ten"), ("example", "vary most")),
        ("vae/digits", ("the code of example 0", "the ten that vary most"), ("seeds 0 and 1", "first ten")),
    ],
)
def test_captions_say_what_was_drawn(
    tmp_path: Path, recipe: str, said: tuple[str, ...], unsaid: tuple[str, ...]
) -> None:
    run = loop.train(
        small(recipe, "train.steps=1", "evaluate=null"), tmp_path / "run", ended=drawn.at_the_end
    )
    strips = frames.strips(run / "samples", plan=json.loads((run / PLAN).read_text()))
    captions = [strip.caption for strip in strips if strip.name in ("traversal", "interpolation")]
    assert len(captions) == 2
    assert all(words in " ".join(captions) for words in said)
    assert not any(words in " ".join(captions) for words in unsaid)


def test_a_conditional_model_is_drawn_under_the_first_examples_condition(tmp_path: Path) -> None:
    run = loop.train(
        small("vae/conditional-digits", "train.steps=2"), tmp_path / "run", ended=drawn.at_the_end
    )
    names = {path.stem.partition("-")[0] for path in (run / "samples").glob("*.png")}
    assert {"traversal", "interpolation", "manifold"} <= names
    assert "Not in this report" not in Page((run / "report.html").read_text()).text
