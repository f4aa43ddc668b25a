"""The plugins of others against this working copy: each is installed, asked by the kit, and tested by its own tests.

    python tests/downstream                     in an environment of its own, .venv-downstream
    python tests/downstream --list other.txt

They are installed one at a time, so that none can help or hurt another. The exit code is 1 when one of them fails.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import venv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
TORCH = "torch==2.13.0"


@dataclass
class Report:
    """What came of one line of the list: steps with what they said, and whether they went well."""

    requirement: str
    steps: list[tuple[str, bool, str]] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        return all(ok for _, ok, _ in self.steps)

    def add(self, step: str, ok: bool, said: str = "") -> bool:
        self.steps.append((step, ok, said.strip()))
        return ok


@dataclass(frozen=True)
class Environment:
    """A virtual environment, and the commands in it."""

    folder: Path

    def call(self, program: str, *arguments: object, cwd: Path = ROOT) -> tuple[int, str, str]:
        command = [str(self.folder / "bin" / program), *map(str, arguments)]
        variables = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "GENFRAME"))}
        done = subprocess.run(command, cwd=cwd, env=variables, capture_output=True, text=True)
        return done.returncode, done.stdout, done.stderr

    def pip(self, *arguments: object) -> tuple[bool, str]:
        pip = ["-m", "pip", "--python", self.folder / "bin" / "python", "--disable-pip-version-check"]
        done = subprocess.run([sys.executable, *map(str, [*pip, *arguments])], capture_output=True, text=True)
        return done.returncode == 0, done.stdout + done.stderr

    def plugins(self) -> dict[str, str]:
        """The plugins that are installed beside genframe's own, by name, with their distributions."""
        _, out, err = self.call("genframe", "plugins", "list", "--json")
        try:
            rows: list[dict[str, Any]] = json.loads(out)
        except ValueError:
            sys.exit(f"genframe does not work in {self.folder}:\n{err}")
        return {row["name"]: row["distribution"] for row in rows if not row["first_party"]}


def prepared(folder: Path) -> Environment:
    """An environment with this working copy of genframe, torch for the CPU, and pytest."""
    environment = Environment(folder)
    if not (folder / "bin" / "python").exists():
        venv.create(folder)
    constraints = ROOT / "constraints.txt"
    ok, said = environment.pip("install", "--quiet", "-c", constraints, TORCH, "pytest>=8", "-e", ROOT)
    if not ok:
        sys.exit(f"genframe can't be installed into {folder}:\n{said}")
    return environment


def requirements(file: Path) -> Iterator[str]:
    """The lines of the list; a path is made absolute."""
    for line in file.read_text(encoding="utf-8").splitlines():
        text = line.partition("#")[0].strip() if line.lstrip().startswith("#") else line.strip()
        if text:
            path = file.parent / text
            yield str(path.resolve()) if path.is_dir() else text


def examined(requirement: str, environment: Environment) -> Report:
    """Install one plugin, ask it, test it, remove it."""
    report = Report(requirement)
    before = environment.plugins()
    ok, said = environment.pip("install", "--quiet", "-c", ROOT / "constraints.txt", requirement)
    if not report.add("install", ok, said):
        return report
    new = {name: whose for name, whose in environment.plugins().items() if name not in before}
    try:
        report.add("offers a plugin", bool(new), ", ".join(new) or "no entry point of the group genframe")
        for name in new:
            report.add(f"check {name}", *checked(name, environment))
        report.add("own tests", *tested(requirement, environment))
    finally:
        for distribution in sorted({*new.values()}):
            environment.pip("uninstall", "--yes", "--quiet", distribution)
    return report


def checked(name: str, environment: Environment) -> tuple[bool, str]:
    """What the conformance kit says: counts, failures, and deprecations that the author should hear of."""
    code, out, err = environment.call("genframe", "plugins", "check", name, "--json")
    try:
        facts = json.loads(out)
    except ValueError:
        return False, err or out or f"exit code {code}"
    told = facts["plugins"][name]
    counts = ", ".join(f"{told[key]} {key}" for key in ("passed", "failed", "skipped") if told[key])
    lines = [counts, *told["warnings"]] + [told["cause"]] * bool(told["cause"])
    bad = [row for row in facts["results"] if row["outcome"] in ("failed", "unexpected")]
    return code == 0, "\n".join([*lines, *(f"{row['id']}: {row['message']}" for row in bad)])


def tested(requirement: str, environment: Environment) -> tuple[bool, str]:
    """The plugin's own tests, from its folder or its source distribution; it is well if there are none."""
    with tempfile.TemporaryDirectory() as name:
        source = _source(requirement, Path(name))
        if source is None or not (source / "tests").is_dir():
            return True, "none are published"
        # A copy of the tests alone: what they import is what pip installed.
        shutil.copytree(source / "tests", Path(name) / "copy" / "tests")
        arguments = ("-m", "pytest", "-q", "-p", "no:cacheprovider", "tests")
        code, out, err = environment.call("python", *arguments, cwd=Path(name) / "copy")
        lines = (out + err).strip().splitlines()
        return code == 0, lines[-1] if code == 0 and lines else "\n".join(lines[-60:])


def _source(requirement: str, folder: Path) -> Path | None:
    """The unpacked source of a requirement; None where none is published."""
    if Path(requirement).is_dir():
        return Path(requirement)
    command = ["-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:", "-d", str(folder)]
    subprocess.run([sys.executable, *command, requirement], capture_output=True)
    for archive in (*folder.glob("*.tar.gz"), *folder.glob("*.zip")):
        options = {"filter": "data"} if archive.suffix == ".gz" else {}
        shutil.unpack_archive(archive, folder / "source", **options)  # type: ignore[arg-type]
        return next((folder / "source").iterdir(), None)
    return None


def told(report: Report) -> str:
    """The report as text: a line a step, and of what failed all it said."""
    lines = [f"{'ok    ' if report.ok else 'FAILED'}  {report.requirement}"]
    for step, ok, said in report.steps:
        first, *rest = said.splitlines() or [""]
        lines.append(f"  {'ok' if ok else 'FAILED'}: {step}{': ' if first else ''}{first}")
        lines += [f"    {line}" for line in rest]
    return "\n".join(lines)


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser("downstream", description=__doc__.partition("\n")[0])
    parser.add_argument("--list", type=Path, default=HERE / "plugins.txt", help="the plugins, one a line")
    parser.add_argument("--environment", type=Path, default=ROOT / ".venv-downstream")
    parser.add_argument("--prepared", action="store_true", help="genframe is in the environment already")
    chosen = parser.parse_args(arguments)
    listed = [*requirements(chosen.list)]
    if not listed:
        print(f"{chosen.list} lists no plugin yet")
        return 0
    environment = Environment(chosen.environment) if chosen.prepared else prepared(chosen.environment)
    reports = []
    for requirement in listed:
        reports.append(examined(requirement, environment))
        print(told(reports[-1]), flush=True)
    return 0 if all(report.ok for report in reports) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
