"""Downloads of datasets: taken up again where they were cut off, and checked before they get their name."""

from __future__ import annotations

import gzip
import hashlib
import os
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import BinaryIO, cast
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from genframe.errors import Problem, RunError

Progress = Callable[[str, int, int | None], None]
"""Called with a file's name, the bytes that are there, and the bytes that there will be, where known."""

_CHUNK = 1 << 16
_SILENCE = 30.0  # seconds without a byte after which a server is given up


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file of a dataset. A component's class offers its own as `sources()`, for `genframe data fetch`.

    url: where it is published.
    path: where it belongs under the data root, `mnist/train-images-idx3-ubyte.gz`.
    md5: of the content, uncompressed; holds whoever compressed it.
    md5_as_sent: of the file as it is published, where only that is known.
    """

    url: str
    path: str
    md5: str | None = None
    md5_as_sent: str | None = None

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]


def data_root() -> Path:
    """Where datasets are kept: GENFRAME_DATA, else `genframe` in the user's cache folder."""
    named = os.environ.get("GENFRAME_DATA")
    if named:
        return Path(named).expanduser()
    cache = os.environ.get("XDG_CACHE_HOME")
    return (Path(cache) if cache else Path.home() / ".cache") / "genframe"


def fetch(
    files: Iterable[RemoteFile],
    root: Path | None = None,
    base_url: str | None = None,
    progress: Progress | None = None,
) -> list[Path]:
    """Download what is not there yet into `root` (None: `data_root()`); the paths of all files.

    `base_url` is a folder on another server that holds files of the same names. A transfer that is cut off
    is taken up again at once as long as each try brings something, and by the next call; until it is whole
    and has the right digest, a file is called `NAME.part`.

    Raises RunError: no network, not found, a wrong digest, a folder that can't be written.
    """
    return [_fetch_one(file, root or data_root(), base_url, progress) for file in files]


def _fetch_one(file: RemoteFile, root: Path, base_url: str | None, progress: Progress | None) -> Path:
    url = f"{base_url.rstrip('/')}/{file.name}" if base_url else file.url
    if not url.startswith(("http://", "https://")):
        raise _error("GF606", f"{url} is not a web address")
    target = root / file.path
    if target.exists():
        wrong = _wrong_digest(file, target)
        if wrong:
            raise _error(
                "GF607", f"{target} is not what was published ({wrong}); remove it and fetch it again"
            )
        return target
    part = target.with_name(f"{target.name}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _download(url, file, part, progress)
        _publish(url, file, part, target)
    except OSError as error:
        raise _error("GF606", f"{part} can't be written: {error}") from error
    return target


def _download(url: str, file: RemoteFile, part: Path, progress: Progress | None) -> None:
    """Bring `part` to its full length, in as many transfers as it takes."""
    while True:
        before = _size(part)
        try:
            whole = _transfer(url, file, part, progress)
        except HTTPError as error:
            raise _error("GF606", f"{url}: the server answers {error.code} {error.reason}") from error
        except (URLError, HTTPException, TimeoutError, ConnectionError) as error:
            raise _unreachable(url, file, part, getattr(error, "reason", error)) from error
        if whole:
            return
        if _size(part) <= before:
            raise _unreachable(url, file, part, f"the transfer breaks off at {before} bytes")


def _transfer(url: str, file: RemoteFile, part: Path, progress: Progress | None) -> bool:
    """One request, from where `part` ends; whether the file is whole then."""
    have = _size(part)
    request = Request(url, headers={"User-Agent": "genframe"})
    if have:
        request.add_header("Range", f"bytes={have}-")
    try:
        response = cast(HTTPResponse, urlopen(request, timeout=_SILENCE))
    except HTTPError as error:
        if error.code != 416:  # nothing lies beyond what is here
            raise
        if error.headers.get("Content-Range") == f"bytes */{have}":
            return True
        part.unlink()
        return _transfer(url, file, part, progress)
    with response:
        resumed = response.status == 206 and response.headers.get("Content-Range", "").startswith(
            f"bytes {have}-"
        )
        start = have if resumed else 0
        length = response.headers.get("Content-Length")
        total = start + int(length) if length else None
        with part.open("ab" if resumed else "wb") as out:
            ended = _copy(response, out, lambda now: progress(file.name, now, total) if progress else None)
            os.fsync(out.fileno())
    return ended and total in (None, _size(part))


def _copy(response: HTTPResponse, out: BinaryIO, report: Callable[[int], None]) -> bool:
    """What comes, until nothing comes; False where the transfer was cut off."""
    while True:
        try:
            chunk = response.read(_CHUNK)
        except (OSError, HTTPException):
            return False
        if not chunk:
            return True
        out.write(chunk)
        report(out.tell())


def _publish(url: str, file: RemoteFile, part: Path, target: Path) -> None:
    """Give a whole file its name, if its digest is right; else remove it."""
    wrong = _wrong_digest(file, part)
    if wrong:
        part.unlink()
        raise _error("GF607", f"what {url} sent is not what was published ({wrong}); it was removed")
    part.replace(target)


def _wrong_digest(file: RemoteFile, path: Path) -> str | None:
    """What differs, as `expected MD5 a, found b`; None where nothing does."""
    try:
        for expected, uncompressed in ((file.md5, file.name.endswith(".gz")), (file.md5_as_sent, False)):
            if expected is not None and (found := _md5(path, uncompressed)) != expected:
                return f"expected MD5 {expected}, found {found}"
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        return f"not a whole gzip file: {error}"
    return None


def _md5(path: Path, uncompressed: bool) -> str:
    digest = hashlib.md5(usedforsecurity=False)
    with gzip.open(path) if uncompressed else path.open("rb") as content:
        while chunk := content.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _unreachable(url: str, file: RemoteFile, part: Path, cause: object) -> RunError:
    kept = (
        f"; {_size(part)} bytes are kept in {part} and the next fetch goes on from there"
        if _size(part)
        else ""
    )
    target = part.with_name(file.name)
    return _error(
        "GF606", f"{url} can't be fetched ({cause}){kept}. Without a network, put the file at {target}"
    )


def _error(code: str, message: str) -> RunError:
    return RunError(Problem(code, message))
