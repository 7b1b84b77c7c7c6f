"""On-Demand IE: texts and tables that a large language model has filled from them."""

from collections.abc import Iterator

from seqgpt_jax.atomic import Instance
from seqgpt_jax.data.raw.sources import github_files
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
    is left out, and counted.
    """
    lines = [line.strip().strip("|").split("|") for line in record.value["table"].split("\n") if line.strip()]
    header, _, *rows = ([cell.strip() for cell in line] for line in lines)
    if any(len(row) != len(header) for row in rows):
        raise ValueError(f"a row of the table has not {len(header)} cells: {record.value['table']!r}")
    columns = {
        label: [row[number] for row in rows if row[number] not in ODIE_EMPTY] for number, label in enumerate(header)
    }
    yield from answers_in_text(record.id, record.value["text"], columns)


(_TEST,) = samples("odie", "test_data.json")

TASKS = task_specs(
    DatasetSpec(
        # What a language model wrote and people checked: the test set of On-Demand IE.
        "odie",
        github_files(
            "yzjiao/On-Demand-IE", "549e55d0d866057d75e3aa4cddb132b56d9a0ca0", {_TEST: "dataset/test_data.json"}
        ),
        license="unknown: research (OpenAI terms)",
        citation="Jiao et al. 2023, EMNLP",
        verified="files",
        splits={"test": (_TEST,)},
        sizes={"test": 74},
        tasks=(Task("NER", "en", reader(json_records(), table_columns)),),
    ),
)
