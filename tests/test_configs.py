"""The shipped gin files: composed of parts that do not repeat or override each other."""

from collections import Counter
from pathlib import Path

import pytest
from gin import config_parser

from seqgpt_jax.command_line import CONFIGS_FOLDER

FILES = sorted(str(path.relative_to(CONFIGS_FOLDER)) for path in CONFIGS_FOLDER.rglob("*.gin"))
# Complete files, of commands.
RUNS = [name for name in FILES if name.startswith(("runs/", "ablations/"))]


class Names(config_parser.ParserDelegate):
    def configurable_reference(self, name, evaluate):
        return f"@{name}"

    def macro(self, name):
        return f"%{name}"


def statements(path: Path) -> list:
    return list(config_parser.ConfigParser(path.read_text(encoding="utf-8"), Names()))


def bindings(name: str) -> list[str]:
    """Every `Name.field` or macro that the file and those it includes bind, once for each binding."""
    names = []
    for statement in statements(CONFIGS_FOLDER / name):
        if isinstance(statement, config_parser.IncludeStatement):
            names += bindings(statement.filename)
        else:
            names.append(".".join(filter(None, (statement.selector, statement.arg_name))))
    return names


@pytest.mark.parametrize("name", RUNS)
def test_no_setting_is_bound_twice(name) -> None:
    counts = Counter(bindings(name))
    assert counts
    assert [setting for setting, count in counts.items() if count > 1] == []


@pytest.mark.parametrize("name", FILES)
def test_includes_are_paths_below_configs(name) -> None:
    for statement in statements(CONFIGS_FOLDER / name):
        if isinstance(statement, config_parser.IncludeStatement):
            assert statement.filename in FILES
            assert "/" in statement.filename
            assert not statement.filename.startswith(("runs/", "ablations/")), (
                "a run is complete; what runs share is a part"
            )


def test_a_bare_name_means_one_file() -> None:
    assert len({Path(name).name for name in FILES}) == len(FILES)


def test_every_part_is_part_of_a_run() -> None:
    included, names = set(), list(RUNS)
    for name in names:
        parts = [s.filename for s in statements(CONFIGS_FOLDER / name) if isinstance(s, config_parser.IncludeStatement)]
        included |= set(parts)
        names += [part for part in parts if part not in names]
    # BLOOM-1b1 has no BLOOMZ recipe of its own; the tiny model is for tests.
    assert set(FILES) - set(RUNS) - included == {"models/bloomz_1b1.gin", "models/bloom_tiny.gin"}
