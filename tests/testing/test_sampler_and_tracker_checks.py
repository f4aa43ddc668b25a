"""The kit on samplers and trackers of strangers: right ones pass, each bug is told where it is."""

from __future__ import annotations

import os
from pathlib import Path
from textwrap import dedent

import pytest

from genframe.testing import Result, check_plugin
from genframe.testing.writes import writes

HEAD = """
    import os, random, threading
    from pathlib import Path
    import torch
    from torch import nn
    from genframe import Component, hookimpl

    GENFRAME_API = 1

    @hookimpl
    def genframe_{kind}s():
        return [Component("it", "strange:It", summary="it")]

"""


def results(folder: Path, kind: str, text: str) -> dict[str, Result]:
    """What comes of each check of the one component, by the check's name."""
    path = folder / "strange.py"
    path.write_text(dedent(HEAD.format(kind=kind)) + dedent(text))
    return {result.check: result for result in check_plugin(path, only=[f"{kind}/it:*"])}


def failures(found: dict[str, Result]) -> dict[str, str]:
    return {name: result.message for name, result in found.items() if result.outcome == "failed"}


PRIOR = "def It(decode, n, *, width: float = 1.0):\n    return decode(width * torch.randn(n, 2))"
DATA = "def It(data, n):\n    return data.tensors['x'][torch.randint(len(data), (n,))]"
GAUSSIAN = """
    class It(nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("mean", torch.empty(0))
            self.register_buffer("root", None)

        def fit(self, encode, data):
            codes = torch.cat([encode(batch["x"]) for batch in data.batches(300)])
            self.mean, self.root = codes.mean(0), torch.linalg.cholesky(codes.T.cov())

        def sample(self, decode, n):
            return decode(self.mean + torch.randn(n, 2) @ self.root.T)
"""
BATCHES = GAUSSIAN.replace('batch["x"]', "batch")
BARE = """
    class It:
        def fit(self, encode, data):
            self.mean = encode(data.tensors["x"]).mean(0)

        def sample(self, decode, n):
            return decode(self.mean + torch.randn(n, 2))
"""
CHAIN = """
    class It:
        '''Metropolis steps on the codes, from the prior, under the prior: its law stays.'''

        def sample(self, decode, n):
            z = torch.randn(n, 2)
            for _ in range(20):
                proposed = z + 0.5 * torch.randn(n, 2)
                gain = 0.5 * (z.square().sum(1) - proposed.square().sum(1))
                z = torch.where((torch.rand(n).log() < gain)[:, None], proposed, z)
            return decode(z)
"""


@pytest.mark.parametrize(
    "text", [PRIOR, DATA, GAUSSIAN, BATCHES, CHAIN], ids=["prior", "data", "gaussian", "batches", "chain"]
)
def test_right_samplers_pass(text: str, tmp_path: Path) -> None:
    found = results(tmp_path, "sampler", text)
    assert failures(found) == {}
    assert found["sampler_leaves_the_law_invariant"].outcome == "passed"
    assert found["fit_has_the_law_of_the_data"].outcome == (
        "passed" if text in (GAUSSIAN, BATCHES) else "skipped"
    )


def test_a_sampler_that_asks_for_more_than_the_toy_has_is_skipped_with_the_reason(tmp_path: Path) -> None:
    found = results(tmp_path, "sampler", "def It(corrupted, denoise, n):\n    return denoise(corrupted(n))")
    assert failures(found) == {}
    assert "'corrupted', which the kit's toy has not" in found["sampler_leaves_the_law_invariant"].message


@pytest.mark.parametrize(
    ("text", "check", "says"),
    [
        (PRIOR.replace("1.0", "1.1"), "sampler_leaves_the_law_invariant", "a standard deviation of"),
        (PRIOR.replace("randn(n, 2)", "randn(n, 2).abs()"), "sampler_leaves_the_law_invariant", "a mean of"),
        (
            PRIOR.replace("torch.randn(n, 2)", "3**0.5 * (2 * torch.rand(n, 2) - 1)"),
            "sampler_leaves_the_law_invariant",
            "the shape is not",
        ),
        (CHAIN.replace("gain = 0.5", "gain = 0.8"), "sampler_leaves_the_law_invariant", "deviation"),
        (PRIOR.replace("randn(n, 2)", "randn(1, 2).expand(n, 2)"), "sampler_follows_its_seed", "the same 8 times"),
        (PRIOR.replace("torch.randn(n, 2)", "random.random() * torch.randn(n, 2)"), "sampler_follows_its_seed", "seed"),
        (PRIOR.replace("randn(n, 2)", "ones(n, 2).cumsum(0)"), "sampler_follows_its_seed", "other draws under"),
        (
            PRIOR.replace("return", "torch.manual_seed(3); return"),
            "sampler_follows_its_seed",
            "leaves the seed as it was set",
        ),
        (PRIOR.replace("decode(width", "(width"), "sampler_leaves_the_law_invariant", "the draw not decoded"),
        (PRIOR.replace("(n, 2))", "(n, 2))[:-1]"), "sampler_gives_rows", "shape (0, 2)"),
        (PRIOR.replace("(n, 2))", "(n, 2)) / 0"), "sampler_gives_rows", "that are not"),
        (PRIOR.replace("(n, 2))", "(n, 2)).tolist()"), "sampler_gives_rows", "a list"),
        (PRIOR.replace("(n, 2))", "(n, 2)).double()"), "sampler_gives_rows", "float64"),
        ("def It(decode):\n    return decode(torch.randn(9, 2))", "sampler_gives_rows", "it asks for decode"),
        (
            "def It(decode, n):\n    with torch.enable_grad():\n"
            "        return decode(torch.randn(n, 2, requires_grad=True))",
            "sampler_gives_rows",
            "gradient: True",
        ),
        ("class It:\n    pass", "sampler_gives_rows", "It has no sample"),
        (GAUSSIAN.replace('.register_buffer("mean", torch.empty(0))', ".mean = None"), "fit_is_stored_whole", "buf"),
        (BARE, "fit_is_stored_whole", "a torch.nn.Module"),
        (GAUSSIAN.replace("root.T", "root"), "fit_has_the_law_of_the_data", "a factor transposed"),
        (GAUSSIAN.replace("self.mean +", ""), "fit_has_the_law_of_the_data", "a mean of"),
        (GAUSSIAN.replace("torch.linalg.cholesky", ""), "fit_has_the_law_of_the_data", "variances"),
        (
            GAUSSIAN.replace("codes.mean(0)", "codes.mean(0) + 1e-3 * random.random()"),
            "fit_repeats_under_its_seed",
            "default generator",
        ),
    ],
)  # fmt: skip
def test_a_sampler_with_a_bug_fails(text: str, check: str, says: str, tmp_path: Path) -> None:
    found = failures(results(tmp_path, "sampler", text))
    assert says in found.get(check, f"not among {found}"), found


TAKES, RUN = "tracker_takes_what_a_run_gives", "tracker_leaves_the_run_alone"
RESUME, PROCESS = "tracker_goes_on_after_a_resume", "tracker_leaves_the_process_alone"
NOTES = """
    class It:
        '''A line a row; what stands behind the step that a run resumes from is dropped.'''

        def start(self, run, resolved, resumed_step):
            self.path = run / "notes.txt"
            kept = self.path.read_text().splitlines() if self.path.exists() and resumed_step else []
            kept = [line for line in kept if int(line.split()[0]) <= resumed_step]
            self.path.write_text("".join(f"{line}\\n" for line in kept))

        def log(self, row):
            with self.path.open("a") as file:
                file.write(f"{row['step']} {row['terms'].get('objective')}\\n")
"""


def test_a_right_tracker_passes_and_log_is_all_it_needs(tmp_path: Path) -> None:
    assert failures(results(tmp_path, "tracker", NOTES)) == {}
    found = results(tmp_path, "tracker", "class It:\n    def log(self, row):\n        pass")
    assert failures(found) == {}


@pytest.mark.parametrize(
    ("text", "check", "says"),
    [
        (NOTES.replace(".get('objective')", "['objective']"), TAKES, "KeyError: 'objective'"),
        (NOTES.replace("kept = [", "_ = ["), RESUME, "row of step 3 stands in notes.txt once"),
        (NOTES.replace("resumed_step else []", "not resumed_step else []"), RESUME, "is gone"),
        (NOTES.replace('run / "notes', 'run / "log'), RUN, "the run's log.txt stays"),
        (NOTES.replace('run / "notes', 'run.parent / "notes'), RUN, "it wrote to"),
        (
            NOTES.replace("with self", "os.mkdir(self.path.parents[1] / str(row['step']))\n            with self"),
            RUN,
            "it wrote to",
        ),
        (NOTES.replace("row['step']", "row.pop('step')"), RUN, "leaves a row as it is"),
        (
            NOTES.replace("kept = self", "resolved.clear(); kept = self"),
            RUN,
            "leaves the resolved recipe as it is",
        ),
        (NOTES.replace("with self", "torch.rand(1)\n            with self"), PROCESS, "generator"),
        (NOTES.replace("kept = self", "os.umask(os.umask(0) ^ 0o11); kept = self"), PROCESS, "file mask"),
        (NOTES.replace("def log", "def note"), TAKES, "a class with log(row)"),
        (
            NOTES + "\n        def finish(self, state):\n            raise OSError(state)\n",
            TAKES,
            "finish() raised OSError: finished",
        ),
        (
            NOTES + "\n        def picture(self, name, step, path):\n            path.unlink()\n",
            RUN,
            "samples/sample-00000004.png stays as the engine wrote it",
        ),
    ],
)  # fmt: skip
def test_a_tracker_with_a_bug_fails(text: str, check: str, says: str, tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        found = failures(results(tmp_path, "tracker", text))
    finally:
        os.umask(before)
    assert says in found.get(check, f"not among {found}"), found


def test_writes_are_seen_whichever_way_they_are_made(tmp_path: Path) -> None:
    (tmp_path / "old").write_text("x")
    (tmp_path / "link").symlink_to(tmp_path / "old")
    with writes() as found:
        (tmp_path / "old").read_text()
        (tmp_path / "a").write_text("x")
        (tmp_path / "a").rename(tmp_path / "b")
        (tmp_path / "folder").mkdir()
        (tmp_path / "link").open("a").close()
    (tmp_path / "later").write_text("x")
    assert [path.name for path in found] == ["a", "a", "b", "folder", "old"]
