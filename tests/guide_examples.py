"""The examples of the author's guide are what `genframe plugins new` writes; run this to put them in."""

from __future__ import annotations

import re
from pathlib import Path

from genframe.kinds import KINDS
from genframe.scaffold.names import Request
from genframe.scaffold.project import files

GUIDE = Path(__file__).parent.parent / "plugins" / "README.md"


def with_examples(text: str) -> str:
    """The guide with each block `# file: KIND.py` replaced by that kind's module."""
    written = files(Request("genframe-salt", tuple(KINDS), ""))
    for kind in KINDS:
        module = written[f"genframe_salt/{kind}.py"]
        summary = module.splitlines()[0].strip('"').rstrip(".")
        block = re.compile(
            rf"<details><summary>[^<]*</summary>\n\n```python\n# file: {kind}\.py\n.*?^```$",
            re.MULTILINE | re.DOTALL,
        )
        new = f"<details><summary>{summary}</summary>\n\n```python\n# file: {kind}.py\n{module}```"
        text, found = block.subn(lambda match, new=new: new, text)
        assert found == 1, f"the guide has {found} examples of the kind {kind}"
    return text


if __name__ == "__main__":
    GUIDE.write_text(with_examples(GUIDE.read_text()))
