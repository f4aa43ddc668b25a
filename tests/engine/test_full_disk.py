"""A disk that fills up is told of clearly, and what was whole stays whole."""

from __future__ import annotations

import resource
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path

import pytest
import torch

from genframe import pictures
from genframe.engine import checkpoint
from genframe.engine.metrics_log import MetricsLog, rows
from genframe.errors import RunError
from genframe.run import Run

ROOM = 256 * 1024
Full = Callable[[], AbstractContextManager[None]]


@contextmanager
def no_file_beyond(size: int) -> Iterator[None]:
    """Within, the system refuses to let a file grow beyond `size` bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.fixture(params=["a full disk", "a limit"])
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Path, Full]]:
    """A folder, and what makes writing more than ROOM bytes there fail: a small disk, or a limit on files."""
    if request.param == "a limit":
        yield tmp_path, lambda: no_file_beyond(ROOM)
        return
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={ROOM}", "tmpfs", str(folder)]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("mounting needs rights that are missing here")
    yield folder, nullcontext
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_checkpoint_that_does_not_fit_leaves_the_last_one_whole(disk: tuple[Path, Full]) -> None:
    root, full = disk
    folder = root / "run" / "checkpoints"
    small = {"net": {"weight": torch.ones(1000)}}
    large = {"net": {"weight": torch.ones(1000)}, "wide": {"weight": torch.ones(ROOM // 4)}}
    checkpoint.save(folder, 1, small, {"step": 1})
    with full(), pytest.raises(RunError) as caught:
        checkpoint.save(folder, 2, large, {"step": 2})
    (problem,) = caught.value.problems
    assert problem.code == "GF716"
    assert problem.message.startswith(f"the checkpoint of step 2 could not be written to {folder}: ")
    assert "No space left on device" in problem.message or "File too large" in problem.message
    assert "MB are free there" in problem.message
    assert problem.command == f"genframe resume {folder.parent}"
    assert [path.name for path in folder.iterdir()] == ["00000001"]
    found = checkpoint.latest(folder, pytest.fail)
    assert found is not None
    assert found.state() == {"step": 1}
    checkpoint.save(folder, 3, small, {"step": 3})  # with less to write it goes on
    assert checkpoint.steps(folder) == [1, 3]


def test_rows_of_metrics_that_do_not_fit_leave_the_others_readable(disk: tuple[Path, Full]) -> None:
    root, full = disk
    path = root / "metrics.jsonl"
    step = 0
    with full(), MetricsLog(path) as log, pytest.raises(RunError, match="GF716"):
        for step in range(10_000):
            log.write([{"step": step, "terms": {"loss": 0.5}, "note": "x" * 999}])
    assert step > 100
    assert [row["step"] for row in rows(path)] == list(range(step))


def test_a_file_that_does_not_fit_leaves_the_old_one(disk: tuple[Path, Full]) -> None:
    root, full = disk
    with Run.create(root / "run", "vae") as run:
        run.write_text("resolved.yaml", "old")
        with full(), pytest.raises(RunError, match=r"GF716: resolved\.yaml could not be written"):
            run.write_text("resolved.yaml", "x" * 2 * ROOM)
        assert run.path("resolved.yaml").read_text() == "old"
        assert not list(run.folder.glob(".tmp-*"))


def test_a_picture_that_does_not_fit_leaves_no_part_of_it(disk: tuple[Path, Full]) -> None:
    root, full = disk
    noise = pictures.grid(torch.rand(1, 3, 400, 400))  # does not compress
    with full(), pytest.raises(RunError, match=r"GF716: grid\.png could not be written"):
        pictures.save_png(noise, root / "samples" / "grid.png")
    assert not list((root / "samples").iterdir())


def test_a_folder_that_may_not_be_written_to_is_told_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: object, **keywords: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(RunError, match=r"GF716: the checkpoint of step 1 .* Permission denied"):
        checkpoint.save(tmp_path / "checkpoints", 1, {}, {})
    with pytest.raises(RunError, match=r"GF716: a run .* Permission denied"):
        Run.create(None, "vae", tmp_path)
