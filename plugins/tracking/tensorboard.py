"""A run as TensorBoard shows it, through torch's own writer."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import Any

from .rows import numbers, pictures, rows


class TensorBoardTracker:
    """Every number of every row, histograms, every picture, the resolved recipe and figures, as TensorBoard's events.

    They lie in `tensorboard/` in the run's folder: `tensorboard --logdir runs` compares all runs. A resumed run's are
    written anew from what the folder holds, so that no step stands there twice or is missing; so is a run that is sent
    afterwards, `genframe track RUN --to tensorboard`. The package is an extra: `pip install 'genframe[tensorboard]'`.
    """

    def __init__(self, *, folder: str = "tensorboard") -> None:
        """folder: a name in the run's folder. Raises ValueError for any other, ImportError without the package."""
        if Path(folder).name != folder or folder in ("", ".", "..") or "\\" in folder:
            raise ValueError(f"folder is a name in the run's folder, not {folder!r}")
        if find_spec("tensorboard") is None:
            raise ImportError("the package tensorboard is missing: pip install 'genframe[tensorboard]'")
        self._name, self._run = folder, Path()
        self._writer: Any = None

    def start(self, run: Path, resolved: Mapping[str, Any], resumed_step: int) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self._run, folder = run, run / self._name
        stale = list(folder.glob("events.out.tfevents.*"))
        self._writer = SummaryWriter(str(folder), purge_step=0)
        self._writer.add_text("recipe", _listing(json.dumps(resolved, indent=1, default=str)), 0)
        drawn = pictures(run / "samples", resumed_step) if resumed_step else []
        for row in rows(run / "metrics.jsonl", resumed_step):
            self.log(row)
        for step, name, path in drawn:
            self.picture(name, step, path)
        self._writer.flush()
        for path in stale:
            path.unlink(missing_ok=True)

    def log(self, row: Mapping[str, Any]) -> None:
        step, at = int(row["step"]), row.get("time")
        for name, value in numbers(row):
            if name not in ("step", "time"):
                self._writer.add_scalar(name, value, step, at)
        for name, told in (row.get("histograms") or {}).items():
            self._histogram(f"histograms/{name}", told["counts"], told["edges"], step, at)

    def picture(self, name: str, step: int, path: Path) -> None:
        import numpy as np
        from PIL import Image

        with Image.open(path) as image:
            pixels = np.asarray(image.convert("RGB"))  # (height, width, 3)
        self._writer.add_image(f"samples/{name}", pixels, step, dataformats="HWC")

    def finish(self, state: str) -> str:
        """Gives the command that shows it."""
        path = self._run / "evaluations.json"
        for row in json.loads(path.read_text()) if path.exists() else []:
            protocol = row.get("protocol", {})
            step = int(protocol.get("step", 0))
            for figure, value in row["figures"].items():
                self._writer.add_scalar(f"evaluation/{row['metric']}/{figure}", value, step)
            self._writer.add_text(
                f"evaluation/{row['metric']}", _listing(json.dumps(protocol, indent=1)), step
            )
        self._writer.close()
        return f"to see it: tensorboard --logdir {self._run / self._name}"

    def _histogram(
        self, name: str, counts: list[int], edges: list[float], step: int, at: float | None
    ) -> None:
        middles = [(low + high) / 2 for low, high in pairwise(edges)]
        self._writer.add_histogram_raw(
            name,
            min=edges[0],
            max=edges[-1],
            num=sum(counts),
            sum=sum(count * middle for count, middle in zip(counts, middles, strict=True)),
            sum_squares=sum(count * middle**2 for count, middle in zip(counts, middles, strict=True)),
            bucket_limits=edges[1:],
            bucket_counts=counts,
            global_step=step,
            walltime=at,
        )


def _listing(text: str) -> str:
    """Text as Markdown shows it, letter by letter."""
    return "\n".join(f"    {line}" for line in text.splitlines())
