"""Checkpoints are whole or not there, whatever happens while they are written."""

from __future__ import annotations

import hashlib
import json
import os
import random
import signal
import sys
import time
from collections.abc import Callable, Iterator
from itertools import count
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from genframe import durable
from genframe.engine import checkpoint
from genframe.errors import RunError

FORK = get_context("fork")  # the children have torch loaded already, so that a kill is cheap


def tensors_of(step: int) -> dict[str, dict[str, Tensor]]:
    """Tensors that tell which step they are of."""
    return {
        "encoder": {"weight": torch.full((40, 50), float(step)), "bias": torch.full((50,), float(step))},
        "encoder.ema": {"weight": torch.full((40, 50), step + 0.5)},
    }


def saved(folder: Path, step: int) -> Path:
    return checkpoint.save(folder, step, tensors_of(step), {"step": step}, {"epoch": step // 10})


def is_of_its_step(found: checkpoint.Checkpoint) -> bool:
    expected = tensors_of(found.step)
    same = all(
        torch.equal(found.tensors(name)[key], tensor)
        for name, tensors in expected.items()
        for key, tensor in tensors.items()
    )
    return same and found.state() == {"step": found.step} and set(found.names) == set(expected)


def leftovers(folder: Path) -> list[str]:
    return [path.name for path in folder.glob(".*")]


# What goes in comes out.


def test_what_was_saved_is_found_again(tmp_path: Path) -> None:
    path = saved(tmp_path / "checkpoints", 4690)
    assert path.name == "00004690"
    found = checkpoint.latest(tmp_path / "checkpoints")
    assert found is not None
    assert (found.path, found.step, found.epoch) == (path, 4690, 469)
    assert is_of_its_step(found)


@pytest.mark.parametrize(
    "tensor",
    [
        torch.arange(12.0).reshape(3, 4).T,
        torch.arange(12.0)[::3],
        torch.tensor(2.5).expand(3, 2),
        torch.rand(2, 3, 4, 4).to(memory_format=torch.channels_last),
        torch.tensor(7),
        torch.empty(0, 3),
        torch.tensor([True, False]),
        torch.randn(5).to(torch.bfloat16),
        torch.nn.Parameter(torch.randn(3)),
    ],
    ids=[
        "transposed",
        "strided",
        "expanded",
        "channels last",
        "a number",
        "empty",
        "bool",
        "bf16",
        "parameter",
    ],
)
def test_any_layout_and_type_of_tensor_is_kept(tensor: Tensor, tmp_path: Path) -> None:
    checkpoint.save(tmp_path, 1, {"net": {"it": tensor}}, {"it": tensor})
    found = checkpoint.read(tmp_path / "00000001")
    assert torch.equal(found.tensors("net")["it"], tensor)
    assert torch.equal(found.state()["it"], tensor)


def test_tied_weights_are_saved_under_each_of_their_names(tmp_path: Path) -> None:
    first, second = torch.nn.Linear(4, 4, bias=False), torch.nn.Linear(4, 4, bias=False)
    second.weight = first.weight
    state = torch.nn.Sequential(first, second).state_dict()
    state["a view"] = first.weight[1:]
    checkpoint.save(tmp_path, 1, {"net": state}, {})
    found = checkpoint.read(tmp_path / "00000001").tensors("net")
    assert torch.equal(found["0.weight"], first.weight)
    assert torch.equal(found["1.weight"], first.weight)
    assert torch.equal(found["a view"], first.weight[1:])


def test_a_saved_tensor_may_change_afterwards(tmp_path: Path) -> None:
    weight = torch.zeros(3)
    checkpoint.save(tmp_path, 1, {"net": {"weight": weight}}, {})
    loaded = checkpoint.read(tmp_path / "00000001").tensors("net")["weight"]
    weight += 1
    assert loaded.tolist() == [0, 0, 0]


def test_checkpoints_sort_by_name_in_order_of_steps(tmp_path: Path) -> None:
    for step in (900, 10, 100_000, 9):
        saved(tmp_path, step)
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"{s:08d}" for s in (9, 10, 900, 100_000)]
    assert checkpoint.steps(tmp_path) == [9, 10, 900, 100_000]
    assert checkpoint.latest(tmp_path).step == 100_000  # type: ignore[union-attr]


def test_a_folder_without_checkpoints_has_no_latest(tmp_path: Path) -> None:
    (tmp_path / "notes").mkdir()
    assert checkpoint.latest(tmp_path) is None
    assert checkpoint.latest(tmp_path / "missing") is None
    assert checkpoint.recover(tmp_path / "missing") is None


def test_a_checkpoint_of_the_same_step_is_replaced(tmp_path: Path) -> None:
    saved(tmp_path, 1)
    checkpoint.save(tmp_path, 1, {"net": {"weight": torch.ones(2)}}, {"again": True})
    found = checkpoint.latest(tmp_path)
    assert found is not None
    assert found.names == ("net",)
    assert found.state() == {"again": True}
    assert not leftovers(tmp_path)


# What must not go in.


@pytest.mark.parametrize(
    ("state", "place"),
    [
        ({"optimizers": {"model": {"lr": np.float64(0.1)}}}, "state.optimizers.model.lr is a float64"),
        ({"history": [1, {2}]}, "state.history.1 is a set"),
        ({"path": Path("x")}, "state.path is a PosixPath"),
        ({(1, object()): 1}, "a key of state.1 is a object"),
    ],
)
def test_state_that_could_not_be_loaded_again_is_refused_when_it_is_saved(
    state: dict[Any, Any], place: str, tmp_path: Path
) -> None:
    with pytest.raises(TypeError, match=place):
        checkpoint.save(tmp_path, 1, {}, state)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["../../x", "a/b", "", "..", "x\ny"])
def test_a_component_cannot_name_a_file_elsewhere(name: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="can't name a component's file"):
        checkpoint.save(tmp_path / "checkpoints", 1, {name: {"weight": torch.ones(1)}}, {})
    assert [path.name for path in tmp_path.rglob("*")] == ["checkpoints"]


def test_no_code_runs_when_a_forged_state_is_loaded(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple[Callable[..., Any], tuple[str]]:
            return (os.mkdir, (str(tmp_path / "made by the forged state"),))

    path = saved(tmp_path, 1)
    torch.save({"step": Evil()}, path / "state.pt")
    manifest = json.loads((path / "manifest.json").read_text())
    manifest["files"]["state.pt"] = hashlib.sha256((path / "state.pt").read_bytes()).hexdigest()
    del manifest["sha256"]
    manifest["sha256"] = hashlib.sha256(json.dumps(manifest, sort_keys=True).encode()).hexdigest()
    (path / "manifest.json").write_text(json.dumps(manifest))
    found = checkpoint.read(path)
    with pytest.raises(Exception, match=r"(?i)weights.only"):
        found.state()
    assert not (tmp_path / "made by the forged state").exists()


# Damage.


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-2])  # the last byte of a manifest is a line end


def altered(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


FILES = ("encoder.safetensors", "encoder.ema.safetensors", "state.pt", "manifest.json")


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("damage", [truncated, altered, Path.unlink])
def test_the_checkpoint_before_a_damaged_one_is_used_with_a_warning(
    damage: Callable[[Path], None], file: str, tmp_path: Path
) -> None:
    saved(tmp_path, 10)
    damage(saved(tmp_path, 20) / file)
    warnings: list[str] = []
    found = checkpoint.latest(tmp_path, warnings.append)
    assert found is not None
    assert found.step == 10
    assert is_of_its_step(found)
    (warning,) = warnings
    assert str(tmp_path / "00000020") in warning
    assert file in warning
    assert warning.endswith("the checkpoint of step 10 is used")
    with pytest.raises(RunError, match="GF717") as caught:
        checkpoint.read(tmp_path / "00000020")
    assert file in str(caught.value)


def test_a_step_altered_in_the_manifest_is_damage(tmp_path: Path) -> None:
    manifest = saved(tmp_path, 10) / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"epoch": 1', '"epoch": 7'))
    with pytest.raises(RunError, match=r"manifest\.json is altered"):
        checkpoint.read(tmp_path / "00000010")


def test_a_renamed_checkpoint_is_damage(tmp_path: Path) -> None:
    saved(tmp_path, 10).rename(tmp_path / "00000030")
    with pytest.raises(RunError, match=r"manifest\.json is altered"):
        checkpoint.read(tmp_path / "00000030")


def test_damage_is_warned_of_where_nobody_asks_to_be_told(tmp_path: Path) -> None:
    truncated(saved(tmp_path, 10) / "state.pt")
    with pytest.warns(UserWarning, match=r"state\.pt is truncated or altered; no whole checkpoint is left"):
        assert checkpoint.latest(tmp_path) is None


def test_reading_changes_nothing(tmp_path: Path) -> None:
    saved(tmp_path, 10)
    truncated(saved(tmp_path, 20) / "state.pt")
    (tmp_path / ".tmp-00000030").mkdir()
    before = sorted(tmp_path.rglob("*"))
    checkpoint.latest(tmp_path, lambda text: None)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_damaged_checkpoint_does_not_push_out_whole_ones(tmp_path: Path) -> None:
    saved(tmp_path, 10)
    truncated(saved(tmp_path, 20) / "state.pt")
    found = checkpoint.recover(tmp_path, lambda text: None)
    assert found is not None
    assert found.step == 10
    saved(tmp_path, 15)
    checkpoint.prune(tmp_path, keep=1)
    assert checkpoint.steps(tmp_path) == [15]
    assert not leftovers(tmp_path)


# Keeping few.


@pytest.mark.parametrize(
    ("keep", "best", "left"),
    [
        (2, None, [4, 5]),
        (1, 2, [2, 5]),
        (2, 5, [4, 5]),
        (9, None, [1, 2, 3, 4, 5]),
        (0, None, [5]),
        (1, 77, [5]),
    ],
)
def test_the_newest_and_the_best_are_kept(
    keep: int, best: int | None, left: list[int], tmp_path: Path
) -> None:
    for step in range(1, 6):
        saved(tmp_path, step)
    checkpoint.prune(tmp_path, keep, best)
    assert checkpoint.steps(tmp_path) == left
    assert not leftovers(tmp_path)


# Kills.


def die_before(nth: int, folder: Path) -> None:
    """Have this process killed before its `nth` change or opening of something below `folder`."""
    visits = count()

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        ours = (
            event in ("os.remove", "os.rmdir") or str(arguments[0]).startswith(str(folder))
            if arguments
            else False
        )
        watched = event in ("open", "os.rename", "os.mkdir", "os.remove", "os.rmdir")
        if watched and ours and next(visits) == nth:
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)


def save_three_and_prune(folder: Path, nth: int, done: Any) -> None:
    die_before(nth, folder)
    for step in (1, 2, 3):
        saved(folder, step)
        done.value = step
        checkpoint.prune(folder, keep=1)


def save_one_thrice(folder: Path, nth: int, done: Any) -> None:
    for _ in range(3):
        saved(folder, 7)
        if not done.value:
            die_before(nth, folder)
        done.value = 7


def lives(story: Callable[[Path, int, Any], None], root: Path) -> Iterator[tuple[Path, int]]:
    """A life killed before its first operation on files, one before the second …, until one ends by itself.

    Gives each folder, and the last step whose `save` had returned.
    """
    for nth in count():
        folder, done = root / str(nth), FORK.Value("i", 0)
        child = FORK.Process(target=story, args=(folder, nth, done))
        child.start()
        child.join(60)
        assert child.exitcode in (0, -signal.SIGKILL)
        if child.exitcode == 0:
            assert nth > 30, "the kills must reach every operation"
            return
        yield folder, done.value


def test_a_kill_at_any_operation_on_files_leaves_the_latest_whole(tmp_path: Path) -> None:
    for folder, done in lives(save_three_and_prune, tmp_path):
        found = checkpoint.recover(folder, pytest.fail)
        assert (found.step if found else 0) in (done, done + 1), folder
        for step in checkpoint.steps(folder):
            assert is_of_its_step(checkpoint.read(folder / f"{step:08d}")), folder
        assert not leftovers(folder), folder


def test_a_kill_while_a_checkpoint_is_replaced_loses_nothing(tmp_path: Path) -> None:
    for folder, _ in lives(save_one_thrice, tmp_path):
        found = checkpoint.recover(folder, pytest.fail)
        assert found is not None, folder
        assert is_of_its_step(found), folder
        assert not leftovers(folder), folder


def save_for_ever(folder: Path, done: Any) -> None:
    found = checkpoint.recover(folder)
    for step in count(found.step + 1 if found else 1):
        saved(folder, step)
        done.value = step
        checkpoint.prune(folder, keep=2)


def test_twenty_kills_at_random_moments_leave_the_latest_whole(tmp_path: Path) -> None:
    rng = random.Random(20)
    done = FORK.Value("i", 0)
    for number in range(20):
        child = FORK.Process(target=save_for_ever, args=(tmp_path, done))
        before = done.value
        child.start()
        deadline = time.monotonic() + 60
        while done.value == before and time.monotonic() < deadline:
            time.sleep(0.001)
        time.sleep(rng.uniform(0, 0.03))
        child.kill()
        child.join(60)
        assert done.value > before
        found = checkpoint.latest(tmp_path, pytest.fail)
        assert found is not None, number
        assert found.step in (done.value, done.value + 1), number
        assert is_of_its_step(found), number


# The order of things that make it durable.


def test_files_are_on_the_disk_before_the_folder_gets_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    story: list[str] = []
    sync, rename = durable.sync, Path.rename

    def synced(path: Path) -> None:
        story.append(f"sync {path.name}")
        sync(path)

    def renamed(path: Path, target: Path) -> Path:
        story.append(f"rename {path.name}")
        return rename(path, target)

    monkeypatch.setattr(durable, "sync", synced)
    monkeypatch.setattr(Path, "rename", renamed)
    saved(tmp_path, 1)
    assert set(story[:4]) == {f"sync {file}" for file in FILES}
    assert story[4:] == ["sync .tmp-00000001", "rename .tmp-00000001", f"sync {tmp_path.name}"]
