"""plugins list, check and doctor; the verbs of a group."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from command_line import Genframe
from fake_plugins import Site, good

from genframe import deprecated, isolation, plugin_doctor
from genframe.cli import group
from genframe.registry import LookupProblem
from genframe.testing.kit import Result


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    site = Site(tmp_path / "site")
    site.folder.mkdir()
    monkeypatch.syspath_prepend(site.folder)
    yield site
    site.forget()


# The groups.


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("plugins", "lst"), "there is no verb 'plugins lst'. Did you mean 'list'?"),
        (("plugins", "xyzzy"), "There are list, new, check, doctor."),
        (("recipes", "bogus"), "there is no verb 'recipes bogus'. There are list, cat, copy, diff."),
        (("data", "fecth"), "Did you mean 'fetch'?"),
    ],
)
def test_a_wrong_verb_of_a_group_is_answered_with_the_nearest(
    genframe: Genframe, arguments: tuple[str, ...], says: str
) -> None:
    told = genframe(*arguments)
    assert told.code == 2 and says in told.err


@pytest.mark.parametrize("verb", ["plugins", "recipes", "data"])
def test_the_help_of_a_group_has_examples_and_names_every_verb(genframe: Genframe, verb: str) -> None:
    told = genframe(verb, "--help")
    assert told.code == 0 and f"genframe {verb} list" in told.out.partition("Examples:")[2]
    context = click.Context(group)
    inner = group.get_command(context, verb)
    assert isinstance(inner, click.Group)
    assert all(f"  {name} " in told.out for name in inner.list_commands(context))


def test_the_help_of_plugins_imports_no_verb() -> None:
    program = "import sys; from genframe.cli import group\nfrom contextlib import suppress, redirect_stdout\n"
    program += "with suppress(SystemExit), redirect_stdout(sys.stderr): group.main(['plugins', '--help'])\n"
    program += "print(sorted(m for m in sys.modules if m.startswith('genframe.cli.plugins')))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['genframe.cli.plugins']"


# plugins list


def test_list_has_a_stable_json(genframe: Genframe, site: Site) -> None:
    site.plugin("vq", good("genframe_vq", "lookup"))
    row = next(r for r in genframe("plugins", "list", "--json").json if r["name"] == "vq")
    assert list(row) == [
        "name", "state", "distribution", "version", "first_party", "api", "source", "hooks", "offers", "components",
        "recipes", "milliseconds", "imported", "warnings", "cause", "place", "remedies", "traceback",
    ]  # fmt: skip
    assert (row["api"], row["hooks"], row["first_party"]) == (1, ["genframe_encoders"], False)
    assert row["components"] == [{"kind": "encoder", "name": "lookup"}] and row["remedies"] == []


def test_list_names_what_each_hook_offers(genframe: Genframe, site: Site) -> None:
    site.plugin("vq", good("genframe_vq", "lookup"))
    lines = genframe("plugins", "list").out.splitlines()
    assert next(line for line in lines if line.startswith("vq ")).endswith("encoders lookup")
    assert "recipes dae" in next(line for line in lines if line.startswith("dae "))


def test_list_can_be_narrowed(genframe: Genframe, site: Site) -> None:
    site.plugin("bad", "raise RuntimeError('out of order')")
    assert [r["name"] for r in genframe("plugins", "list", "--broken", "--json").json] == ["bad"]
    assert [r["name"] for r in genframe("--no-plugins", "plugins", "list", "--broken", "--json").json] == []
    rows = genframe("plugins", "list", "--hook", "genframe_likelihoods", "--json").json
    assert [r["name"] for r in rows] == ["dae", "vae"]
    told = genframe("plugins", "list", "--hook", "noise")
    assert told.code == 2 and "'genframe_noises'" in told.err


def test_list_points_at_the_line_of_a_local_file(genframe: Genframe, tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text("def inner():\n    import json\n    json.loads('{')\n\ninner()\n")
    told = genframe("plugins", "list", "-p", path)
    assert f"at {path}:3\n" in told.out  # the last line of the plugin's own, not that in json
    assert f"genframe plugins doctor -p {path}" in told.out


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("GENFRAME_API = 9\n", 1),
        ("from genframe import hookimpl\n\n@hookimpl\ndef genframe_encoder(): return []\n", 3),
        ("from genframe import hookimpl\n\n@hookimpl\ndef genframe_encoders(): return 3\n", 3),
        ("def genframe_encoders(): return []\n", 1),
        ("x = (\n", 1),
    ],
    ids=["api", "no such hook", "no list", "unmarked", "syntax"],
)
def test_every_refusal_has_its_place(genframe: Genframe, tmp_path: Path, text: str, line: int) -> None:
    path = tmp_path / "mine.py"
    path.write_text(text)
    (row,) = genframe("plugins", "list", "--broken", "-p", path, "--json").json
    assert row["place"] == f"{path}:{line}"


def test_list_tells_who_brings_torch_in(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text("import torch\n")
    command = [sys.executable, "-m", "genframe", "plugins", "list", "-p", str(path), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    rows = {row["name"]: row["imported"] for row in json.loads(done.stdout)}
    assert rows.pop("mine") == ["torch"]
    assert not any(rows.values())


# plugins list --requirements

PART = {"kind": "noise", "name": "salt/salt", "distribution": "genframe-salt", "version": "0.3"}


def plugin(distribution: str | None, version: str | None, file: str | None = None) -> dict[str, str | None]:
    return {"distribution": distribution, "version": version, "file": file, "plugin_sha256": "ab12"}


LOCK = {
    "format": 1,
    "versions": {"genframe": "0.1.0", "python": "3.11.7", "torch": "2.13.0+cpu"},
    "components": {"noise": {**PART, "revision": 1, "sha256": "cd34"}},
    "plugins": {
        "salt": plugin("genframe-salt", "0.3"),
        "wave": plugin("genframe-wave", "2.0"),
        "far": plugin("genframe-far", "1.0"),
        "my_parts": plugin(None, None, "my_parts.py"),
    },
    "origins": {
        "genframe-wave": {"editable": True, "commit": {"id": "c0ffee", "changed": True}},
        "genframe-far": {"vcs": "git", "url": "https://example.org/far.git", "commit": {"id": "f00d"}},
    },
}


def requirements(genframe: Genframe, lock_file: Path, lock: object) -> list[str]:
    lock_file.write_text(json.dumps(lock))
    told = genframe("plugins", "list", "--requirements", lock_file)
    assert told.code == 0, told.err
    return told.out.splitlines()


def test_requirements_pin_what_a_run_used_whatever_is_installed(genframe: Genframe, tmp_path: Path) -> None:
    lines = requirements(genframe, tmp_path / "lock.json", LOCK)
    assert lines == [
        "# trained with python 3.11.7, torch 2.13.0+cpu",
        "# plugin file my_parts.py (my_parts), sha256 ab12",
        "genframe==0.1.0",
        "genframe-far @ git+https://example.org/far.git@f00d",
        "genframe-salt==0.3",
        "genframe-wave==2.0  # an editable install, commit c0ffee, changed since",
    ]
    from packaging.requirements import Requirement

    for line in lines:
        if not line.startswith("#"):
            Requirement(line.partition("  #")[0])


def test_requirements_of_an_older_lock(genframe: Genframe, tmp_path: Path) -> None:
    lock = {key: LOCK[key] for key in ("format", "versions", "components")}
    assert requirements(genframe, tmp_path / "lock.json", lock)[1:] == [
        "genframe==0.1.0",
        "genframe-salt==0.3",
    ]


def test_requirements_of_a_run(genframe: Genframe, run: Path) -> None:
    import genframe as package

    lines = genframe("plugins", "list", "--requirements", run, "--json").json
    (pin,) = [line for line in lines if not line.startswith("#")]
    assert pin.startswith(f"genframe=={package.__version__}")


def test_requirements_of_a_packed_file(genframe: Genframe, run: Path, tmp_path: Path) -> None:
    packed = tmp_path / "model.genframe"
    assert genframe("pack", run, "-o", packed).code == 0
    ours, theirs = (
        genframe("plugins", "list", "--requirements", path, "--json").json for path in (run, packed)
    )
    assert ours == theirs


def test_requirements_of_what_is_no_run(genframe: Genframe, tmp_path: Path) -> None:
    told = genframe("plugins", "list", "--requirements", tmp_path)
    assert told.code == 1 and "GF713" in told.err
    (tmp_path / "lock.json").write_text("{")
    told = genframe("plugins", "list", "--requirements", tmp_path / "lock.json")
    assert told.code != 0 and "GF730" in told.err


# plugins doctor


def examined(path: Path) -> dict[str, object]:
    (report,) = plugin_doctor.examine(plugin_doctor.subjects(files=[path]), 120)
    return report


DECLARES = "from genframe import Component, hookimpl\n\n"
OFFERS = """
@hookimpl
def genframe_encoders(): return [Component("e", "mine:E")]

class E:
    def __init__(self, in_shape, *, width: int = 3): ...
"""

FOUND = {
    "signal handler": ("import signal; signal.signal(signal.SIGUSR1, print)", "error", "handler of SIGUSR1"),
    "folder": ("import os; os.chdir('/')", "error", "the working folder"),
    "file mask": ("import os; os.umask(0o077)", "error", "the file mask"),
    "random": ("import random; random.seed(3)", "error", "the state of random"),
    "excepthook": ("import sys; sys.excepthook = print", "error", "sys.excepthook"),
    "builtins": ("import builtins; builtins.handy = 1", "error", "builtins handy"),
    "environment": ("import os; os.environ['ODD'] = '1'", "warning", "environment variable ODD: absent -> 1"),
    "filters": ("import warnings; warnings.simplefilter('ignore')", "warning", "the warnings filters"),
    "prints": ("print('hello there')", "warning", "prints when it is imported: 'hello there'"),
    "native prints": ("import os; os.write(1, b'raw words')", "warning", "imported: 'raw words'"),
    "thread": (
        "import threading, time; threading.Thread(target=time.sleep, args=(99,), daemon=True, name='hum').start()",
        "warning",
        "leaves a thread running: hum",
    ),
    "process": (
        "import subprocess; p = subprocess.Popen(['sleep', '99'])",
        "error",
        "leaves a process running",
    ),
    "wandb": (
        "import sys, types; sys.modules['wandb'] = types.ModuleType('wandb')",
        "error",
        "imports wandb",
    ),
}


@pytest.mark.parametrize(("text", "severity", "says"), FOUND.values(), ids=FOUND.keys())
def test_doctor_finds_what_declaring_a_plugin_does_to_others(
    tmp_path: Path, text: str, severity: str, says: str
) -> None:
    path = tmp_path / "mine.py"
    path.write_text(DECLARES + text + "\n")
    report = examined(path)
    (finding,) = report["findings"]
    assert finding["severity"] == severity and says in finding["what"]
    assert report["ok"] == (severity != "error")


def test_doctor_has_nothing_to_say_of_a_sound_plugin(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(DECLARES + OFFERS)
    report = examined(path)
    assert report["ok"] and report["findings"] == []
    assert (report["state"], report["death"], report["packages"]) == ("ok", "", [])
    assert report["components"] == [{"kind": "encoder", "name": "mine/e", "target": "mine:E"}]


def test_doctor_looks_at_what_the_components_import_too(site: Site) -> None:
    site.plugin("mine", DECLARES + "GENFRAME_API = 1\n" + OFFERS.replace("mine:E", "genframe_nets:E"))
    site.module("genframe_nets", "import torch\ntorch.set_default_dtype(torch.float64)\nclass E: ...")
    (report,) = plugin_doctor.examine(plugin_doctor.subjects(["mine"]), 120)
    (error,) = [f for f in report["findings"] if f["severity"] == "error"]
    assert (
        "importing its components changes torch's default dtype: torch.float32 -> torch.float64"
        in error["what"]
    )


def test_doctor_says_which_target_fails_and_where(site: Site) -> None:
    site.plugin("mine", DECLARES + "GENFRAME_API = 1\n" + OFFERS.replace("mine:E", "genframe_nets:E"))
    site.module(
        "genframe_nets", "class E:\n    def __init__(self, **options): ...\n\nimport not_there_at_all\n"
    )
    (report,) = plugin_doctor.examine(plugin_doctor.subjects(["mine"]), 120)
    errors = {f["what"].partition(":")[0]: f for f in report["findings"] if f["severity"] == "error"}
    assert "options of encoder mine/e can't be read" in " ".join(errors)
    assert errors["encoder mine/e can't be imported"]["place"].endswith("genframe_nets.py:4")


def test_doctor_survives_a_crash_in_a_components_module_and_says_which(site: Site) -> None:
    site.plugin("mine", DECLARES + "GENFRAME_API = 1\n" + OFFERS.replace("mine:E", "genframe_nets:E"))
    site.module("genframe_nets", "import os\nclass E: ...\nos.abort()\n")
    (report,) = plugin_doctor.examine(plugin_doctor.subjects(["mine"]), 120)
    assert any(
        "SIGABRT" in f["what"] and "encoder mine/e is imported" in f["what"] for f in report["findings"]
    )
    assert "Fatal Python error: Aborted" in str(report["last_words"]) and "genframe_nets.py" in str(
        report["last_words"]
    )


def test_doctor_gives_up_a_plugin_that_hangs_and_stops_what_it_started(
    genframe: Genframe, tmp_path: Path
) -> None:
    path = tmp_path / "mine.py"
    number = tmp_path / "number"
    path.write_text(
        f"import subprocess, time, pathlib\np = subprocess.Popen(['sleep', '600'])\n"
        f"pathlib.Path({str(number)!r}).write_text(str(p.pid))\ntime.sleep(600)\n"
    )
    told = genframe("plugins", "doctor", "-p", path, "--timeout", "5")
    assert told.code == 3 and "it had not finished after 5 s, while it is declared" in told.out
    assert f"at {path}:4\n" in told.out
    state = Path(f"/proc/{number.read_text()}/stat")
    for _ in range(100):
        if not state.exists() or state.read_text().split()[2] == "Z":
            return
        time.sleep(0.05)
    pytest.fail("what the plugin started goes on")


def test_doctor_reads_pips_metadata(site: Site) -> None:
    site.plugin("nest", good("genframe_nest", "mlp"), distribution="odd-name")
    metadata = site.folder / "odd_name-1.0.dist-info" / "METADATA"
    metadata.write_text(
        metadata.read_text() + "Requires-Dist: numpy>=999\nRequires-Dist: no-such-thing>=1\n"
        "Requires-Dist: pillow; extra == 'more'\nRequires-Dist: torch>=2\n"
    )
    (report,) = plugin_doctor.examine(plugin_doctor.subjects(["odd-name"]), 120)
    said = "\n".join(f"{f['severity']}: {f['what']} {f['command']}" for f in report["findings"])
    assert "error: it requires numpy>=999, and" in said and "pip install 'numpy>=999'" in said
    assert "error: it requires no-such-thing>=1, which is not installed" in said
    assert "warning: its distribution does not require genframe" in said
    assert "remark: its name is near that of genframe's own plugin 'nets'" in said
    assert "remark: its distribution is called odd-name" in said
    assert "remark: genframe's own encoder 'mlp' has that name too: recipes write nest/mlp" in said
    assert "pillow" not in said and "requires torch" not in said


OLD = """
from genframe import deprecated
deprecated.APIS = {1: deprecated.Api("0.1", until="0.9"), 2: deprecated.Api("0.5")}

GENFRAME_API = 1
"""


@pytest.mark.parametrize("verb", ["list", "doctor", "check"])
def test_what_is_deprecated_reaches_the_author(
    genframe: Genframe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, verb: str
) -> None:
    monkeypatch.setattr(deprecated, "APIS", deprecated.APIS)  # which the plugin is about to replace
    path = tmp_path / "mine.py"
    path.write_text(OLD)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # as Python does for users
        told = genframe("plugins", verb, "-p", path)
    assert told.code == 0  # a warning: a level of the kit never asks for more
    assert f"{path}:5" in told.out and "plugin API 1 is deprecated since genframe 0.5, until 0.9" in told.out


def test_doctor_passes_a_plugin_back_to_the_other_verbs(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    from genframe.discovery import discover

    site.plugin("moody", "import os\nif 'MOODY' in os.environ: os._exit(3)\nGENFRAME_API = 1\n")
    monkeypatch.setenv("MOODY", "1")
    with pytest.raises(LookupProblem, match="exit code 3"):
        discover().plugin("moody")
    monkeypatch.delenv("MOODY")
    with pytest.raises(LookupProblem, match="exit code 3"):
        discover().plugin("moody")
    assert all(report["ok"] for report in plugin_doctor.examine(plugin_doctor.subjects(["moody"]), 120))
    assert discover().plugin("moody").ok


def test_doctor_without_a_name_takes_all_but_genframes_own(genframe: Genframe, site: Site) -> None:
    site.plugin("vq", good("genframe_vq"))
    assert [report["name"] for report in genframe("plugins", "doctor", "--json").json] == ["vq"]
    assert "nothing is broken" in genframe("plugins", "doctor").out
    told = genframe("plugins", "doctor", "qv")
    assert told.code == 3 and "GF305" in told.err


def test_doctor_looks_at_genframes_own_plugins_when_asked(genframe: Genframe) -> None:
    (report,) = genframe("plugins", "doctor", "dae", "--json").json
    assert report["ok"] and {row["name"] for row in report["components"]} >= {"dae/l1", "dae/gaussian"}


def test_signals_without_a_name_are_told_by_number() -> None:
    assert isolation.signal_name(11).startswith("SIGSEGV") and isolation.signal_name(200) == "signal 200"


# plugins check


def result(check: str, outcome: str, head: str = "encoder/fine", message: str = "") -> Result:
    kind, _, name = head.partition("/")
    return Result(f"{head}:{check}", kind, name, check, outcome, message, 0.25, f"Asks for {check}.")


@pytest.fixture
def results(monkeypatch: pytest.MonkeyPatch) -> list[Result]:
    """What the kit is made to say."""
    said: list[Result] = []

    def check_plugin(plugin: object, **how: object) -> Iterator[Result]:
        only = how["only"]
        assert isinstance(only, list)
        yield from (r for r in said if not only or any(p in (f"*:{r.check}", r.id) for p in only))

    monkeypatch.setattr("genframe.testing.kit.check_plugin", check_plugin)
    return said


def test_check_tells_failures_and_counts(genframe: Genframe, site: Site, results: list[Result]) -> None:
    site.plugin("vq", good("genframe_vq"))
    results += [
        result("builds", "passed"),
        result("bf16", "failed", message="expected: finite\ncame: nan"),
        result("compiles", "skipped", message="no compiler"),
        result("loads", "passed", head="plugin"),
    ]
    told = genframe("plugins", "check", "vq")
    assert told.code == 3
    (row,) = [line.split() for line in told.out.splitlines() if line.startswith("encoder/fine  ")]
    assert row == ["encoder/fine", "1", "1", "1", "0.8", "s"]
    assert "failed      encoder/fine:bf16  Asks for bf16." in told.out and "came: nan" in told.out
    assert "encoder/fine:builds" not in told.out and "no compiler" not in told.out
    assert "1 failed, 1 skipped, 2 passed in 1.0 s" in told.out
    verbose = genframe("plugins", "check", "vq", "-v").out
    assert "encoder/fine:builds" in verbose and "no compiler" in verbose


def test_check_tells_one_cause_once(genframe: Genframe, site: Site, results: list[Result]) -> None:
    site.plugin("vq", good("genframe_vq"))
    results += [
        result("builds", "failed", message="expected: a\ncame: shapes (3, 4)"),
        result("bf16", "failed", message="expected: a\ncame: shapes (1, 5, 3)"),
        result("draws", "failed", message="expected: b\ncame: shapes (3, 4)"),
        result("compiles", "failed", message="expected: a\ncame: shapes 1x28x28"),
        result("builds", "failed", head="encoder/other", message="expected: a\ncame: shapes (3, 4)"),
        result("known", "unexpected", message="by --expect"),
        result("told", "unexpected", message="by --expect"),
    ]
    told = genframe("plugins", "check", "vq").out
    assert told.count("expected: a") == 2 and told.count("expected: b") == 1
    assert "the same in 2 other checks: bf16, compiles" in told and told.count("the same in") == 1
    assert "encoder/fine:known" in told and "encoder/fine:told" in told
    assert genframe("plugins", "check", "vq", "-v").out.count("expected: a") == 4
    assert len(json.loads(genframe("plugins", "check", "vq", "--json").out)["results"]) == 7


def test_check_lets_no_warning_between_its_lines_but_a_deprecation(
    genframe: Genframe, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    from genframe.deprecated import GenframeDeprecationWarning

    def check_plugin(plugin: object, **how: object) -> Iterator[Result]:
        warnings.warn("a tensor is not writable", UserWarning, stacklevel=1)
        warnings.warn("Noise.old is deprecated", GenframeDeprecationWarning, stacklevel=1)
        yield result("builds", "passed")

    monkeypatch.setattr("genframe.testing.kit.check_plugin", check_plugin)
    monkeypatch.setattr(sys, "warnoptions", [])
    site.plugin("vq", good("genframe_vq"))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert genframe("plugins", "check", "vq").code == 0
    said = [str(warning.message) for warning in caught]
    assert "Noise.old is deprecated" in said and "a tensor is not writable" not in said


@pytest.mark.parametrize(
    ("outcome", "code"), [("passed", 0), ("skipped", 0), ("expected", 0), ("failed", 3), ("unexpected", 3)]
)
def test_checks_exit_code(
    genframe: Genframe, site: Site, results: list[Result], outcome: str, code: int
) -> None:
    site.plugin("vq", good("genframe_vq"))
    results.append(result("builds", outcome))
    assert genframe("plugins", "check").code == code
    told = genframe("plugins", "check", "--json")
    facts = json.loads(told.out)
    assert told.code == code and facts["ok"] == (code == 0) and facts["level"] == 1
    assert facts["plugins"]["vq"][outcome] == 1 and facts["plugins"]["vq"]["state"] == "ok"
    (row,) = facts["results"]
    assert (row["plugin"], row["id"], row["outcome"]) == ("vq", "encoder/fine:builds", outcome)


def test_check_narrows_to_a_check(genframe: Genframe, site: Site, results: list[Result]) -> None:
    site.plugin("vq", good("genframe_vq"))
    results += [result("builds", "passed"), result("bf16", "passed")]
    told = genframe("plugins", "check", "vq", "--only", "bf16", "-v")
    assert "encoder/fine:bf16" in told.out and "encoder/fine:builds" not in told.out
    told = genframe("plugins", "check", "vq", "--only", "bf17")
    assert told.code == 2 and "no check has an id like that" in told.err


def test_check_of_a_broken_plugin_fails_with_the_cause(genframe: Genframe, site: Site) -> None:
    site.plugin("bad", "import a_package_that_is_not_there")
    told = genframe("plugins", "check")
    assert told.code == 3 and told.out.count("No module named 'a_package_that_is_not_there'") == 1
    assert "not stated" not in told.out
    told = genframe("plugins", "check", "baad")
    assert told.code == 3 and "GF305" in told.err and "'bad'" in told.err


def test_check_without_any_plugin_says_so(genframe: Genframe) -> None:
    told = genframe("--no-plugins", "plugins", "check")
    assert told.code == 0 and "--all" in told.out


NOISE = '''
from genframe import Component, Level, Noise, hookimpl

@hookimpl
def genframe_noises(): return [Component("salt", "mine:Salt")]

class Salt(Noise):
    """Salt."""

    def __init__(self, *, amount: Level = 0.1):
        self.amount = amount

    def draw(self, x):
        from genframe import draw_level
        return draw_level(self.amount, x)

    def apply(self, x, level):
        import torch
        from genframe import per_example
        return torch.where(torch.rand_like(x) < per_example(level, x), torch.ones_like(x), x)
'''


def test_check_runs_the_kit_on_a_file(genframe: Genframe, tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(NOISE)
    told = genframe("plugins", "check", "-p", path, "--json")
    facts = json.loads(told.out)
    ids = {row["id"] for row in facts["results"]}
    assert "noise/salt:identity_at_level_zero" in ids
    (row,) = [r for r in facts["results"] if r["id"] == "noise/salt:identity_at_level_zero"]
    assert row["outcome"] == "passed" and row["plugin"] == "mine"


def test_a_failure_can_be_expected_on_the_command_line(genframe: Genframe, tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(NOISE.replace("< per_example(level, x)", "< 0.5"))
    arguments = ("plugins", "check", "-p", path, "--only", "identity_at_level_zero")
    assert genframe(*arguments).code == 3
    assert genframe(*arguments, "--expect", "noise/salt:identity_at_level_zero").code == 0


def test_check_lists_what_it_asks(genframe: Genframe) -> None:
    from genframe.testing.kit import checks

    rows = json.loads(genframe("plugins", "check", "--list", "--json").out)
    assert [row["check"] for row in rows] == [check.name for check in checks()]
    assert "identity_at_level_zero" in genframe("plugins", "check", "--list").out
