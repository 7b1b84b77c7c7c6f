"""ID: what the speaker of a Chinese utterance wants."""

from collections.abc import Callable
from operator import itemgetter

from seqgpt_jax.data.raw.sources import FilePattern
from seqgpt_jax.data.raw.task_spec import SPLITS, DatasetSpec, Reader, Task
from seqgpt_jax.tasks.assistants import SMP2019
from seqgpt_jax.tasks.declarations import task_specs
from seqgpt_jax.tasks.readers.fields import found_labels, labelled
from seqgpt_jax.tasks.readers.jsonl import json_list
from seqgpt_jax.tasks.readers.record import reader
from seqgpt_jax.tasks.repositories import cblue


def quoted_labels(field: str) -> Callable[[dict], list[str]]:
    """CMID keeps its labels in lists, each now and then in quotes of its own: `["'病因'"]`."""
    return lambda row: [label.strip("'\" ") for label in row[field]]


def _question_labels(field: str) -> Reader:
    return reader(
        json_list(),
        found_labels("originalText", quoted_labels(field)),
        split_key=itemgetter("originalText"),
    )


TASKS = task_specs(
    SMP2019.only("ID"),
    DatasetSpec(
        "kuake_qic",
        cblue("KUAKE-QIC", "KUAKE-QIC_train.json", "KUAKE-QIC_dev.json"),
        license="CBLUE: research, on request",
        citation="Zhang et al. 2022, ACL (CBLUE)",
        # The labels of the official test part are not published.
        splits={"train": ("KUAKE-QIC_train.json",), "test": ("KUAKE-QIC_dev.json",)},
        sizes={"train": 6931, "test": 1955},
        tasks=(Task("ID", "zh", reader(json_list(), labelled("query", "label")), exclusive=True),),
    ),
    DatasetSpec(
        "cmid",
        FilePattern("https://cdatalab1.oss-cn-beijing.aliyuncs.com/text-classification/CMID/{}"),
        license="CMID: research",
        citation="Chen et al. 2020, BMC Medical Informatics and Decision Making",
        held_out=True,
        splits=dict.fromkeys(SPLITS, ("CMID.json",)),
        tasks=(
            Task("ID", "zh", _question_labels("label_36class"), name="intent"),
            Task("CLS", "zh", _question_labels("label_4class"), name="topic"),
        ),
    ),
)
