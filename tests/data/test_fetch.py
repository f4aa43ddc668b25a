from __future__ import annotations

import gzip
import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from genframe.data.fetch import RemoteFile, data_root, fetch
from genframe.errors import RunError

CONTENT = bytes(range(256)) * 2000
SENT = gzip.compress(CONTENT, mtime=0)


def _md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


class Server(ThreadingHTTPServer):
    """Serves `files`; cuts each transfer off after `cut_after` bytes; `requests` holds the ranges asked for."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files: dict[str, bytes] = {}
        self.ranges = True
        self.cut_after: int | None = None
        self.requests: list[str | None] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/sets"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        content = self.server.files.get(self.path)
        asked = self.headers.get("Range")
        self.server.requests.append(asked)
        if content is None:
            self.send_error(404)
            return
        start = int(asked.removeprefix("bytes=").rstrip("-")) if asked and self.server.ranges else 0
        if start >= len(content):
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(content)}")
            self.end_headers()
            return
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        self.wfile.write(content[start:][: self.server.cut_after])


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def file(server: Server) -> RemoteFile:
    server.files["/sets/digits.gz"] = SENT
    return RemoteFile(f"{server.url}/digits.gz", "mine/digits.gz", md5=_md5(CONTENT))


def test_a_file_arrives_whole_under_its_name(file: RemoteFile, tmp_path: Path) -> None:
    told: list[tuple[str, int, int | None]] = []
    (path,) = fetch([file], tmp_path, progress=lambda *now: told.append(now))
    assert path == tmp_path / "mine" / "digits.gz"
    assert path.read_bytes() == SENT
    assert told[-1] == ("digits.gz", len(SENT), len(SENT))
    assert [p.name for p in path.parent.iterdir()] == ["digits.gz"]


def test_what_is_there_is_not_fetched_again(server: Server, file: RemoteFile, tmp_path: Path) -> None:
    fetch([file], tmp_path)
    fetch([file], tmp_path)
    assert len(server.requests) == 1


def test_the_digest_is_of_the_content_whoever_compressed_it(
    server: Server, file: RemoteFile, tmp_path: Path
) -> None:
    server.files["/sets/digits.gz"] = gzip.compress(CONTENT, compresslevel=1)
    (path,) = fetch([file], tmp_path)
    assert gzip.decompress(path.read_bytes()) == CONTENT


def test_a_transfer_that_is_cut_off_is_taken_up_where_it_broke(
    server: Server, file: RemoteFile, tmp_path: Path
) -> None:
    server.cut_after = len(SENT) // 3
    (path,) = fetch([file], tmp_path)
    assert path.read_bytes() == SENT
    cut = server.cut_after
    assert server.requests[:3] == [None, f"bytes={cut}-", f"bytes={2 * cut}-"]


def test_a_later_call_goes_on_from_what_is_kept(server: Server, file: RemoteFile, tmp_path: Path) -> None:
    part = tmp_path / "mine" / "digits.gz.part"
    part.parent.mkdir()
    part.write_bytes(SENT[:100])
    fetch([file], tmp_path)
    assert server.requests == ["bytes=100-"]
    assert not part.exists()


def test_a_part_that_is_already_whole_is_taken(server: Server, file: RemoteFile, tmp_path: Path) -> None:
    part = tmp_path / "mine" / "digits.gz.part"
    part.parent.mkdir()
    part.write_bytes(SENT)
    (path,) = fetch([file], tmp_path)
    assert path.read_bytes() == SENT


def test_a_part_longer_than_the_file_starts_anew(server: Server, file: RemoteFile, tmp_path: Path) -> None:
    part = tmp_path / "mine" / "digits.gz.part"
    part.parent.mkdir()
    part.write_bytes(SENT + b"more")
    (path,) = fetch([file], tmp_path)
    assert path.read_bytes() == SENT


def test_a_server_without_ranges_starts_anew(server: Server, file: RemoteFile, tmp_path: Path) -> None:
    server.ranges = False
    part = tmp_path / "mine" / "digits.gz.part"
    part.parent.mkdir()
    part.write_bytes(b"x" * 100)
    (path,) = fetch([file], tmp_path)
    assert path.read_bytes() == SENT


def test_a_server_that_sends_nothing_more_is_given_up_and_the_part_kept(
    server: Server, file: RemoteFile, tmp_path: Path
) -> None:
    part = tmp_path / "mine" / "digits.gz.part"
    part.parent.mkdir()
    part.write_bytes(SENT[:100])
    server.cut_after = 0
    with pytest.raises(RunError, match=r"100 bytes are kept in .*part"):
        fetch([file], tmp_path)
    assert part.read_bytes() == SENT[:100]


@pytest.mark.parametrize("sent", [gzip.compress(CONTENT[:-1]), SENT[:-20], b"<html>not here</html>"])
def test_a_wrong_digest_is_refused_and_nothing_is_left(
    server: Server, file: RemoteFile, tmp_path: Path, sent: bytes
) -> None:
    server.files["/sets/digits.gz"] = sent
    with pytest.raises(RunError, match=r"GF607.*not what was published"):
        fetch([file], tmp_path)
    assert list((tmp_path / "mine").iterdir()) == []


def test_a_wrong_file_in_place_is_named_and_kept(file: RemoteFile, tmp_path: Path) -> None:
    mine = tmp_path / "mine" / "digits.gz"
    mine.parent.mkdir()
    mine.write_bytes(gzip.compress(b"my own"))
    with pytest.raises(RunError, match=r"GF607.*remove it"):
        fetch([file], tmp_path)
    assert gzip.decompress(mine.read_bytes()) == b"my own"


def test_a_digest_of_the_file_as_sent_is_checked(server: Server, tmp_path: Path) -> None:
    server.files["/sets/digits.gz"] = SENT
    url = f"{server.url}/digits.gz"
    fetch([RemoteFile(url, "right.gz", md5_as_sent=_md5(SENT))], tmp_path)
    with pytest.raises(RunError, match=f"expected MD5 {_md5(CONTENT)}, found {_md5(SENT)}"):
        fetch([RemoteFile(url, "wrong.gz", md5_as_sent=_md5(CONTENT))], tmp_path)


def test_a_mirror_is_asked_for_files_of_the_same_names(server: Server, tmp_path: Path) -> None:
    server.files["/sets/digits.gz"] = SENT
    far = RemoteFile("https://nowhere.invalid/digits.gz", "mine/digits.gz", md5=_md5(CONTENT))
    (path,) = fetch([far], tmp_path, base_url=f"{server.url}/")
    assert path.read_bytes() == SENT


def test_a_missing_file_says_which(server: Server, tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"GF606: http://.*/none.gz: the server answers 404"):
        fetch([RemoteFile(f"{server.url}/none.gz", "none.gz")], tmp_path)


def test_no_network_says_what_to_put_where(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"Without a network, put the file at .*mine/digits.gz"):
        fetch([RemoteFile("http://127.0.0.1:9/digits.gz", "mine/digits.gz")], tmp_path)


def test_only_the_web_is_fetched_from(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="not a web address"):
        fetch([RemoteFile("file:///etc/passwd", "mine/digits.gz")], tmp_path)


def test_a_folder_that_cannot_be_written_says_so(file: RemoteFile, tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("a file where the folder should be")
    with pytest.raises(RunError, match="can't be written"):
        fetch([file], tmp_path)


def test_the_data_root_is_the_environments_or_the_cache(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("GENFRAME_DATA", raising=False)
    assert data_root() == tmp_path / "genframe"
    monkeypatch.setenv("GENFRAME_DATA", str(tmp_path / "sets"))
    assert data_root() == tmp_path / "sets"
    monkeypatch.delenv("GENFRAME_DATA")
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert data_root() == tmp_path / ".cache" / "genframe"
