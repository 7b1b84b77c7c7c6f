"""NLI: how two sentences relate."""

from seqgpt_jax.data.task_spec import TaskSpec
from seqgpt_jax.tasks.readers.delimited import delimited
from seqgpt_jax.tasks.readers.fields import sentence_pair
from seqgpt_jax.tasks.readers.jsonl import jsonl
from seqgpt_jax.tasks.readers.names import named
from seqgpt_jax.tasks.readers.record import reader

TASKS = (
    TaskSpec(
        name="rte",
        family="NLI",
        language="en",
        atom="cls",
        splits={"train": ("train.tsv",), "validation": ("validation.tsv",)},
        read=reader(
            delimited("\t"),
            sentence_pair("sentence1", "sentence2", "label", named({"0": "entailment", "1": "not entailment"})),
        ),
        exclusive=True,
        licence="RTE (GLUE): research",
        source="github.com/MJ-Jang/BECEL data/rte/{train,validation}.tsv",
    ),
    TaskSpec(
        name="snli",
        family="NLI",
        language="en",
        atom="cls",
        splits={"validation": ("validation.tsv",), "test": ("test.tsv",)},
        read=reader(
            delimited("\t"),
            sentence_pair(
                "premise", "hypothesis", "label", named({"0": "entailment", "1": "neutral", "2": "contradiction"})
            ),
        ),
        held_out=True,
        exclusive=True,
        licence="CC BY-SA 4.0",
        source="github.com/MJ-Jang/BECEL data/snli/{validation,test}.tsv",
    ),
    TaskSpec(
        name="ocnli",
        family="NLI",
        language="zh",
        atom="cls",
        splits={"train": ("train.3k.json",), "test": ("dev.json",)},
        read=reader(
            jsonl(),
            sentence_pair(
                "sentence1",
                "sentence2",
                "label",
                named({"entailment": "蕴含", "neutral": "中立", "contradiction": "矛盾"}),
                unlabelled="-",
            ),
        ),
        exclusive=True,
        licence="CC BY-NC 2.0",
        source="github.com/CLUEbenchmark/OCNLI data/ocnli/{train.3k,dev}.json",
    ),
    TaskSpec(
        name="afqmc",
        family="NLI",
        language="zh",
        atom="cls",
        splits={"train": ("train.txt",), "validation": ("dev.txt",)},
        read=reader(
            delimited("\t", columns=("sentence1", "sentence2", "label")),
            sentence_pair("sentence1", "sentence2", "label", named({"0": "不同", "1": "相同"})),
        ),
        exclusive=True,
        licence="AFQMC (Ant Financial, CLUE): research",
        source="github.com/zejunwang1/CSTS AFQMC/{train,dev}.txt",
    ),
)
