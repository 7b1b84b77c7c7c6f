"""The field's language: what modules call themselves, and docstrings of everything public."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MODULES = [path for top in ("seqgpt_jax", "tasks") for path in sorted((ROOT / top).rglob("*.py"))]
DOCUMENTED = ("atomic", "io", "models", "data", "training", "decoding", "evaluation", "ablation", "planning", "console")
DOCUMENTED += ("serving",)
DOCUMENTED += ("synthesis",)
DOCUMENTED += ("auditing",)
# Words of this project's first version that no reader would search for, and what to write instead.
FORBIDDEN = {
    r"go(es|ing)? on|gone on": "resume, continue",
    r"mends?|mended|mending": "fix",
    r"told|tells|tell": "report, say, print",
    r"lies|stands|lie": "is, is stored",
    r"drawn|draws|drawing|draw": "sample, initialize, plot",
    r"damaged?": "corrupt",
    r"licences?": "license",
    r"tokenis\w+": "tokenize",
    r"digests?": "checksum, hash, fingerprint",
}
QUESTION = re.compile(r"(what|how|which|who|where|whether|why|when)\b", re.IGNORECASE)


def first_line(path: Path) -> str | None:
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    return None if text is None else text.split("\n")[0]


def named(paths: list[Path]) -> list:
    return [pytest.param(path, id=str(path.relative_to(ROOT))) for path in paths]


@pytest.mark.parametrize("path", named([path for path in MODULES if path.stat().st_size]))
def test_a_module_says_what_it_is(path: Path) -> None:
    line = first_line(path)
    assert line, "no docstring"
    assert line.endswith(".") or path.parent == ROOT / "seqgpt_jax", f"the first line is no sentence: {line!r}"
    assert not QUESTION.match(line), f"a noun phrase says what a module is, not a question: {line!r}"
    for words, instead in FORBIDDEN.items():
        assert not re.search(rf"\b({words})\b", line, re.IGNORECASE), f"{line!r}: write {instead}"


def public_without_docstring(tree: ast.Module) -> list[str]:
    """Module-level functions and classes, and their methods, that are public and say nothing of themselves."""
    definitions = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    missing = []
    for node in tree.body:
        if not isinstance(node, definitions) or node.name.startswith("_"):
            continue
        inner = [n for n in node.body if isinstance(n, definitions)] if isinstance(node, ast.ClassDef) else []
        # An overload states a signature; what it does is said once, where it is implemented.
        unsaid = {n for n in inner if n.name.startswith("_") or "overload" in map(ast.unparse, n.decorator_list)}
        for item in [node, *(n for n in inner if n not in unsaid)]:
            if ast.get_docstring(item) is None:
                missing.append(item.name if item is node else f"{node.name}.{item.name}")
    return missing


@pytest.mark.parametrize(
    "path",
    named(
        [path for path in MODULES if path.relative_to(ROOT / path.relative_to(ROOT).parts[0]).parts[0] in DOCUMENTED]
    ),
)
def test_public_names_have_docstrings(path: Path) -> None:
    assert not public_without_docstring(ast.parse(path.read_text(encoding="utf-8")))


def test_the_median_module_is_short() -> None:
    lengths = sorted(len(path.read_text(encoding="utf-8").splitlines()) for path in MODULES if path.stat().st_size)
    assert lengths[-1] <= 400
    assert lengths[len(lengths) // 2] < 150
