"""The server's answers, its port, its end."""

from __future__ import annotations

import os
import signal
import socket
import threading
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from genframe.cli import main
from genframe.errors import RunError
from genframe.explorer import actions, server

from .conftest import PORT, TOKEN, Open


def test_the_page_is_told_of_each_model(page: TestClient) -> None:
    about = page.get("about").json()
    assert [model["name"] for model in about["models"]] == ["vae", "points"]
    assert list(about["panels"]) == ["latents", "map", "draw", "noise", "between", "samples"]


def test_models_of_unlike_shapes_answer_side_by_side(page: TestClient) -> None:
    pictures, points = (page.post(f"models/{m}/samples", json={"n": 2, "seed": 1}).json() for m in (0, 1))
    assert pictures["shown"]["kind"] == "pictures" and points["shown"]["kind"] == "points"
    assert pictures["ms"] > 0


def test_the_same_request_has_the_same_answer_whatever_came_between(page: TestClient) -> None:
    asked = {"noise": "dae/gaussian", "levels": {"std": 0.4}, "seed": 3, "steps": 3}
    first = page.post("models/0/walk", json=asked).json()["shown"]
    page.post("models/0/noise", json={"noise": "dae/gaussian", "levels": {"std": 1.0}})
    page.post("models/0/samples", json={"seed": 8})
    assert page.post("models/0/walk", json=asked).json()["shown"] == first


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("[", "a request's body is JSON"),
        ("[1]", "an object of values, not a list"),
        ('{"n": "many"}', "n is a whole number from 1 to 64, not 'many'"),
        ('{"n": NaN}', "not nan"),
        ('{"conditions": {"y": 3}}', "takes no condition"),
    ],
)
def test_bad_values_are_answered_400_with_a_text(page: TestClient, body: str, told: str) -> None:
    answer = page.post("models/0/samples", content=body)
    assert answer.status_code == 400 and told in answer.json()["error"]


def test_what_is_not_there_is_404(page: TestClient) -> None:
    for path in ("models/7/samples", "models/0/destroy"):
        answer = page.post(path, json={})
        assert answer.status_code == 404 and answer.json()["error"]


def test_a_component_that_fails_is_told_and_the_page_goes_on(
    page: TestClient, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: Any) -> None:
        raise ZeroDivisionError("of a stranger's part")

    with monkeypatch.context() as patch:
        patch.setitem(actions.ACTIONS, "samples", broken)
        answer = page.post("models/0/samples", json={})
    assert answer.status_code == 500 and "ZeroDivisionError: of a stranger's part" in answer.json()["error"]
    assert "Traceback" in capsys.readouterr().err
    assert page.post("models/0/samples", json={}).status_code == 200


def test_a_name_with_a_script_in_it_is_data(explored: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    five, name = explored("five"), "<script>alert(1)</script>"
    monkeypatch.setattr(five, "name", name)
    page = TestClient(server.application([five], TOKEN, PORT), base_url=f"http://127.0.0.1:{PORT}/{TOKEN}/")
    answer = page.get("about")
    assert answer.headers["content-type"] == "application/json"
    assert answer.json()["models"][0]["name"] == name
    assert "alert" not in page.get("").text


def test_a_port_that_is_taken_is_told_with_the_next_free_one() -> None:
    first = server.bound(0)
    port = first.getsockname()[1]
    with pytest.raises(RunError) as raised:
        server.bound(port)
    (problem,) = raised.value.problems
    assert problem.code == "GF841" and f"port {port} is taken" in problem.message
    free = int(str(problem.command).rpartition(" ")[2])
    assert free > port
    server.bound(free).close()
    first.close()


def test_small_answers_are_sent_at_once() -> None:
    """asyncio turns Nagle's algorithm off on sockets that say they are TCP: elsewhere an answer waits 40 ms."""
    with server.bound(0) as listening:
        assert listening.proto == socket.IPPROTO_TCP and listening.getsockname()[0] == "127.0.0.1"


class Genframe:
    """`genframe explore ...` in this process, ended by Ctrl-C once its page has answered."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self.patch, self.capsys = monkeypatch, capsys
        self.answer: Any = None

    def __call__(self, *arguments: object) -> tuple[int, str, str]:
        self.patch.setattr("sys.argv", ["genframe", "explore", *map(str, arguments)])
        self.patch.setattr("webbrowser.open", self._visit)
        before = [(number, signal.getsignal(number)) for number in (signal.SIGINT, signal.SIGTERM)]
        try:
            main()
            code = 0
        except SystemExit as end:
            code = int(end.code or 0)
        finally:
            for number, handler in before:
                signal.signal(number, handler)
        printed = self.capsys.readouterr()
        return code, printed.out, printed.err

    def _visit(self, address: str) -> None:
        def visit() -> None:
            try:
                with urllib.request.urlopen(f"{address}about", timeout=10) as answer:
                    self.answer = answer.read()
            finally:
                os.kill(os.getpid(), signal.SIGINT)

        threading.Thread(target=visit).start()


@pytest.fixture
def genframe(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Genframe:
    return Genframe(monkeypatch, capsys)


def test_the_verb_serves_a_page_and_ctrl_c_ends_it_cleanly(
    genframe: Genframe, runs: Callable[[str], Path]
) -> None:
    code, out, err = genframe(runs("vae"), runs("points"))
    assert code == 0, err
    address, *_ = out.splitlines()
    assert address.startswith("http://127.0.0.1:") and len(address.rstrip("/").rpartition("/")[2]) >= 32
    assert out.endswith("ended\n") and "Traceback" not in err
    assert b'"name":"vae"' in genframe.answer and b'"name":"points"' in genframe.answer


def test_two_explorers_on_one_port_are_told_before_anything_is_loaded(
    genframe: Genframe, runs: Callable[[str], Path]
) -> None:
    with server.bound(0) as first:
        code, out, err = genframe(runs("vae"), "--port", first.getsockname()[1])
    assert code == 1 and not out and "GF841" in err and "--port" in err


def test_half_a_run_and_one_without_a_checkpoint_are_told(
    genframe: Genframe, runs: Callable[[str], Path], tmp_path: Path
) -> None:
    import shutil

    assert genframe(tmp_path / "nowhere")[::2][0] != 0
    half = tmp_path / "half"
    shutil.copytree(runs("vae"), half)
    shutil.rmtree(half / "checkpoints")
    code, out, err = genframe(half)
    assert code == 1 and not out and "GF721" in err
    (half / "resolved.yaml").unlink()
    code, out, err = genframe(half)
    assert code != 0 and not out and "GF714" in err and "Traceback" not in err


def test_a_run_whose_plugin_is_gone_is_told_with_what_to_do(
    genframe: Genframe, runs: Callable[[str], Path], tmp_path: Path
) -> None:
    import shutil

    gone = tmp_path / "gone"
    shutil.copytree(runs("vae"), gone)
    text = (gone / "resolved.yaml").read_text()
    assert "nets/mlp" in text
    (gone / "resolved.yaml").write_text(text.replace("nets/mlp", "stranger/mlp"))
    code, out, err = genframe(gone)
    assert code in (2, 3) and not out and "stranger" in err and "Traceback" not in err


def test_more_runs_than_fit_are_refused(genframe: Genframe, runs: Callable[[str], Path]) -> None:
    code, _, err = genframe(*[runs("vae")] * 5)
    assert code == 2 and "4 at most" in err
