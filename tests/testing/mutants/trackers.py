"""Bugs in trackers."""

from . import Mutant


def _csv(old: str, new: str, says: str) -> Mutant:
    return Mutant("tracker", "csv", "tracking", "table.py", old, new, says)


MUTANTS = [
    _csv(
        "new = [column for column in cells if column not in self._columns]",
        "new = [column for column in cells if not self._columns]",
        "log() raised ValueError",
    ),
    _csv(
        'earlier = [flat(row) for row in rows(run / "metrics.jsonl", resumed_step)]',
        "earlier = list(csv.DictReader(open(run / self.file))) if resumed_step else []",
        "stands in metrics.csv once",
    ),
    _csv(
        'earlier = [flat(row) for row in rows(run / "metrics.jsonl", resumed_step)]',
        "earlier: list[dict[str, str]] = []",
        "is kept in metrics.csv",
    ),
    _csv(
        "self._path, self._columns = run / self.file, []",
        "self._path, self._columns = run.parent / self.file, []",
        "it wrote to",
    ),
    _csv(
        "        cells = flat(row)\n",
        "        cells = flat(row)\n        row.pop('epoch')\n",
        "leaves a row as it is",
    ),
    _csv(
        "        aside.replace(self._path)",
        "        aside.replace(self._path)\n        (self._path.parent / 'metrics.jsonl').write_text('')",
        "metrics.jsonl stays as the engine wrote it",
    ),
    _csv(
        "        cells = flat(row)\n",
        "        cells = flat(row)\n        import random\n\n        random.random()\n",
        "state of random",
    ),
]
