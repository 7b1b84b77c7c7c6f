"""Catalogue of the data sets on the terminal: the table, its counts, and everything about one data set."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from seqgpt_jax.atomic import FAMILIES
from seqgpt_jax.data.raw.catalogue import COMMAND, Row, atom_counts, atom_names, family_counts, links, urls
from seqgpt_jax.data.raw.download import missing_files
from seqgpt_jax.data.raw.files import default_data_folder
from seqgpt_jax.data.raw.sources import Files, HuggingFace, OnRequest, Source, Tfds

# The columns that may be cut, and to how little.
_ELASTIC, _ELASTIC_LEAST = ("license", "source"), 16


def print_table(catalogue: Sequence[Row], console: Console) -> None:
    """One row for each data set; columns that do not fit are left out, the last ones first."""
    columns = {
        "data set": [row.name for row in catalogue],
        "family": [" ".join(row.families) for row in catalogue],
        "lang": ["+".join(row.languages) for row in catalogue],
        "tasks": [atom_names(row) for row in catalogue],
        "train": [_compact(row.sizes.get("train")) for row in catalogue],
        "valid": [_compact(row.sizes.get("validation")) for row in catalogue],
        "test": [_compact(row.sizes.get("test")) for row in catalogue],
        "state": [row.verified for row in catalogue],
        "held": [row.held for row in catalogue],
        "license": [row.dataset.license for row in catalogue],
        "source": [", ".join(text for text, _ in links(row.sources)) for row in catalogue],
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
    """Column -> its width, for those that fit with one space between; only license and source may be cut."""
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


def _compact(number: int | None) -> str:
    if number is None:
        return ""
    for unit, size in (("M", 1_000_000), ("k", 1_000)):
        if number >= size:
            return f"{number / size:.1f}{unit}" if number < 100 * size else f"{number // size}{unit}"
    return str(number)


def print_counts(catalogue: Sequence[Row], console: Console, *, complete: bool = True) -> None:
    """How many data sets there are of each family and language, and how many tasks of each atom.

    Args:
      complete: whether these are all data sets; a selection is counted in one line, so that its numbers by family
        and language are not taken for the whole catalogue's.
    """
    if not complete:
        tasks = " and ".join(f"{sum(row.atoms.get(atom, 0) for row in catalogue)} {atom}" for atom in ("cls", "ext"))
        console.print(
            f"\n{len(catalogue)} data set{'s' * (len(catalogue) != 1)}, with {tasks} tasks of all their families"
        )
        return
    table = Table("data sets", *FAMILIES, "all", box=box.SIMPLE_HEAD, padding=0, show_edge=False)
    for column in table.columns[1:]:
        column.justify, column.min_width = "right", 4
    for title, counts in family_counts(catalogue):
        table.add_row(title, *map(str, counts))
    console.print()
    console.print(table)
    console.print(f"\n{atom_counts(catalogue)}", highlight=False, soft_wrap=True)


def print_row(row: Row, data_folder: Path | None, console: Console) -> None:
    """Everything about one data set."""

    def line(text: str) -> None:
        console.print(text, markup=False, highlight=False, soft_wrap=True)

    line(f"{row.name}: {' '.join(row.families)}, {'+'.join(row.languages)}")
    line(f"license:  {row.dataset.license or 'not known'}")
    line(f"citation: {row.dataset.citation or 'none'}")
    tested = "the published files" if row.verified == "files" else "small files in the published form, written by hand"
    line(f"state:    {row.verified}: tested on {tested}")
    if row.dataset.contradictions:
        line(f"gold:     some of it contradicts itself: {row.dataset.contradictions}")
    line("")
    for spec in row.specs:
        line(f"task:     {spec.name}: {spec.family} {spec.language} {spec.atom}" + (", held out" * spec.held_out))
        for split, files in spec.splits.items():
            size = f"{spec.sizes[split]:,}" if split in spec.sizes else "?"
            line(f"          {split:10} {size:>9}  {', '.join(files)}")
    line("")
    for source in row.sources:
        _print_source(source, line)
    if not all(isinstance(source, OnRequest) for source in row.sources):
        line(f"get it:   {COMMAND} --download {row.name}")
    if data_folder is None:
        line(
            f"files:    none: no data folder is named (SEQGPT_DATA_DIR, --data_dir), and there is no "
            f"{default_data_folder()}, where downloads go"
        )
        return
    missing, number = missing_files(row.specs, data_folder)
    present = f"all {number} are" if not missing else f"{number - len(missing)} of {number} are"
    line(f"files:    {present} in {data_folder / row.name}" + (f"; missing: {', '.join(missing)}" if missing else ""))


def _print_source(source: Source, line: Callable[[str], None]) -> None:
    match source:
        case Files():
            for name, remote in source.files.items():
                inside = f" (in it: {remote.member})" if remote.member else ""
                checksum = f" sha256 {remote.sha256[:12]}…" if remote.sha256 else ""
                line(f"source:   {name} <- {remote.url}{inside}{checksum}")
        case HuggingFace() | Tfds():
            line(f"source:   {source}, {' '.join(urls(source))}")
            for split, name in source.files.items():
                line(f"          {name} <- its split {source.splits[split]}")
        case OnRequest():
            line(f"source:   on request from {source.owner}")
            line(f"get it:   {source.how}")
