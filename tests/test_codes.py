"""Every code that an error carries stands in the table, and no other."""

from __future__ import annotations

import re
from pathlib import Path

from genframe.codes import CODES

ROOT = Path(__file__).parent.parent


def test_the_table_holds_the_codes_that_are_used() -> None:
    sources = [
        p for folder in ("genframe", "plugins") for p in (ROOT / folder).rglob("*.py") if p.name != "codes.py"
    ]
    used = {code for path in sources for code in re.findall(r'"(GF\d{3})"', path.read_text())}
    assert used == set(CODES)


def test_every_code_is_provoked_by_a_test() -> None:
    tests = "\n".join(p.read_text() for p in (ROOT / "tests").rglob("test_*.py"))
    assert [code for code in CODES if code not in tests] == []
