"""Facts of a mixture before anything is fetched: how much it is, what may be done with it, and what needs a form."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from seqgpt_jax.data.raw.catalogue import COMMAND, Row
from seqgpt_jax.data.raw.download import missing_files
from seqgpt_jax.data.raw.licenses import is_commercial
from seqgpt_jax.io.name_list import first_names

FileSizes = Mapping[str, Mapping[str, int]]
"""Data set -> file -> bytes, of those that are known."""


def rows_of(rows: Sequence[Row], names: Sequence[str]) -> list[Row]:
    """The rows that have tasks of these names, with these tasks alone."""
    wanted = set(names)
    parts = [(row, tuple(spec for spec in row.specs if spec.name in wanted)) for row in rows]
    return [Row(row.dataset, specs) for row, specs in parts if specs]


@dataclass(frozen=True)
class MixtureFacts:
    """What is known of some data sets together.

    Attributes:
      name: of the mixture, or its expression; of a part of it, with what chose it.
      rows: its data sets with their tasks in it.
      file_sizes: what is known of the sizes of files.
      wanted: what is named to the download, and its further flags.
    """

    name: str
    rows: Sequence[Row]
    file_sizes: FileSizes
    wanted: str

    def bytes_known(self) -> tuple[int, int]:
        """(bytes of all files whose size is known, data sets of which all are)."""
        total, complete = 0, 0
        for row in self.rows:
            files = {file for spec in row.specs for names in spec.splits.values() for file in names}
            known = {file: size for file, size in self.file_sizes.get(row.name, {}).items() if file in files}
            total += sum(known.values())
            complete += known.keys() == files
        return total, complete

    def lines(self, data_folder: Path | None) -> list[str]:
        """The facts, one sentence each; of the data folder only what is missing there."""
        rows, number = self.rows, len(self.rows)
        atoms = Counter(spec.atom for row in rows for spec in row.specs)
        languages = Counter(language for row in rows for language in row.languages)
        sizes = [row.sizes.get("train") for row in rows]
        known = [size for size in sizes if size is not None]
        total, complete = self.bytes_known()
        forms = [row.name for row in rows if not row.openly_available]
        commercial = sum(is_commercial(row.dataset.license) for row in rows)
        licenses = Counter(row.dataset.license for row in rows).most_common(5)
        lines = [
            f"{self.name}: {number} data sets ({languages['en']} en, {languages['zh']} zh), {atoms['cls']} CLS and "
            f"{atoms['ext']} EXT tasks",
            f"training instances: {sum(known):,} of the {len(known)} data sets that say how many",
            f"size: {total / 1e9:.2f} GB of files whose size is known, all files of {complete} data sets; of the other "
            f"{number - complete} it shows when they are fetched",
            f"licenses: {commercial} data sets allow commercial use, {number - commercial} do not or do not say; "
            f"{', '.join(f'{count} {text}' for text, count in licenses)}, …",
            f"forms: {len(forms)} data sets are given on request: {', '.join(forms)}"
            if forms
            else "forms: none needed",
        ]
        if data_folder is not None:
            gone = [row.name for row in rows if missing_files(row.specs, data_folder)[0]]
            lines.append(
                f"here: {number - len(gone)} data sets are in {data_folder}"
                + (f"; not: {first_names(gone, 8)}" if gone else "")
            )
        return [*lines, f"get it: {COMMAND} --download {self.wanted}"]
