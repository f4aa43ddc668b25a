"""Pictures of a run as a page holds them: within so many bytes, thinned over time first, then made smaller."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PIL import Image

BYTES = 2_500_000
"""What all pictures of a page may take; base64 makes a third more of it."""

MOST, LEAST = 60, 8
"""Pictures of one output over time: at most, and those that are kept where making them smaller serves too."""

FULL, HALF = 960, 490
"""Pixels across that a wide picture has on the page, and any other."""

_NAMED = re.compile(r"(?P<name>.+)-(?P<step>\d{8})")


@dataclass(frozen=True, slots=True)
class Frame:
    """A picture as a data address, and the `size` (width, height) of its file; `step` is None of what never changes."""

    step: int | None
    address: str
    size: tuple[int, int]

    @property
    def shown(self) -> tuple[int, int]:
        """Pixels of the page: of a small picture a whole number of times its own."""
        scale = max(1, min(3, (FULL if self.wide else HALF) // self.size[0]))
        return self.size[0] * scale, self.size[1] * scale

    @property
    def wide(self) -> bool:
        """Whether it takes the page's whole width."""
        return self.size[0] > 1.8 * self.size[1]


@dataclass
class Strip:
    """The pictures of one output, by rising step; `files` is how many there are, `remark` what was done to fit."""

    name: str
    frames: list[Frame]
    files: int
    remark: str = ""
    caption: str = ""
    broken: list[str] = field(default_factory=list)


def strips(
    folder: Path, budget: int = BYTES, plan: Mapping[str, Any] | None = None, last: bool = False
) -> list[Strip]:
    """The pictures of a folder by what they are of, within `budget` bytes. `last`: of each the newest alone."""
    found: dict[str, list[tuple[int | None, Path]]] = {}
    for path in sorted(folder.glob("*.png")):
        matched = _NAMED.fullmatch(path.stem)
        name, step = (matched["name"], int(matched["step"])) if matched else (path.stem, None)
        found.setdefault(name, []).append((step, path))
    asked = {str(o["name"]).partition("(")[0]: str(o["name"]) for o in (plan or {}).get("outputs", ())}
    rank = {name: place for place, name in enumerate(asked)}
    made = []
    left = budget
    order = sorted(found, key=lambda name: sum(path.stat().st_size for _, path in found[name]))
    for place, name in enumerate(order):  # what one leaves of its share is shared by those that come
        files = found[name][-1:] if last else found[name]
        strip, used = _strip(name, files, left // (len(order) - place))
        strip.caption = _caption(name, asked)
        left -= used
        made.append(strip)
    return sorted(made, key=lambda strip: (_rank(strip, asked), rank.get(strip.name, 0)))


def address(path: Path, share: int = 1 << 20) -> str:
    """One picture as a data address, made smaller where it takes more than `share` bytes."""
    return _frame(None, path, *_small(path, share)).address


def _strip(name: str, files: Sequence[tuple[int | None, Path]], share: int) -> tuple[Strip, int]:
    """A strip and the bytes that it takes."""
    strip = Strip(name, [], len(files))
    chosen = list(files)
    limit = MOST
    if len(files) > LEAST:  # rather fewer as they are than all of them blurred
        typical = max(sorted(path.stat().st_size for _, path in files)[len(files) // 2], 1)
        limit = max(LEAST, min(MOST, share // typical))
    if len(chosen) > limit:
        chosen = [chosen[round(place * (len(files) - 1) / (limit - 1))] for place in range(limit)]
        strip.remark = f"{limit} of {len(files)} pictures"
    each, used, smaller = share // max(len(chosen), 1), 0, False
    for step, path in chosen:
        try:
            kind, content = _small(path, each)
            strip.frames.append(_frame(step, path, kind, content))
        except (OSError, ValueError, SyntaxError) as error:
            strip.broken.append(f"{path.name} can't be read: {error}")
            continue
        used += len(content)
        smaller |= kind != "png"
    if smaller:
        strip.remark = f"{strip.remark}{', ' if strip.remark else ''}compressed"
    return strip, used


def _frame(step: int | None, path: Path, kind: str, content: bytes) -> Frame:
    with Image.open(path) as image:
        size = image.size
    return Frame(step, f"data:image/{kind};base64,{base64.b64encode(content).decode()}", size)


def _small(path: Path, share: int) -> tuple[str, bytes]:
    """The file as it is where it is a picture and fits; else compressed, in the end shrunk too."""
    content = path.read_bytes()
    with Image.open(path) as file:
        file.load()
        if len(content) <= share:
            return "png", content
        image = file.convert("RGB")
        for quality, scale in ((90, 1.0), (75, 1.0), (60, 0.7), (50, 0.5), (40, 0.35), (30, 0.2)):
            size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
            buffer = io.BytesIO()
            image.resize(size, Image.Resampling.LANCZOS).save(buffer, "WEBP", quality=quality, method=2)
            if buffer.tell() <= share:
                break
    return "webp", buffer.getvalue()


def _rank(strip: Strip, asked: Mapping[str, str]) -> int:
    """Samples first, then what is made of examples, what was drawn at the end, the data last."""
    if strip.name in asked:
        return 0 if asked[strip.name].endswith("(n)") else 1
    changes = strip.frames and strip.frames[0].step is not None
    return 2 if changes else 3


def _caption(name: str, asked: Mapping[str, str]) -> str:
    """What is to be seen, from what the output takes; of codes, from whether examples have some."""
    taken = asked.get(name, "").partition("(")[2].rstrip(")")
    if taken == "n":
        return "draws from the same noise at every step"
    if taken == "z":
        return "what a plane of latents decodes to"
    if taken:
        return "fixed examples in the upper row of each pair, below each what the model makes of it"
    drawn = _DRAWN if "encode" in asked else _DRAWN | _DRAWN_OF_THE_PRIOR
    return drawn.get(name, "the first examples of the data" if name.startswith("data") else "")


_DRAWN = {
    "traversal": "a row for each latent, at most the ten that vary most: what it does while all others stay",
    "interpolation": "from the code of example 0 to that of example 1, decoded on the way",
    "manifold": "a plane of codes, decoded point by point",
}
"""What is drawn once, by the picture's name."""

_DRAWN_OF_THE_PRIOR = {
    "traversal": "a row for each latent, at most the first ten: what it does while all others stay",
    "interpolation": "from one draw of the prior to another, seeds 0 and 1, decoded on the way",
}
