"""data list, data fetch, doctor."""

from __future__ import annotations

import gzip
import hashlib
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from command_line import Genframe

from genframe import health


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """A folder, served on this machine."""
    folder = tmp_path / "served"
    folder.mkdir()

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *words: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=folder)) as http:
        threading.Thread(target=http.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{http.server_port}", folder
        http.shutdown()


def test_data_list_tells_wires_lengths_and_presence(
    genframe: Genframe, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("GENFRAME_DATA", str(tmp_path))
    rows = {row["name"]: row for row in genframe("data", "list", "--json").json}
    assert rows["data/digits"]["wires"]["x"] == {
        "shape": [1, 28, 28],
        "dtype": "float32",
        "classes": None,
        "image": True,
    }
    assert rows["data/digits"]["lengths"] == {"train": 5000, "test": 1000}
    assert (rows["data/digits"]["present"], rows["data/mnist"]["present"]) == (True, False)
    assert (rows["data/arrays"]["present"], rows["data/arrays"]["needs"]) == (None, ["path"])
    (tmp_path / "MNIST" / "raw").mkdir(parents=True)
    for split in ("train", "t10k"):
        for part in ("images-idx3", "labels-idx1"):
            (tmp_path / "MNIST" / "raw" / f"{split}-{part}-ubyte").touch()
    text = genframe("data", "list").out
    present = {line.split()[0]: "  yes  " in line for line in text.splitlines()[1:]}
    assert present["data/mnist"] and not present["data/kmnist"]


def test_a_dataset_that_raises_costs_its_own_row(genframe: Genframe, tmp_path: Path) -> None:
    (tmp_path / "sick.py").write_text(
        "from genframe import Component, hookimpl\nGENFRAME_API = 1\n"
        "@hookimpl\ndef genframe_datasets():\n    return [Component('flu', 'sick:Flu')]\n"
        "class Flu:\n    def spec(self):\n        raise ValueError('fever')\n"
    )
    told = genframe("data", "list", "-p", tmp_path / "sick.py")
    assert told.code == 0 and "fever" in told.out and "data/digits" in told.out


def test_fetch_brings_the_files_of_a_dataset(
    genframe: Genframe, server: tuple[str, Path], tmp_path: Path
) -> None:
    url, folder = server
    content = gzip.compress(b"all there is")
    (folder / "all.gz").write_bytes(content)
    digest = hashlib.md5(b"all there is").hexdigest()
    (tmp_path / "tiny.py").write_text(
        "from genframe import Component, RemoteFile, hookimpl\nGENFRAME_API = 1\n"
        "@hookimpl\ndef genframe_datasets():\n    return [Component('set', 'tiny:Set')]\n"
        "class Set:\n    @classmethod\n    def sources(cls):\n"
        f"        return [RemoteFile('http://127.0.0.1:9/all.gz', 'set/all.gz', {digest!r})]\n"
    )
    root = tmp_path / "data"
    words = ("data", "fetch", "tiny/set", "-p", tmp_path / "tiny.py", "--root", root)
    told = genframe(*words, "--from", url)
    assert told.code == 0 and told.out == f"{root / 'set' / 'all.gz'}\n"
    assert "fetching all.gz" in told.err
    assert (root / "set" / "all.gz").read_bytes() == content
    (root / "set" / "all.gz").unlink()
    told = genframe(*words)  # nobody listens there
    assert told.code == 1 and "GF606" in told.err


def test_fetch_of_what_ships_says_so(genframe: Genframe) -> None:
    told = genframe("data", "fetch", "digits")
    assert told.code == 0 and "nothing to download" in told.out


def test_doctor_finds_this_machine_sound(
    genframe: Genframe, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GENFRAME_DATA", str(tmp_path / "data"))
    facts = genframe("doctor", "--json").json
    assert facts["ok"] and facts["problems"] == []
    assert facts["devices"][0]["name"] == "cpu" and facts["threads"]["torch"] >= 1
    assert set(facts["settings"]) >= {"keep freed memory (mallopt)", "flush denormals"}
    assert {plugin["name"] for plugin in facts["plugins"]} >= {"nets", "vae", "gan", "dae"}
    assert list(tmp_path.iterdir()) == []  # looked, and left nothing
    assert "nothing is broken" in genframe("doctor").out


def test_doctor_fails_for_a_broken_plugin(genframe: Genframe, tmp_path: Path) -> None:
    (tmp_path / "ill.py").write_text("raise RuntimeError('ill')\n")
    told = genframe("doctor", "-p", tmp_path / "ill.py")
    assert told.code == 1 and "the plugin ill is broken" in told.out


def test_doctor_fails_for_a_folder_that_can_not_be_written(
    genframe: Genframe, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("GENFRAME_DATA", str(tmp_path / "file" / "data"))
    told = genframe("doctor")
    assert told.code == 1 and "the folder for data" in told.out


def test_doctor_fails_for_a_missing_package(monkeypatch: pytest.MonkeyPatch) -> None:
    from genframe.discovery import discover

    monkeypatch.setattr(health, "PACKAGES", ("genframe", "no-such-package"))
    assert health.report(discover())["problems"] == ["the package no-such-package is not installed"]
