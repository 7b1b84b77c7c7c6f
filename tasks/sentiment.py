"""SA: a text and its sentiment."""

from seqgpt_jax.data.task_spec import TaskSpec
from seqgpt_jax.tasks.readers.delimited import delimited
from seqgpt_jax.tasks.readers.fields import labelled
from seqgpt_jax.tasks.readers.jsonl import jsonl
from seqgpt_jax.tasks.readers.names import named
from seqgpt_jax.tasks.readers.record import reader

TASKS = (
    TaskSpec(
        name="sst2",
        family="SA",
        language="en",
        atom="cls",
        splits={"train": ("train.tsv",), "validation": ("dev.tsv",), "test": ("test.tsv",)},
        read=reader(
            delimited("\t", columns=("sentence", "label")),
            labelled("sentence", "label", named({"0": "negative", "1": "positive"})),
        ),
        exclusive=True,
        licence="SST (Stanford): research",
        source="github.com/clairett/pytorch-sentiment-classification data/SST2/{train,dev,test}.tsv",
    ),
    TaskSpec(
        name="chnsenticorp_htl",
        family="SA",
        language="zh",
        atom="cls",
        splits=dict.fromkeys(("train", "validation", "test"), ("ChnSentiCorp_htl_all.csv",)),
        read=reader(
            delimited(",", quoted=True),
            labelled("review", "label", named({"0": "负面", "1": "正面"})),
            split_key=lambda row: row["review"],
        ),
        exclusive=True,
        licence="ChnSentiCorp: research",
        source="github.com/SophonPlus/ChineseNlpCorpus datasets/ChnSentiCorp_htl_all/ChnSentiCorp_htl_all.csv",
    ),
    TaskSpec(
        name="eprstmt",
        family="SA",
        language="zh",
        atom="cls",
        splits={
            "train": ("train_few_all.json",),
            "validation": ("dev_few_all.json",),
            "test": ("test_public.json",),
        },
        read=reader(jsonl(), labelled("sentence", "label", named({"Negative": "差评", "Positive": "好评"}))),
        held_out=True,
        exclusive=True,
        licence="FewCLUE: research",
        source="github.com/CLUEbenchmark/FewCLUE datasets/eprstmt",
    ),
)
