"""A process of its own for plugins: what they say there, and what becomes of it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

INSIDE = "_GENFRAME_PROBE"
"""Set in such a process, so that a plugin which looks for plugins starts no further one."""

# The process finds what this one finds, wherever that came from. faulthandler says where a C extension fell.
# Its own clock says where it hangs, and ends it also when this process is gone.
_START = """
import faulthandler, json, sys
faulthandler.dump_traceback_later(float(sys.argv[3]), exit=True)
sys.path[:] = json.loads(sys.argv[1])
from genframe.probe import main
main(sys.argv[2])
"""
_CLOCK = "Timeout ("  # what faulthandler writes when the time is up
_GRACE = 5.0  # seconds that it has to do so


_INNER = re.compile(r'\s+File "(.*/genframe/\w+\.py|.*/importlib/.*|<.*>)", line ')  # lines of faulthandler's


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a process reported before it ended, and how it ended.

    records: what it reported, in order; the last one of a whole life is {"record": "end"}. code: its exit
    status, negative for a signal; None where it was stopped because its time, `limit` seconds, was up.
    stdout, stderr: what it wrote, in full.
    """

    records: tuple[dict[str, Any], ...]
    code: int | None
    seconds: float
    limit: float
    stdout: str = ""
    stderr: str = ""

    @property
    def ended(self) -> bool:
        """Whether it came to its end rather than being ended."""
        return bool(self.records) and self.records[-1]["record"] == "end"

    @property
    def death(self) -> str:
        """How it was ended, in words; empty where it came to its end."""
        if self.ended:
            return ""
        if self.code is None:
            return f"it had not finished after {self.limit:g} s"
        if self.code < 0:
            return f"killed by {signal_name(-self.code)}"
        return f"the process was left with exit code {self.code}"

    def all(self, record: str) -> list[dict[str, Any]]:
        """The reports of one sort."""
        return [entry for entry in self.records if entry["record"] == record]

    def last_words(self, lines: int = 12) -> str:
        """The last lines of what it wrote, without the steps inside genframe and Python's import system."""
        written = (self.stdout.rstrip() + "\n" + self.stderr.rstrip()).strip().splitlines()
        return "\n".join([line for line in written if not _INNER.match(line)][-lines:])


def signal_name(number: int) -> str:
    """`SIGSEGV (Segmentation fault)`."""
    try:
        name = signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
    return f"{name} ({signal.strsignal(number)})"


def run(
    task: str,
    plugins: Sequence[Mapping[str, Any]],
    timeout: float,
    slow: Callable[[], None] | None = None,
    patience: float = 3.0,
) -> Outcome:
    """Give plugins to a task of `genframe.probe` in a process of its own, and stop what it leaves behind.

    plugins: {name, value, distribution, version} of an entry point, or {file}. timeout: in seconds.
    slow: called once after `patience` seconds. Raises OSError where no process can be started.
    """
    if not sys.executable:
        raise FileNotFoundError("this interpreter does not know its own path")
    with tempfile.TemporaryDirectory(prefix="genframe-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        request = {"task": task, "plugins": list(plugins), "report": str(folder / "report")}
        (folder / "request").write_text(json.dumps(request), encoding="utf-8")
        command = [sys.executable, "-X", "faulthandler", "-c", _START, json.dumps(sys.path)]
        start = perf_counter()
        with (folder / "out").open("wb") as out, (folder / "err").open("wb") as err:
            process = subprocess.Popen(
                [*command, str(folder / "request"), str(timeout)],
                stdin=subprocess.DEVNULL, stdout=out, stderr=err,
                env={**os.environ, INSIDE: "1"}, start_new_session=True,
            )  # fmt: skip
            code = _waited(process, timeout + _GRACE, slow, patience)
        seconds = perf_counter() - start
        out_text, err_text = (_text(folder / stream) for stream in ("out", "err"))
        if seconds >= timeout and _CLOCK in err_text:
            code = None
        return Outcome(tuple(_records(folder / "report")), code, seconds, timeout, out_text, err_text)


def _waited(
    process: subprocess.Popen[bytes], timeout: float, slow: Callable[[], None] | None, patience: float
) -> int | None:
    """The exit status; None where the time was up. Whatever the process started is stopped with it."""
    try:
        if slow and patience < timeout:
            try:
                return process.wait(patience)
            except subprocess.TimeoutExpired:
                slow()
                timeout -= patience
        return process.wait(timeout)
    except subprocess.TimeoutExpired:
        return None
    finally:
        with suppress(OSError, AttributeError):  # nothing left, or a system without process groups
            os.killpg(process.pid, signal.SIGKILL)
        process.kill()
        process.wait()


def _records(path: Path) -> list[dict[str, Any]]:
    """The whole lines of a report; a torn last one is left out."""
    records = []
    for line in _text(path).splitlines():
        with suppress(ValueError):
            records.append(json.loads(line))
    return records


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
