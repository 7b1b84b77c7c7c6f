"""On-Demand IE: texts and tables that a large language model has filled from them."""

from collections.abc import Iterator

from seqgpt_jax.atomic import Instance
from seqgpt_jax.data.raw.sources import Files, github_files
from seqgpt_jax.data.raw.task_spec import DatasetSpec, Skipped, Task
from seqgpt_jax.tasks.declarations import task_specs
from seqgpt_jax.tasks.llm_labelled.typed import samples
from seqgpt_jax.tasks.readers.answers import answers_in_text
from seqgpt_jax.tasks.readers.jsonl import json_records
from seqgpt_jax.tasks.readers.record import Record, reader

# Cells that say that a text does not tell.
ODIE_EMPTY = ("", "-", "N/A", "None")


def table_columns(record: Record) -> Iterator[Instance | Skipped]:
    """On-Demand IE: a Markdown table; the header of a column asks for its cells.

    Many cells put the text in other words, which extraction cannot give: a column with such a cell
    is left out, and counted. So is a table without rows, or with rows that are not as long
    as its header, and a column without a header.
    """
    lines = [line.strip().strip("|").split("|") for line in record.value["table"].split("\n") if line.strip()]
    cells_of = [[cell.strip() for cell in line] for line in lines]
    # The line below the header separates; in some tables it has fewer cells.
    header, rows = cells_of[0] if cells_of else [], cells_of[2:]
    if not rows or any(len(row) != len(header) for row in rows):
        detail = f"rows of {len(header)} cells were expected below the header: {record.value['table']!r}"
        yield Skipped(record.id, "broken_table", detail)
        return
    columns: dict[str, list[str]] = {}
    for number, cells in enumerate(zip(*rows, strict=True)):
        if header[number]:
            columns.setdefault(header[number], []).extend(cell for cell in cells if cell not in ODIE_EMPTY)
        else:
            yield Skipped(f"{record.id}/column{number}", "empty_label", "a column has no header")
    yield from answers_in_text(record.id, record.value["text"], columns)


_REPOSITORY = ("yzjiao/On-Demand-IE", "549e55d0d866057d75e3aa4cddb132b56d9a0ca0")
_TRAIN = "training_data.jsonl"
(_TEST,) = samples("odie", "test_data.json")
ODIE_TEST = github_files(*_REPOSITORY, {_TEST: "dataset/test_data.json"})
ODIE = Task("NER", "en", reader(json_records(), table_columns))

TASKS = task_specs(
    DatasetSpec(
        # Tested on the test set, which people have checked. Of the two training sets, the one without explanations.
        "odie",
        Files(ODIE_TEST.files | github_files(*_REPOSITORY, {_TRAIN: f"training/data/{_TRAIN}"}).files),
        license="unknown: research (OpenAI terms)",
        citation="Jiao et al. 2023, EMNLP",
        contradictions="some texts are there with two tables",
        verified="files",
        splits={"train": (_TRAIN,), "test": (_TEST,)},
        sizes={"test": 74},
        tasks=(ODIE,),
    ),
)
