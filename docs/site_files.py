"""Hook of MkDocs: README.md is the first page, and the result pages of benchmarks/ are under results/."""

import posixpath
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

_ROOT = Path(__file__).parents[1]
_RESULTS = "benchmarks/results"
# A link that is no address and no anchor.
_LINK = re.compile(r"(!?\[[^\]]*\]\()(?![a-z]+:|#)([^)#]+)")
# Pages of the repository that people read there, not in the site.
_PLAIN = ("CHANGELOG.md", "CONTRIBUTING.md")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds the pages and pictures that are outside of docs/."""
    for path in sorted((_ROOT / _RESULTS).iterdir()):
        if path.suffix in (".md", ".png", ".svg"):
            files.append(_file(config, f"results/{path.name}", path))
    for name in ("README.md", *_PLAIN):
        files.append(_file(config, "index.md" if name == "README.md" else name, _ROOT / name))
    return files


def _file(config: MkDocsConfig, name: str, path: Path) -> File:
    if path.suffix != ".md":
        return File.generated(config, name, content=path.read_bytes())
    folder = path.parent.relative_to(_ROOT).as_posix()
    return File.generated(config, name, content=_relinked(path.read_text(encoding="utf-8"), folder, name))


def on_page_markdown(markdown: str, page: object, config: MkDocsConfig, files: Files) -> str:
    """Links of pages in docs/ to what is outside of it."""
    name = page.file.src_uri
    return markdown if page.file.generated_by else _relinked(markdown, "docs", name)


def _relinked(markdown: str, folder: str, page: str) -> str:
    """The text of a file in `folder` of the repository, with its links as a page of the site has them."""

    def relinked(match: re.Match) -> str:
        target = posixpath.normpath(posixpath.join(folder, match[2]))
        for prefix, place in (("docs/", ""), (f"{_RESULTS}/", "results/")):
            if target.startswith(prefix):
                target = place + target.removeprefix(prefix)
                break
        return match[1] + posixpath.relpath(target, posixpath.dirname(page) or ".")

    return _LINK.sub(relinked, markdown)
