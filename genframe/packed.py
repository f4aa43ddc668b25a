"""A packed model, one file that can be handed on: what stands in it, and how it is read without trusting it.

    NAME.genframe (a zip)
      manifest.json   format, step, what is in the file and each member's sha256, and one of itself
      recipe.yaml  resolved.yaml  lock.json  evaluations.json  README.md  sample.png
      weights/encoder.safetensors  weights/encoder.ema.safetensors  ...
      samplers/NAME-00004690.safetensors, samplers/NAME.json
      plugins/my_parts.py                 local plugin files: run only where the user trusts them

Nothing is extracted and nothing unpickled: members of known names are read into memory, within limits, and
each must have its digest. The digests show damage; they do not say who made the file. Torch-free but for weights.
"""

from __future__ import annotations

import hashlib
import json
import re
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genframe.errors import Problem, RunError
from genframe.locked import Lock, lock_from

if TYPE_CHECKING:
    from torch import Tensor

FORMAT = 1
SUFFIX = ".genframe"
MANIFEST = "manifest.json"
RECIPE, RESOLVED, LOCK, EVALUATIONS = "recipe.yaml", "resolved.yaml", "lock.json", "evaluations.json"
CARD, PICTURE = "README.md", "sample.png"
WEIGHTS, SAMPLERS, PLUGINS = "weights/", "samplers/", "plugins/"
TENSORS = ".safetensors"

_NAMES = re.compile(
    r"manifest\.json|recipe\.yaml|resolved\.yaml|lock\.json|evaluations\.json|README\.md|sample\.png"
    r"|(?:weights|samplers)/\w[\w.-]{0,200}\.safetensors|samplers/\w[\w-]{0,100}\.json|plugins/\w[\w-]{0,100}\.py",
    re.ASCII,
)
_MOST_MEMBERS = 4096
_LARGEST_TEXT = 16 << 20  # bytes of any member but weights
_LARGEST_RATIO = (
    100  # unpacked over packed bytes, beyond `_SMALL`: floats shrink by a tenth, bombs a thousandfold
)
_SMALL = 64 << 20


def is_packed(path: Path) -> bool:
    """Whether a path is meant as a packed file: a file, or one of that name."""
    return path.is_file() or (path.suffix == SUFFIX and not path.is_dir())


def seal(manifest: Mapping[str, Any]) -> str:
    """sha256 of a manifest's content, whatever the order of its keys."""
    return hashlib.sha256(json.dumps(manifest, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class Packed:
    """A packed file, its manifest checked; members are checked when they are read. Raises RunError throughout."""

    path: Path
    manifest: Mapping[str, Any]

    @classmethod
    def open(cls, path: Path) -> Packed:
        """Raises RunError: no packed file (GF740), altered (GF741), too new (GF742), what it may not hold (GF743)."""
        if not path.is_file():
            raise RunError(Problem("GF740", f"there is no packed file {path}"))
        with _archive(path) as archive:
            _check_members(path, archive)
            manifest = _manifest(path, _read(path, archive, MANIFEST))
            differing = {info.filename for info in archive.infolist()} ^ {MANIFEST, *manifest["files"]}
        if differing:
            raise _altered(path, sorted(differing)[0], "is missing, or not in the manifest")
        return cls(path, manifest)

    @property
    def step(self) -> int:
        return int(self.manifest["step"])

    @property
    def name(self) -> str:
        return str(self.manifest["name"])

    @property
    def members(self) -> tuple[str, ...]:
        return tuple(self.manifest["files"])

    @property
    def names(self) -> tuple[str, ...]:
        """The components whose weights it holds; `encoder.ema` is the averaged copy of `encoder`."""
        return tuple(m[len(WEIGHTS) : -len(TENSORS)] for m in self.members if m.startswith(WEIGHTS))

    @property
    def code(self) -> tuple[str, ...]:
        """The plugin files that it brings: `my_parts.py`."""
        return tuple(m.removeprefix(PLUGINS) for m in self.members if m.startswith(PLUGINS))

    def read(self, member: str) -> bytes:
        """A member's bytes, which have the digest that the manifest says."""
        if member not in self.manifest["files"]:
            raise _altered(self.path, member, "is missing")
        with _archive(self.path) as archive:
            content = _read(self.path, archive, member)
        if hashlib.sha256(content).hexdigest() != self.manifest["files"][member]:
            raise _altered(self.path, member, "is not what was packed")
        return content

    def text(self, member: str) -> str:
        try:
            return self.read(member).decode()
        except UnicodeDecodeError as error:
            raise _altered(self.path, member, f"is not UTF-8: {error}") from error

    def tensors(self, name: str) -> dict[str, Tensor]:
        """The tensors of a component, on the CPU. Raises KeyError for one that it does not hold."""
        if name not in self.names:
            raise KeyError(f"{self.path} holds no weights of {name!r}")
        return self.tensors_of(f"{WEIGHTS}{name}{TENSORS}")

    def tensors_of(self, member: str) -> dict[str, Tensor]:
        """The tensors of a member `weights/...` or `samplers/...`."""
        from safetensors import SafetensorError
        from safetensors.torch import load

        try:
            return load(self.read(member))
        except (SafetensorError, ValueError, KeyError) as error:
            raise _altered(self.path, member, f"holds no tensors: {error}") from error

    @cached_property
    def lock(self) -> Lock:
        """Raises LockError (GF730)."""
        return lock_from(self.read(LOCK), f"{self.path}:{LOCK}")

    def evaluations(self) -> list[dict[str, Any]]:
        """The figures that were measured before packing."""
        if EVALUATIONS not in self.members:
            return []
        try:
            found = json.loads(self.read(EVALUATIONS))
        except ValueError as error:
            raise _altered(self.path, EVALUATIONS, f"is no JSON: {error}") from error
        return found if isinstance(found, list) else []


@contextmanager
def _archive(path: Path) -> Iterator[zipfile.ZipFile]:
    """The zip, and whatever is wrong with it as a RunError."""
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except zipfile.BadZipFile as error:
        reason = f"cut off, or no packed file: {error}"
        raise RunError(Problem("GF740", f"{path} can't be read, it is {reason}")) from error
    except (OSError, EOFError, zlib.error, NotImplementedError, RuntimeError, ValueError) as error:
        raise RunError(Problem("GF740", f"{path} can't be read: {error}")) from error


def _check_members(path: Path, archive: zipfile.ZipFile) -> None:
    """Raise RunError unless every member has a known name, once, and a size that it may have."""
    infos = archive.infolist()
    if len(infos) > _MOST_MEMBERS:
        raise _refused(path, f"it has {len(infos):,} members, and {_MOST_MEMBERS:,} are the most")
    if MANIFEST not in archive.namelist():
        raise RunError(Problem("GF740", f"{path} is no packed file: it has no {MANIFEST}"))
    seen: set[str] = set()
    for info in infos:
        if not _NAMES.fullmatch(info.filename) or info.filename in seen:
            raise _refused(
                path, f"its member {info.filename[:200]!r} is none of a packed file's, or there twice"
            )
        seen.add(info.filename)
        if info.flag_bits & 0x1 or info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise _refused(
                path, f"its member {info.filename!r} is encrypted, or packed in another way than deflate"
            )
        most = _LARGEST_TEXT
        if info.filename.endswith(TENSORS):
            most = max(_SMALL, _LARGEST_RATIO * info.compress_size)
        if info.file_size > most:
            size = f"{info.file_size:,} bytes from {info.compress_size:,}"
            raise _refused(path, f"its member {info.filename!r} unpacks to {size}, more than it may")


def _read(path: Path, archive: zipfile.ZipFile, member: str) -> bytes:
    """A member, at most as long as the zip's directory says; what that may be was checked."""
    info = archive.getinfo(member)
    try:
        with archive.open(info) as file:
            content = file.read(info.file_size + 1)
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise _altered(path, member, f"is damaged: {error}") from error
    if len(content) != info.file_size:
        raise _altered(path, member, "has another length than the zip says")
    return content


def _manifest(path: Path, content: bytes) -> dict[str, Any]:
    try:
        manifest = json.loads(content)
        found = manifest["format"]
        if type(found) is int and found > FORMAT:
            message = f"{path} has format {found}, and this genframe reads up to {FORMAT}"
            raise RunError(Problem("GF742", message, command="pip install --upgrade genframe"))
        sealed = manifest.pop("sha256")
        whole = sealed == seal(manifest) and found == FORMAT
        whole = whole and isinstance(manifest["step"], int) and isinstance(manifest["files"], dict)
        whole = whole and isinstance(manifest["checkpoint"], dict)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise _altered(path, MANIFEST, "can't be read") from error
    if not whole:
        raise _altered(path, MANIFEST, "is not what was packed")
    return dict(manifest)


def _altered(path: Path, member: str, how: str) -> RunError:
    return RunError(Problem("GF741", f"the packed file {path} is altered: {member} {how}"))


def _refused(path: Path, why: str) -> RunError:
    return RunError(Problem("GF743", f"the packed file {path} is not read: {why}"))
