"""Sentence pairs in English and Chinese: XNLI and PAWS-X."""

from seqgpt_jax.data.raw.task_spec import DatasetSpec
from seqgpt_jax.tasks.declarations import task_specs
from seqgpt_jax.tasks.inference import chinese, english
from seqgpt_jax.tasks.readers.cleaning import cleaned, unsegmented
from seqgpt_jax.tasks.readers.hub import hub, tfds
from seqgpt_jax.tasks.readers.jsonl import jsonl

PARAPHRASE_ZH = {"different_meaning": "不同", "paraphrase": "相同"}

TASKS = task_specs(
    DatasetSpec(
        "xnli",
        license="CC BY-NC 4.0",
        citation="Conneau et al. 2018, EMNLP",
        derived_from=("mnli",),
        sizes={"train": 392702, "validation": 2490, "test": 5010},
        tasks=(
            english.pair("premise", "hypothesis", english.THREE, name="en", source=hub("facebook/xnli", "en")),
            # Its training pairs alone are cut into words.
            chinese.pair(
                chinese.THREE,
                cleaned(jsonl(), "premise", "hypothesis", by=unsegmented),
                ("premise", "hypothesis"),
                name="zh",
                source=hub("facebook/xnli", "zh"),
            ),
        ),
    ),
    DatasetSpec(
        "paws_x",
        license="free for any purpose",
        citation="Yang et al. 2019, EMNLP",
        derived_from=("paws",),
        tasks=(
            english.pair("sentence1", "sentence2", english.PARAPHRASE, name="en", source=tfds("paws_x_wiki/en")),
            chinese.pair(PARAPHRASE_ZH, jsonl(), name="zh", source=tfds("paws_x_wiki/zh")),
        ),
    ),
)
