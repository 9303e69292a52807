"""Takes what lies elsewhere in the repository into the site: the README as its first page, the cards, the examples.

Each page keeps its place relative to the others, but for docs/, which is the top of the site.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[1]
ELSEWHERE = (
    "CHANGELOG.md",
    "LICENSE",
    "converter/README.md",
    "models/*.md",
    "packaging/*",
    "examples/*.py",
    "examples/*.json",
    "benchmarks/*.py",
    "benchmarks/*.json",
    "benchmarks/*.png",
)
HOME = "index.md"


def on_files(files: Files, config: Any) -> Files:
    """Add them."""
    for pattern in ELSEWHERE:
        for path in sorted(ROOT.glob(pattern)):
            files.append(File.generated(config, path.relative_to(ROOT).as_posix(), abs_src_path=str(path)))
    files.append(File.generated(config, HOME, abs_src_path=str(ROOT / "README.md")))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Point links between docs/ and the rest of the repository to where both lie in the site."""
    own = page.file.src_uri
    in_docs = (ROOT / "docs" / own).is_file()
    source = f"docs/{own}" if in_docs else "README.md" if own == HOME else own

    def moved(link: re.Match[str]) -> str:
        target, anchor = link["path"], link["anchor"] or ""
        there = posixpath.normpath(posixpath.join(posixpath.dirname(source), target))
        there += "/report.html" if (ROOT / there).is_dir() else ""
        there = HOME if there == "README.md" else there.removeprefix("docs/")
        return f"]({posixpath.relpath(there, posixpath.dirname(own) or '.')}{anchor})"

    return re.sub(r"\]\((?!\w+:|#)(?P<path>[^)#\s]+)(?P<anchor>#[^)\s]*)?\)", moved, markdown)
