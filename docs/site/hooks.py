"""Makes the site out of pages that are written to be read in the repository.

docs/README.md is the index: its lists are the site's navigation, and the first screen of the
repository's own README stands above it as the site's home.
"""

import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
FIRST_SCREEN_ENDS = "<!-- The home page of the site ends here. -->"


def on_config(config: Any) -> Any:
    """Take the navigation from the index."""
    index = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    config.nav = [{"Home": "README.md"}, *sections(index)]
    return config


def on_page_markdown(markdown: str, *, page: Any, **_: Any) -> str:
    """Put the first screen of the README above the index."""
    if page.file.src_uri != "README.md":
        return markdown
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    return f"{first_screen(readme)}\n{below_the_title(markdown)}"


def sections(index: str) -> list[dict[str, list[dict[str, str]]]]:
    """Each heading of the index with its links: {"Tutorial": [{title: page}, ...]}."""
    found = []
    for heading, text in re.findall(r"^## ([^\n]+)$(.*?)(?=^## |\Z)", index, re.M | re.S):
        links = re.findall(r"^- \[([^\]]+)\]\(([^)]+)\)", text, re.M)
        found.append({heading: [{title: path} for title, path in links]})
    return found


def first_screen(readme: str) -> str:
    """The top of the README, with its links as they are seen from docs/."""
    top, end, _ = readme.partition(FIRST_SCREEN_ENDS)
    if not end:
        raise ValueError(f"README.md has no line {FIRST_SCREEN_ENDS}")
    return re.sub(r"(\]\(|src=\")docs/", r"\1", top)


def below_the_title(markdown: str) -> str:
    return markdown.partition("\n")[2]
