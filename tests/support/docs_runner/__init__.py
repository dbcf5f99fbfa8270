"""Runs the code blocks of README.md and docs/, as a reader would who copies them.

Each block stands alone: it starts with an empty namespace, default settings and the environment of
`surroundings.py`. Only what would stay on a reader's machine does: files, and what a shell exports.

What is done with a block depends on its language:

- `python` is executed. A block that begins with a comment like `# report.py` is also saved under
  that name, or only saved, if a shell block runs it; `test_*.py` and `conftest.py` are only saved,
  and pytest runs them when the page is done.
- `sh` is run by the shell in the page's own directory, where `src` is this checkout's. It must end
  with status 0.
- `crontab` lines are run by the shell too, at once.
- `text` is what the block before it prints; `...` in it stands for anything.
- `diff` is executed as Python, as it is after the change.
- `pyi` is a signature; tests/docs/test_reference.py compares it with the code.
- `picture` is for the eye; tests/docs/test_design.py looks at it.
- `smtp` is a dialogue; the lines after `C:` are said to the test server, which must answer with the
  codes after `S:`.

Mail servers are the local ones of `network.py`, whatever host of theirs a block names.
"""

from .blocks import LANGUAGES, PAGES, ROOT, Block, blocks_of, page_name
from .network import USERS, Network
from .running import Page

__all__ = [
    "LANGUAGES",
    "PAGES",
    "ROOT",
    "USERS",
    "Block",
    "Network",
    "Page",
    "blocks_of",
    "page_name",
]
