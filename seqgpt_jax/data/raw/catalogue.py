"""Catalogue of the public data sets: one row each, as JSON and as a page of the docs."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from seqgpt_jax.atomic import FAMILIES, LANGUAGES
from seqgpt_jax.data.raw.download import sources_of
from seqgpt_jax.data.raw.licenses import is_commercial
from seqgpt_jax.data.raw.sources import Files, HuggingFace, OnRequest, Source, Tfds
from seqgpt_jax.data.raw.task_spec import SPLITS, DatasetSpec, TaskSpec

# What SeqGPT's stage two was made of (AAAI 2024, section 3.1 and appendix B).
PAPER = {"data sets": 110, "cls": 139, "ext": 94}
TITLES = {  # of the families
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
COMMAND = "python -m seqgpt_jax.catalogue"


@dataclass(frozen=True)
class Row:
    """One data set and the tasks that are made of it.

    Attributes:
      dataset: its facts.
      specs: its tasks.
    """

    dataset: DatasetSpec
    specs: tuple[TaskSpec, ...]

    @property
    def name(self) -> str:
        """The data set's name."""
        return self.dataset.name

    @property
    def families(self) -> tuple[str, ...]:
        """The families of its tasks, in the order of `FAMILIES`."""
        return tuple(family for family in FAMILIES if any(spec.family == family for spec in self.specs))

    @property
    def languages(self) -> tuple[str, ...]:
        """The languages of its tasks, in the order of `LANGUAGES`."""
        return tuple(language for language in LANGUAGES if any(spec.language == language for spec in self.specs))

    @property
    def atoms(self) -> dict[str, int]:
        """Atom -> number of tasks."""
        counts = {atom: sum(spec.atom == atom for spec in self.specs) for atom in ("cls", "ext")}
        return {atom: count for atom, count in counts.items() if count}

    @property
    def sizes(self) -> dict[str, int]:
        """Split -> instances of all tasks together, where all of them are known."""
        totals = {}
        for split in SPLITS:
            known = [spec.sizes.get(split) for spec in self.specs if split in spec.splits]
            if known and None not in known:
                totals[split] = sum(known)
        return totals

    @property
    def sources(self) -> list[Source]:
        """Where its files come from."""
        return sources_of(self.specs)

    @property
    def verified(self) -> str:
        """ "files" where all tasks are."""
        return "files" if all(spec.verified == "files" for spec in self.specs) else "schema"

    @property
    def held(self) -> str:
        """ "in", "out", or "in+out" where only some of its tasks are held out."""
        held = {spec.held_out for spec in self.specs}
        return "in+out" if len(held) == 2 else "out" if held == {True} else "in"

    @property
    def openly_available(self) -> bool:
        """Whether all its files can be downloaded without a form."""
        return not any(isinstance(source, OnRequest) for source in self.sources)

    def mixtures(self, mixtures: Mapping[str, Sequence[str]]) -> list[str]:
        """The names of those that hold one of its tasks."""
        mine = {spec.name for spec in self.specs}
        return [name for name, members in mixtures.items() if mine.intersection(members)]

    def as_json(self, mixtures: Mapping[str, Sequence[str]]) -> dict[str, Any]:
        """The row as one object of `--json`."""
        return {
            "name": self.name,
            "family": self.families[0],
            "families": list(self.families),
            "language": "+".join(self.languages),
            "atoms": sorted(self.atoms),
            "source": ", ".join(text for text, _ in links(self.sources)),
            "urls": [url for source in self.sources for url in urls(source)],
            "license": self.dataset.license,
            "commercial_use": is_commercial(self.dataset.license),
            "openly_available": self.openly_available,
            "mixtures": self.mixtures(mixtures),
            "derived_from": list(self.dataset.derived_from),
            "overlaps": list(self.dataset.overlaps),
            "citation": self.dataset.citation,
            "contradictions": self.dataset.contradictions,
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
    """One row for each public data set, by family and name; generated data and a user's own have none."""
    datasets: dict[str, list[TaskSpec]] = {}
    for spec in tasks.values():
        if spec.verified != "own" and isinstance(spec.source, Files | HuggingFace | Tfds | OnRequest):
            datasets.setdefault(spec.dataset.name, []).append(spec)
    public = [Row(specs[0].dataset, tuple(specs)) for specs in datasets.values()]
    return sorted(public, key=lambda row: (FAMILIES.index(row.families[0]), row.name))


def select(catalogue: Iterable[Row], family: str | None, language: str | None, state: str | None) -> list[Row]:
    """The rows that have the family, the language and the state; None means any."""
    return [
        row
        for row in catalogue
        if (family is None or family in row.families)
        and (language is None or language in row.languages)
        and (state is None or state == row.verified)
    ]


def urls(source: Source) -> list[str]:
    """The addresses of a source: of its files, or of its page; [] where it has none."""
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
    places: dict[str, str] = {}
    for name, url in (link for source in sources for link in _links(source)):
        places.setdefault(name, url)
    return list(places.items())


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
    """(name, URL): of a file on GitHub or the Hugging Face hub its repository, of any other its host."""
    parts = urlsplit(url)
    path = parts.path.strip("/").split("/")
    if parts.hostname in ("raw.githubusercontent.com", "github.com", "codeload.github.com") and len(path) >= 2:
        return f"{path[0]}/{path[1]}", f"https://github.com/{path[0]}/{path[1]}"
    if parts.hostname == "huggingface.co" and path[0] == "datasets":
        name = "/".join(path[1:3])
        return f"hf {name}", f"https://huggingface.co/datasets/{name}"
    return parts.hostname or url, url


def family_counts(catalogue: Sequence[Row]) -> list[tuple[str, list[int]]]:
    """(language or "all", data sets of each family and of all families); one of both languages is one in "all"."""
    lines = []
    for title, languages in (*((language, {language}) for language in LANGUAGES), ("all", set(LANGUAGES))):
        having = [row for row in catalogue if languages & set(row.languages)]
        families_of = [{spec.family for spec in row.specs if spec.language in languages} for row in having]
        families = [sum(family in of_row for of_row in families_of) for family in FAMILIES]
        lines.append((title, [*families, len(having)]))
    return lines


def atom_counts(catalogue: Sequence[Row]) -> str:
    """Data sets and tasks of each atom beside the paper's."""
    counts = {"data sets": len(catalogue)} | {
        atom: sum(row.atoms.get(atom, 0) for row in catalogue) for atom in ("cls", "ext")
    }
    names = {"data sets": "data sets", "cls": "CLS tasks", "ext": "EXT tasks"}
    return "; ".join(f"{counts[key]} {names[key]} (SeqGPT: {PAPER[key]})" for key in counts)


# ---- the page of the docs


def markdown(catalogue: Sequence[Row], mixtures: Mapping[str, Sequence[str]]) -> str:
    """The text of docs/catalogue.md, which counts these mixtures and marks their data sets."""
    lines = [
        "# The catalogue",
        "",
        f"Generated by `{COMMAND} --markdown > docs/catalogue.md`; a test keeps the two equal.",
        "",
        f"{atom_counts(catalogue)}. A data set of several families is listed under its first.",
        "",
        "State: `files` was tested on published files (of large data sets on a first part, or on their small files),",
        "`schema` on small files in the published form, written by hand. Numbers are instances of all tasks",
        "together: counted on the tested files for `files`, else as published. Held `out` is never trained on. Every",
        "data set keeps its own license; `ft_commercial` goes by what is written here of each.",
        "",
        *table(["mixture", "data sets", "en", "zh", "CLS tasks", "EXT tasks"], _mixture_lines(catalogue, mixtures)),
        "",
        *table(["", *FAMILIES, "all"], [[title, *map(str, counts)] for title, counts in family_counts(catalogue)]),
    ]
    header = ["data set", "lang", "tasks", "train", "valid", "test", "state", "held", "mixtures"]
    header += ["license", "source", "citation"]
    for family in FAMILIES:
        members = [row for row in catalogue if row.families[0] == family]
        if members:
            lines += [
                "",
                f"## {family}: {TITLES[family]}",
                "",
                *table(header, [_cells(row, mixtures) for row in members]),
            ]
    return "\n".join(lines) + "\n"


def atom_names(row: Row) -> str:
    """`1 cls 2 ext`: the number of tasks of each atom."""
    return " ".join(f"{count} {atom}" for atom, count in row.atoms.items())


def _mixture_lines(catalogue: Sequence[Row], mixtures: Mapping[str, Sequence[str]]) -> list[list[str]]:
    lines = []
    for name, members in mixtures.items():
        specs = [(row.name, spec) for row in catalogue for spec in row.specs if spec.name in set(members)]
        languages = [{row for row, spec in specs if spec.language == language} for language in LANGUAGES]
        atoms = [sum(spec.atom == atom for _, spec in specs) for atom in ("cls", "ext")]
        lines.append([f"`{name}`", *map(str, [len({row for row, _ in specs}), *map(len, languages), *atoms])])
    return lines


def _cells(row: Row, mixtures: Mapping[str, Sequence[str]]) -> list[str]:
    others = f", also {' '.join(row.families[1:])}" if row.families[1:] else ""
    return [
        row.name,
        "+".join(row.languages),
        atom_names(row) + others,
        *(f"{row.sizes[split]:,}" if split in row.sizes else "" for split in SPLITS),
        row.verified,
        row.held,
        " ".join(row.mixtures(mixtures)),
        row.dataset.license,
        ", ".join(f"[{text}]({url})" if url else text for text, url in links(row.sources)),
        row.dataset.citation,
    ]


def table(header: Sequence[str], body: Iterable[Sequence[str]]) -> list[str]:
    """The lines of a Markdown table."""
    lines = [header, ["---"] * len(header), *([cell.replace("|", "\\|") for cell in line] for line in body)]
    return [f"| {' | '.join(line)} |" for line in lines]
