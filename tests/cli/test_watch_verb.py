"""genframe watch, and what train shows of itself."""

from __future__ import annotations

import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from command_line import Genframe
from rich.file_proxy import FileProxy

from genframe.run import Run


@pytest.fixture
def killed(run: Path, tmp_path: Path) -> Path:
    """The run as a kill would have left it: nothing says that it ended, and a row is torn."""
    folder = shutil.copytree(run, tmp_path / "killed")
    log = folder / "log.txt"
    log.write_text("".join(line for line in log.read_text().splitlines(True) if "finished" not in line))
    with (folder / "metrics.jsonl").open("a") as file:
        file.write('{"step": 5, "terms": {"obj')
    return folder


def test_a_run_that_has_ended_is_shown_as_it_stands(genframe: Genframe, run: Path) -> None:
    told = genframe("watch", run, "--once")
    assert told.code == 0 and told.err == "" and "\x1b" not in told.out
    lines = told.out.splitlines()
    assert lines[0].split("  ") == ["vae-digits", "epoch 1/1", "step 4/4"]
    assert lines[1].endswith("100%  finished at step 4")
    assert any(line.startswith("model  lr 0.001  gradient ") for line in lines)
    assert any(line.startswith(" objective ") for line in lines)


def test_a_killed_run_says_how_to_go_on(genframe: Genframe, killed: Path) -> None:
    for more in ((), ("--once",), ("--plain",)):
        told = genframe("watch", killed, *more)
        assert told.code == 0 and "killed at step 4" in told.out
        assert told.out.rstrip().endswith(f"genframe resume {killed}")
    assert (
        "epoch 1/1  step 4/4  " in told.out and " left" not in told.out and "\nkilled at step 4\n" in told.out
    )


def test_json_says_the_same(genframe: Genframe, run: Path, killed: Path) -> None:
    facts = genframe("watch", run, "--once", "--json").json
    assert (facts["state"], facts["step"], facts["total"], facts["resume"]) == ("finished", 4, 4, None)
    assert facts["terms"]["objective"] > 0 and facts["lr"] == {"model": 0.001}
    assert Path(facts["picture"]).is_file()
    facts = json.loads(genframe("watch", killed, "--json").out)  # no new row, and so one line
    assert (facts["state"], facts["resume"]) == ("killed", f"genframe resume {killed}")


def test_a_run_that_is_not_there_is_said_with_the_nearest(
    genframe: Genframe, run: Path, tmp_path: Path
) -> None:
    told = genframe("watch", run.parent / "vaee", "--once")
    assert told.code == 1 and told.out == "" and "GF713" in told.err and f"'{run}'" in told.err
    (tmp_path / "half").mkdir()
    (tmp_path / "half" / "lock.json").write_text("{}")
    told = genframe("watch", tmp_path / "half")
    assert told.code == 1 and "GF714" in told.err


def test_without_a_run_the_newest_is_watched(
    genframe: Genframe, killed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    told = genframe("watch", "--once")
    assert told.code == 2 and "genframe watch RUN" in told.err
    (tmp_path / "runs").mkdir()
    killed.rename(tmp_path / "runs" / "a")
    assert "killed at step 4" in genframe("watch", "--once").out


def test_watching_imports_no_torch(run: Path) -> None:
    program = "import sys; from genframe.cli import group; group.main(sys.argv[1:], standalone_mode=False)"
    program += "; assert not {'torch', 'wandb', 'numpy', 'PIL'} & set(sys.modules)"
    for more in ("--once", "--plain"):
        command = [sys.executable, "-c", program, "watch", str(run), more]
        assert subprocess.run(command, capture_output=True).returncode == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_leaving_leaves_the_terminal_clean_and_the_run_alone(number: int, killed: Path) -> None:
    ours, theirs = os.openpty()
    environment = {key: value for key, value in os.environ.items() if key not in ("CI", "NO_COLOR")}
    with Run.open(killed, writable=True):
        command = [sys.executable, "-m", "genframe", "watch", str(killed)]
        process = subprocess.Popen(
            command, stdout=theirs, stderr=theirs, env={**environment, "TERM": "xterm"}
        )
        os.close(theirs)
        seen = b""
        while b"/distortion" not in seen:
            seen += os.read(ours, 1 << 16)
        assert b"\x1b[?25l" in seen
        time.sleep(0.1)
        process.send_signal(number)
        while True:
            try:
                part = os.read(ours, 1 << 16)
            except OSError:  # the other end is closed
                break
            if not part:
                break
            seen += part
        assert process.wait(30) == (0 if number == signal.SIGINT else 128 + number)
    os.close(ours)
    assert seen.rfind(b"\x1b[?25h") > seen.rfind(b"\x1b[?25l")
    assert b"Traceback" not in seen


class Terminal(io.StringIO):
    """What stands in for the error stream of a terminal."""

    def isatty(self) -> bool:
        return True


TINY = [
    "encoder.hidden=[8]",
    "decoder.hidden=[8]",
    "train.epochs=null",
    "train.steps=20",
    "train.log.every=5",
]


def in_a_terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """From here on, one of 60 columns, with 256 colours."""
    for name in ("CI", "NO_COLOR", "COLORTERM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {"TERM": "xterm-256color", "COLUMNS": "60", "LINES": "30"}.items():
        monkeypatch.setenv(name, value)
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    return stream


def test_train_in_a_terminal_shows_a_live_view(
    genframe: Genframe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal = in_a_terminal(monkeypatch)
    told = genframe("train", "vae/digits", *TINY, "--preview", "--run-dir", tmp_path / "run")
    text = terminal.getvalue()
    assert told.code == 0 and told.out.startswith("run ")
    assert "step 20/20" in text and "\x1b[38;5;" in text and "▀" in text
    assert text.rfind("\x1b[?25h") > text.rfind("\x1b[?25l") > -1


def test_ctrl_c_stops_a_training_and_leaves_its_terminal_clean(
    genframe: Genframe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from genframe.live.terminal import TerminalProgress

    tick, steps = TerminalProgress.tick, set[int]()

    def stopping(self: TerminalProgress, step: int) -> None:
        tick(self, step)
        if step == 10 and step not in steps:
            os.kill(os.getpid(), signal.SIGINT)
        steps.add(step)

    monkeypatch.setattr(TerminalProgress, "tick", stopping)
    terminal = in_a_terminal(monkeypatch)
    told = genframe("train", "vae/digits", *TINY, "--run-dir", tmp_path / "run")
    text = terminal.getvalue()
    assert told.code == 130
    assert text.rfind("\x1b[?25h") > text.rfind("\x1b[?25l") > -1
    assert text.index("GF702 stopped by SIGINT after step 10, and saved") > text.rfind("\x1b[?25h")
    assert not isinstance(sys.stdout, FileProxy) and sys.stderr is terminal


def test_train_plain_prints_lines_in_a_terminal_too(
    genframe: Genframe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal = in_a_terminal(monkeypatch)
    assert genframe("train", "vae/digits", *TINY, "--plain", "--run-dir", tmp_path / "run").code == 0
    assert "\x1b" not in terminal.getvalue() and "step 20/20" in terminal.getvalue()


def test_what_is_next_is_what_the_recipe_has(genframe: Genframe, tmp_path: Path) -> None:
    told = genframe("train", "vae/digits", *TINY, "--run-dir", tmp_path / "a", "--no-report")
    assert f"next      genframe evaluate {tmp_path / 'a'}\n" in told.out
    told = genframe("train", "vae/digits", *TINY, "evaluate=null", "--run-dir", tmp_path / "b", "--no-report")
    assert f"next      genframe sample {tmp_path / 'b'}" in told.out and "genframe evaluate" not in told.out
    told = genframe("evaluate", tmp_path / "b")
    assert (
        told.code == 2
        and "GF532" in told.err
        and "rate-distortion" in told.err
        and "denoising" not in told.err
    )
    suited = told.err.partition("Try: genframe evaluate ")[2].split()
    assert suited[0] == str(tmp_path / "b") and suited[1] == "parzen"  # of what it has first, `sample`


def test_train_measures_afterwards_when_asked(genframe: Genframe, tmp_path: Path) -> None:
    only = [
        "evaluate={rate-distortion: null, active-units: null, log-likelihood: null, improper-log-likelihood: null}"
    ]
    told = genframe(
        "train", "vae/digits", *TINY, *only, "--evaluate", "--no-report", "--run-dir", tmp_path / "a"
    )
    assert told.code == 0 and f"written to {tmp_path / 'a' / 'evaluations.json'}" in told.out
    facts = genframe(
        "train", "vae/digits", *TINY, *only, "--evaluate", "--json", "--run-dir", tmp_path / "b"
    ).json
    assert facts["run"] == str(tmp_path / "b") and facts["evaluations"][0]["metric"] == "elbo"
    page = (tmp_path / "b" / "report.html").read_text()
    assert "Nothing was measured yet" not in page and "elbo" in page
    assert not (tmp_path / "a" / "report.html").exists()
    told = genframe("train", "vae/digits", *TINY, "evaluate=null", "--evaluate", "--run-dir", tmp_path / "c")
    assert told.code == 2 and "names no metric" in told.err and not (tmp_path / "c").exists()
