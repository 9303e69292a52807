"""Adds files from outside docs/ to the site: the README as its first page, the model cards, the examples.

Each page keeps its place relative to the others, except that docs/ becomes the top of the site.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[1]
OUTSIDE_DOCS = (
    "CHANGELOG.md",
    "CODE_OF_CONDUCT.md",
    "CONTRIBUTING.md",
    "LICENSE",
    "SECURITY.md",
    "tests/fuzz/README.md",
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
    """Add the files of `OUTSIDE_DOCS`, and the README as the home page."""
    for pattern in OUTSIDE_DOCS:
        for path in sorted(ROOT.glob(pattern)):
            files.append(File.generated(config, path.relative_to(ROOT).as_posix(), abs_src_path=str(path)))
    files.append(File.generated(config, HOME, abs_src_path=str(ROOT / "README.md")))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Rewrite links between docs/ and the rest of the repository so that they work in the site."""
    in_site = page.file.src_uri
    in_docs = (ROOT / "docs" / in_site).is_file()
    in_repository = f"docs/{in_site}" if in_docs else "README.md" if in_site == HOME else in_site

    def rewritten(link: re.Match[str]) -> str:
        path, anchor = link["path"], link["anchor"] or ""
        target = posixpath.normpath(posixpath.join(posixpath.dirname(in_repository), path))
        target += "/report.html" if (ROOT / target).is_dir() else ""
        target = HOME if target == "README.md" else target.removeprefix("docs/")
        return f"]({posixpath.relpath(target, posixpath.dirname(in_site) or '.')}{anchor})"

    return re.sub(r"\]\((?!\w+:|#)(?P<path>[^)#\s]+)(?P<anchor>#[^)\s]*)?\)", rewritten, markdown)
