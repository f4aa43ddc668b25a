"""A run of another process, by its files: whatever state they are in, and while they are written."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from live_events import outlook, row
from tiny import resume, small

from genframe.engine.progress import QuietProgress
from genframe.errors import RunError
from genframe.live import follow as following
from genframe.live.follow import Follower, Growing, follow
from genframe.live.state import Outlook, State
from genframe.lock import FORMAT
from genframe.run import FACTS, RECIPE, RESOLVED, Run


class Heard(QuietProgress):
    """What a progress is told: the state of it, and in which order."""

    def __init__(self) -> None:
        self.state, self.order, self.how = State(), list[str](), ""

    def start(self, outlook: Outlook, past: Iterable[Mapping[str, Any]] = ()) -> None:
        self.state.start(outlook, past)
        self.order.append(f"start at {outlook.step}")

    def update(self, row: Mapping[str, Any]) -> None:
        self.state.update(row)
        self.order.append(f"row {row['step']}")

    def message(self, text: str) -> None:
        self.order.append(text)

    def picture(self, name: str, step: int, path: Path) -> None:
        self.state.picture(name, step, path)

    def finish(self, how: str = "") -> None:
        self.how = how


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    """A run that this process writes, before its first step."""
    with Run.create(tmp_path / "run", "vae-gan") as run:
        run.begin("genframe: 1\n", "genframe: 1\nname: vae-gan\n", {"format": FORMAT})
        yield run


def write(run: Run, *steps: int, mode: str = "a") -> None:
    with run.metrics.open(mode) as file:
        file.writelines(json.dumps(row(step)) + "\n" for step in steps)


def script(*acts: Callable[[], object]) -> Callable[[float], None]:
    """What happens while a follower sleeps, one act each time; after the last nothing."""
    left = list(acts)

    def sleep(seconds: float) -> None:
        if left:
            left.pop(0)()

    return sleep


def test_the_files_tell_what_the_loop_tells(tmp_path: Path) -> None:
    from genframe.engine import loop

    brief = "train={steps: 6, checkpoint: {every: 3}, samples: {n: 4}, log: {every: 1}}"
    recipe = small("vae/digits", brief, "watch={odd: {use: stalled, rows: 2, update: 100}}")
    inside, outside = Heard(), Heard()
    folder = loop.train(recipe, tmp_path / "run", progress=inside)
    assert follow(folder, outside).state == "finished"
    mine, theirs = inside.state, outside.state
    for name in (
        "step",
        "row",
        "terms",
        "weighted",
        "validation",
        "rates",
        "gradients",
        "updates",
        "loads",
        "ringing",
    ):
        assert getattr(mine, name) == getattr(theirs, name), name
    assert mine.ringing.keys() == {"odd"}
    assert mine.players == theirs.players and mine.since == theirs.since and mine.preview == theirs.preview
    for field in ("step", "total", "device", "epoch", "cycle", "recipe", "folder"):
        assert getattr(mine.outlook, field) == getattr(theirs.outlook, field), field
    assert {name: course.points(9) for name, course in mine.courses.items()} == {
        name: course.points(9) for name, course in theirs.courses.items()
    }
    assert outside.how == "finished at step 6"
    again = Heard()
    resume(folder, "train.steps=8")
    follow(folder, again)
    assert (again.state.outlook.step, again.state.step) == (6, 8)


def test_rows_warnings_and_pictures_come_as_they_are_written(run: Run) -> None:
    heard = Heard()
    run.log(str(outlook()))
    write(run, 10)
    follower = Follower(run.folder, heard)
    assert follower.look() and not follower.look()
    write(run, 20)
    run.log("warning: the tracker is slow\nTraceback\n  of many lines")
    (run.samples / "sample-00000020.png").write_bytes(b"")
    assert follower.look()
    assert heard.order == ["start at 0", "row 20", "warning: the tracker is slow"]
    assert heard.state.preview == ("sample", 20, run.samples / "sample-00000020.png")
    assert heard.state.courses["look"].points(9) == [row(10)["terms"]["look"], row(20)["terms"]["look"]]


def test_a_torn_line_waits_for_its_end(run: Run) -> None:
    heard = Heard()
    run.log(str(outlook()))
    follower = Follower(run.folder, heard)
    follower.look()
    text = json.dumps(row(10)) + "\n"
    for part in (text[:30], text[30:]):
        assert heard.state.step == 0
        with run.metrics.open("a") as file:
            file.write(part)
        follower.look()
    assert heard.state.step == 10


def test_a_line_that_is_no_row_is_passed_over(run: Run) -> None:
    heard = Heard()
    run.log(str(outlook()))
    write(run, 10)
    with run.metrics.open("ab") as file:
        file.write(b'\xff\n[]\n{"step": "x"}\n{"step": 15}\n')
    write(run, 20)
    Follower(run.folder, heard).look()
    assert heard.state.step == 20


def test_a_run_that_is_resumed_while_it_is_watched_is_read_again(run: Run) -> None:
    heard = Heard()
    run.log(str(outlook()))
    write(run, 10, 20, 30, 40)
    follower = Follower(run.folder, heard)
    follower.look()
    aside = run.folder / "aside"  # rows after the checkpoint are cut off, atomically
    aside.write_text("".join(json.dumps(row(step)) + "\n" for step in (10, 20)))
    aside.replace(run.metrics)
    follower.look()
    assert heard.state.step == 40  # nothing is said yet of where it goes on
    run.log(str(outlook(step=20)))
    write(run, 25)
    follower.look()
    assert heard.order == ["start at 0", "start at 20"] and heard.state.step == 25
    assert len(heard.state.courses["look"].points(9)) == 3


def test_of_a_huge_file_the_end_is_read(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "MOST_BYTES", 2500)
    write(run, *range(1, 1001))
    lines, _ = Growing(run.metrics).lines()
    assert 1 <= len(lines) <= 5 and [json.loads(line)["step"] for line in lines][-1] == 1000


ENDS = {
    "finished": "finished at step 20",
    "stopped": "stopped by SIGINT at step 20",
    "failed": "failed: the term 'look' became nan at step 21",
    "killed": "",
}


@pytest.mark.parametrize("state", ENDS)
def test_a_run_that_ends_is_left_and_said_how(state: str, run: Run) -> None:
    heard = Heard()
    run.log(str(outlook()))

    def end() -> None:
        if ENDS[state]:
            run.log(ENDS[state])
        run.close()

    facts = follow(run.folder, heard, sleep=script(lambda: write(run, 10), lambda: write(run, 20), end))
    assert (facts.state, facts.step, facts.total) == (state, 20, 1000)
    assert heard.how == f"{state} at step 20"
    assert heard.order == ["start at 0", "row 10", "row 20", *([ENDS[state]] if ENDS[state] else [])]


def test_a_run_that_has_ended_is_left_without_waiting(run: Run) -> None:
    run.log(str(outlook()))
    write(run, 10)
    run.close()
    slept: list[float] = []
    assert follow(run.folder, Heard(), sleep=slept.append).state == "killed"
    assert len(slept) == 1  # once, for what may have been written in between


def test_once_looks_at_a_run_that_goes_on(run: Run) -> None:
    heard = Heard()
    run.log(str(outlook()))
    write(run, 10)
    facts = follow(run.folder, heard, once=True, sleep=lambda seconds: pytest.fail("slept"))
    assert (facts.state, heard.how, heard.state.step) == ("running", "", 10)


def test_a_run_before_its_first_step_is_waited_for(run: Run) -> None:
    heard = Heard()
    acts = [lambda: None, lambda: run.log(str(outlook())), lambda: write(run, 10), run.close]
    assert follow(run.folder, heard, sleep=script(*acts)).step == 10
    assert heard.order == ["start at 0", "row 10"]


def test_a_run_that_never_came_to_a_step_says_so(run: Run) -> None:
    run.close()
    heard = Heard()
    assert follow(run.folder, heard).state == "empty"
    assert heard.how == "empty at step 0" and heard.state.outlook.recipe == "vae-gan"


def test_a_folder_that_is_being_filled_is_waited_for(run: Run) -> None:
    heard = Heard()
    facts = (run.folder / FACTS).read_text()
    (run.folder / FACTS).unlink()
    acts = [lambda: (run.folder / FACTS).write_text(facts), lambda: run.log(str(outlook())), run.close]
    follow(run.folder, heard, sleep=script(*acts))
    assert heard.order == [f"{run.folder} is being prepared: waiting", "start at 0"]


@pytest.mark.parametrize("gone", [FACTS, RECIPE, RESOLVED])
def test_half_a_run_that_nobody_writes_is_an_error(gone: str, run: Run) -> None:
    run.close()
    (run.folder / gone).unlink()
    with pytest.raises(RunError, match="GF714"):
        follow(run.folder, Heard())


def test_a_run_that_is_not_there_is_waited_for_when_asked(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="GF713"):
        follow(tmp_path / "later", Heard())
    heard, made = Heard(), list[Run]()

    def begin() -> None:
        made.append(Run.create(tmp_path / "later", "a"))
        made[0].begin("", "name: a\n", {"format": FORMAT})
        made[0].log(str(outlook()))

    follow(tmp_path / "later", heard, wait=True, sleep=script(begin, lambda: made[0].close()))
    assert heard.order == [f"{tmp_path / 'later'} is not there yet: waiting", "start at 0"]


def test_watching_leaves_the_run_to_its_writer(run: Run) -> None:
    """Nothing of it is changed, and the lock is not kept."""
    run.log(str(outlook()))
    write(run, 10)
    before = {path: path.stat().st_mtime_ns for path in run.folder.rglob("*")}
    follow(run.folder, Heard(), once=True)
    assert {path: path.stat().st_mtime_ns for path in run.folder.rglob("*")} == before
    run.close()
    with Run.open(run.folder, writable=True):
        assert (run.folder / ".lock").exists()
