"""The public data sets the stack knows: one row each, as a table, as JSON, as a page of the docs."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from seqgpt_jax.atomic import FAMILIES, LANGUAGES
from seqgpt_jax.data.raw.download import missing_files, sources_of
from seqgpt_jax.data.raw.sources import Files, HuggingFace, OnRequest, Source, Tfds
from seqgpt_jax.data.raw.task_spec import SPLITS, TaskSpec

# What SeqGPT's stage two was made of (AAAI 2024, section 3.1 and appendix B).
PAPER = {"data sets": 110, "cls": 139, "ext": 94}
_TITLES = {
    "CLS": "classification",
    "SA": "sentiment",
    "ID": "intent detection",
    "NLI": "inference and other sentence pairs",
    "ET": "entity typing",
    "MRC": "reading comprehension",
    "NER": "named entities",
    "SF": "slot filling",
    "RE": "relations",
    "EE": "events",
}
# The columns that may be cut, and to how little.
_ELASTIC, _ELASTIC_LEAST = ("licence", "source"), 16
COMMAND = "python -m seqgpt_jax.catalogue"


@dataclass(frozen=True)
class Row:
    """One data set: its name, and the tasks that are made of it."""

    name: str
    specs: tuple[TaskSpec, ...]

    @property
    def families(self) -> tuple[str, ...]:
        return tuple(family for family in FAMILIES if any(spec.family == family for spec in self.specs))

    @property
    def languages(self) -> tuple[str, ...]:
        return tuple(language for language in LANGUAGES if any(spec.language == language for spec in self.specs))

    @property
    def atoms(self) -> dict[str, int]:
        """Atom -> number of tasks."""
        counts = {atom: sum(spec.atom == atom for spec in self.specs) for atom in ("cls", "ext")}
        return {atom: count for atom, count in counts.items() if count}

    @property
    def sizes(self) -> dict[str, int]:
        """Split -> instances of all tasks together, where all of them are known."""
        found = {}
        for split in SPLITS:
            known = [spec.sizes.get(split) for spec in self.specs if split in spec.splits]
            if known and None not in known:
                found[split] = sum(known)
        return found

    @property
    def sources(self) -> list[Source]:
        return sources_of(self.specs)

    @property
    def licence(self) -> str:
        return _joined(spec.licence for spec in self.specs)

    @property
    def citation(self) -> str:
        return _joined(spec.citation for spec in self.specs)

    @property
    def verified(self) -> str:
        """ "files" where all tasks are."""
        return "files" if all(spec.verified == "files" for spec in self.specs) else "schema"

    @property
    def held(self) -> str:
        """ "in", "out", or "in+out" where only some of its tasks are held out."""
        held = {spec.held_out for spec in self.specs}
        return "in+out" if len(held) == 2 else "out" if held == {True} else "in"

    def as_json(self) -> dict[str, Any]:
        """The row as one object of `--json`."""
        return {
            "name": self.name,
            "family": self.families[0],
            "families": list(self.families),
            "language": "+".join(self.languages),
            "atoms": sorted(self.atoms),
            "source": ", ".join(text for text, _ in links(self.sources)),
            "urls": [url for source in self.sources for url in urls(source)],
            "licence": self.licence,
            "citation": self.citation,
            "verified": self.verified,
            "held_out": self.held == "out",
            "sizes": self.sizes,
            "tasks": [
                {
                    "name": spec.name,
                    "family": spec.family,
                    "language": spec.language,
                    "atom": spec.atom,
                    "held_out": spec.held_out,
                    "sizes": dict(spec.sizes),
                    "files": {split: list(files) for split, files in spec.splits.items()},
                }
                for spec in self.specs
            ],
        }


def rows(tasks: Mapping[str, TaskSpec]) -> list[Row]:
    """One row for each public data set, by family and name; what is generated or a user's own is none."""
    datasets: dict[str, list[TaskSpec]] = {}
    for spec in tasks.values():
        if spec.verified != "own" and isinstance(spec.source, Files | HuggingFace | Tfds | OnRequest):
            datasets.setdefault(spec.dataset, []).append(spec)
    found = [Row(name, tuple(specs)) for name, specs in datasets.items()]
    return sorted(found, key=lambda row: (FAMILIES.index(row.families[0]), row.name))


def select(found: Iterable[Row], family: str | None, language: str | None, state: str | None) -> list[Row]:
    """The rows that have the family, the language and the state; None means any."""
    return [
        row
        for row in found
        if (family is None or family in row.families)
        and (language is None or language in row.languages)
        and (state is None or state == row.verified)
    ]


def urls(source: Source) -> list[str]:
    """Where a source is looked at or fetched."""
    match source:
        case Files():
            return list(dict.fromkeys(remote.url for remote in source.files.values()))
        case HuggingFace():
            return [f"https://huggingface.co/datasets/{source.path}"]
        case Tfds():
            return [f"https://www.tensorflow.org/datasets/catalog/{re.split('[/:]', source.name)[0]}"]
    return []


def links(sources: Iterable[Source]) -> list[tuple[str, str]]:
    """(short name, address or "") of each place the sources point to, each name once."""
    found: dict[str, str] = {}
    for name, url in (link for source in sources for link in _links(source)):
        found.setdefault(name, url)
    return list(found.items())


def _links(source: Source) -> list[tuple[str, str]]:
    match source:
        case Files():
            return [_short(url) for url in urls(source)]
        case HuggingFace():
            return [(f"hf {source.path}", url) for url in urls(source)]
        case Tfds():
            return [(f"tfds {source.name.partition(':')[0]}", url) for url in urls(source)]
    return [(str(source), "")]


def _short(url: str) -> tuple[str, str]:
    """A file of GitHub or of the Hugging Face hub stands for its repository, any other for its host."""
    parts = urlsplit(url)
    path = parts.path.strip("/").split("/")
    if parts.hostname in ("raw.githubusercontent.com", "github.com", "codeload.github.com") and len(path) >= 2:
        return f"{path[0]}/{path[1]}", f"https://github.com/{path[0]}/{path[1]}"
    if parts.hostname == "huggingface.co" and path[0] == "datasets":
        name = "/".join(path[1:3])
        return f"hf {name}", f"https://huggingface.co/datasets/{name}"
    return parts.hostname or url, url


# ---- the table


def print_table(found: Sequence[Row], console: Console) -> None:
    """One row for each data set; columns that do not fit are left out, the last ones first."""
    columns = {
        "data set": [row.name for row in found],
        "family": [" ".join(row.families) for row in found],
        "lang": ["+".join(row.languages) for row in found],
        "tasks": [_atoms(row) for row in found],
        "train": [_compact(row.sizes.get("train")) for row in found],
        "valid": [_compact(row.sizes.get("validation")) for row in found],
        "test": [_compact(row.sizes.get("test")) for row in found],
        "state": [row.verified for row in found],
        "held": [row.held for row in found],
        "licence": [row.licence for row in found],
        "source": [", ".join(text for text, _ in links(row.sources)) for row in found],
    }
    shown = _widths({name: max(map(cell_len, [name, *cells])) for name, cells in columns.items()}, console.width)
    table = Table(box=box.SIMPLE_HEAD, padding=0, show_edge=False)
    for name, width in shown.items():
        right = name in ("train", "valid", "test")
        table.add_column(name, no_wrap=True, overflow="ellipsis", width=width, justify="right" if right else "left")
    for cells in zip(*(columns[name] for name in shown), strict=True):
        table.add_row(*map(Text, cells))
    console.print(table)
    if hidden := [name for name in columns if name not in shown]:
        console.print(f"\nno room for {', '.join(hidden)}: widen the terminal, see --show NAME or docs/catalogue.md")


def _widths(natural: Mapping[str, int], room: int) -> dict[str, int]:
    """Column -> its width, for those that fit with one space between; only licence and source may be cut."""
    shown: dict[str, int] = {}
    for name, width in natural.items():
        if name in _ELASTIC:
            share = room // 2 if name == _ELASTIC[0] and room >= 2 * _ELASTIC_LEAST else room
            width = min(width, share)
            if width < min(_ELASTIC_LEAST, natural[name]):
                break
        elif width > room:
            break
        shown[name] = width
        room -= width + 1
    return shown


def _atoms(row: Row) -> str:
    return " ".join(f"{count} {atom}" for atom, count in row.atoms.items())


def _compact(number: int | None) -> str:
    if number is None:
        return ""
    for unit, size in (("M", 1_000_000), ("k", 1_000)):
        if number >= size:
            return f"{number / size:.1f}{unit}" if number < 100 * size else f"{number // size}{unit}"
    return str(number)


def print_counts(found: Sequence[Row], console: Console, *, whole: bool = True) -> None:
    """How many data sets there are of each family and language, and how many tasks of each atom.

    Args:
      whole: these are all data sets; a part of them is counted in one line, in which its other families and
        languages do not stand as if they were complete.
    """
    if not whole:
        tasks = " and ".join(f"{sum(row.atoms.get(atom, 0) for row in found)} {atom}" for atom in ("cls", "ext"))
        console.print(f"\n{len(found)} data set{'s' * (len(found) != 1)}, with {tasks} tasks of all their families")
        return
    table = Table("data sets", *FAMILIES, "all", box=box.SIMPLE_HEAD, padding=0, show_edge=False)
    for column in table.columns[1:]:
        column.justify, column.min_width = "right", 4
    for title, counts in family_counts(found):
        table.add_row(title, *map(str, counts))
    console.print()
    console.print(table)
    console.print(f"\n{atom_counts(found)}", highlight=False, soft_wrap=True)


def family_counts(found: Sequence[Row]) -> list[tuple[str, list[int]]]:
    """(language or "all", data sets of each family and of all families); one of both languages is one in "all"."""
    lines = []
    for title, languages in (*((language, {language}) for language in LANGUAGES), ("all", set(LANGUAGES))):
        having = [row for row in found if languages & set(row.languages)]
        found_in = [{spec.family for spec in row.specs if spec.language in languages} for row in having]
        families = [sum(family in of_row for of_row in found_in) for family in FAMILIES]
        lines.append((title, [*families, len(having)]))
    return lines


def atom_counts(found: Sequence[Row]) -> str:
    """Data sets and tasks of each atom beside the paper's."""
    counts = {"data sets": len(found)} | {atom: sum(row.atoms.get(atom, 0) for row in found) for atom in ("cls", "ext")}
    names = {"data sets": "data sets", "cls": "CLS tasks", "ext": "EXT tasks"}
    return "; ".join(f"{counts[key]} {names[key]} (SeqGPT: {PAPER[key]})" for key in counts)


# ---- one data set


def print_row(row: Row, data_folder: Path | None, console: Console) -> None:
    """Everything about one data set."""

    def say(text: str) -> None:
        console.print(text, markup=False, highlight=False, soft_wrap=True)

    say(f"{row.name}: {' '.join(row.families)}, {'+'.join(row.languages)}")
    say(f"licence:  {row.licence or 'not known'}")
    say(f"citation: {row.citation or 'none'}")
    tested = "the published files" if row.verified == "files" else "small files in the published form, written by hand"
    say(f"state:    {row.verified}: tested on {tested}")
    say("")
    for spec in row.specs:
        say(f"task:     {spec.name}: {spec.family} {spec.language} {spec.atom}" + (", held out" * spec.held_out))
        for split, files in spec.splits.items():
            size = f"{spec.sizes[split]:,}" if split in spec.sizes else "?"
            say(f"          {split:10} {size:>9}  {', '.join(files)}")
    say("")
    for source in row.sources:
        _say_source(source, say)
    if not all(isinstance(source, OnRequest) for source in row.sources):
        say(f"get it:   {COMMAND} --download {row.name}")
    if data_folder is None:
        say("files:    no data folder is named: set SEQGPT_DATA_DIR or --data_dir")
        return
    missing, number = missing_files(row.specs, data_folder)
    there = f"all {number} are" if not missing else f"{number - len(missing)} of {number} are"
    say(f"files:    {there} in {data_folder / row.name}" + (f"; missing: {', '.join(missing)}" if missing else ""))


def _say_source(source: Source, say: Callable[[str], None]) -> None:
    match source:
        case Files():
            for name, remote in source.files.items():
                inside = f" (in it: {remote.member})" if remote.member else ""
                digest = f" sha256 {remote.sha256[:12]}…" if remote.sha256 else ""
                say(f"source:   {name} <- {remote.url}{inside}{digest}")
        case HuggingFace() | Tfds():
            say(f"source:   {source}, {' '.join(urls(source))}")
            for split, name in source.files.items():
                say(f"          {name} <- its split {source.splits[split]}")
        case OnRequest():
            say(f"source:   on request from {source.owner}")
            say(f"get it:   {source.how}")


# ---- the page of the docs


def markdown(found: Sequence[Row]) -> str:
    """docs/catalogue.md."""
    lines = [
        "# The catalogue",
        "",
        f"Made by `{COMMAND} --markdown > docs/catalogue.md`; a test holds the two together.",
        "",
        f"{atom_counts(found)}. A data set of several families stands under its first.",
        "",
        "State: `files` was tested on the published files (of large ones on the first part), `schema` on small files",
        "in the published form, written by hand. Numbers are instances of all tasks together: counted on the tested",
        "files for `files`, else as published. Held `out` is never trained on. Every data set keeps its own licence.",
        "",
        *_table(["", *FAMILIES, "all"], [[title, *map(str, counts)] for title, counts in family_counts(found)]),
    ]
    header = ["data set", "lang", "tasks", "train", "valid", "test", "state", "held", "licence", "source", "citation"]
    for family in FAMILIES:
        members = [row for row in found if row.families[0] == family]
        if members:
            lines += ["", f"## {family}: {_TITLES[family]}", "", *_table(header, map(_cells, members))]
    return "\n".join(lines) + "\n"


def _cells(row: Row) -> list[str]:
    others = f", also {' '.join(row.families[1:])}" if row.families[1:] else ""
    return [
        row.name,
        "+".join(row.languages),
        _atoms(row) + others,
        *(f"{row.sizes[split]:,}" if split in row.sizes else "" for split in SPLITS),
        row.verified,
        row.held,
        row.licence,
        ", ".join(f"[{text}]({url})" if url else text for text, url in links(row.sources)),
        row.citation,
    ]


def _table(header: Sequence[str], body: Iterable[Sequence[str]]) -> list[str]:
    table = [header, ["---"] * len(header), *([cell.replace("|", "\\|") for cell in line] for line in body)]
    return [f"| {' | '.join(line)} |" for line in table]


def _joined(texts: Iterable[str]) -> str:
    return "; ".join(dict.fromkeys(filter(None, texts)))
