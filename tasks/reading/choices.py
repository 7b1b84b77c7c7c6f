"""MRC with options, in English."""

import re
from collections.abc import Iterator, Sequence
from operator import itemgetter
from typing import Any

from seqgpt_jax.atomic import Instance, families
from seqgpt_jax.data.raw.sources import PARQUET, github
from seqgpt_jax.data.raw.task_spec import SPLITS, DatasetSpec, Skipped, Task
from seqgpt_jax.tasks.declarations import task_specs
from seqgpt_jax.tasks.readers.choices import Choice, choices, keyed, place
from seqgpt_jax.tasks.readers.cleaning import without_markers
from seqgpt_jax.tasks.readers.hub import hub, tfds
from seqgpt_jax.tasks.readers.jsonl import jsonl
from seqgpt_jax.tasks.readers.lines import blocks
from seqgpt_jax.tasks.readers.record import Build, Record, Records, grouped, reader

_WIKIHOW = re.compile(r"\[(?:header|title|step|substeps)\]")
TRAIN_AND_VALIDATION = {"train": "train", "validation": "validation"}


def _choice(build: Build, records: Records | None = None, **differences: Any) -> Task:
    """English questions with options, of which one is right; JSON lines unless `records` says otherwise."""
    kind = {"language": "en", "exclusive": True} | differences
    return Task("MRC", read=reader(records or jsonl(), build), atom="cls", **kind)


def race(row: dict) -> Choice:
    return Choice(row["question"], row["options"], place(row["answer"], first="A"), row["article"])


def sciq(row: dict) -> Choice:
    options = [row["correct_answer"], row["distractor1"], row["distractor2"], row["distractor3"]]
    return Choice(row["question"], options, 0, row["support"])


def cosmos(row: dict) -> Choice:
    options = [row[f"answer{number}"] for number in range(4)]
    return Choice(row["question"], options, place(row["label"], first="0"), row["context"])


def social(row: dict) -> Choice:
    options = [row[f"answer{letter}"] for letter in "ABC"]
    return Choice(row["question"], options, place(row["label"], first="1"), row["context"])


def dream(row: dict) -> Choice:
    return Choice(row["question"], row["choice"], row["choice"].index(row["answer"]), " ".join(row["dialogue"]))


def swag(row: dict) -> Choice:
    """The ending of a scene: what the second sentence has said so far is the question."""
    options = [row[f"ending{number}"] for number in range(4)]
    return Choice(row["sent2"], options, place(row["label"], first="0"), row["sent1"])


def hellaswag(row: dict) -> Choice:
    """What is of WikiHow has its headings and steps marked."""
    context, *endings = (without_markers(text, _WIKIHOW) for text in (row["ctx"], *row["endings"]))
    return Choice(context, endings, place(row["label"], first="0"), row["activity_label"])


def quail(row: dict) -> Choice:
    return Choice(row["question"], row["answers"], row["correct_answer_id"], row["context"])


def boolq(row: dict) -> Choice:
    answer = None if row["label"] is None else ("True", "False").index(row["label"])
    return Choice(row["question"], ("yes", "no"), answer, row["passage"])


def copa(row: dict) -> Choice:
    question = {"cause": "what was the cause of this?", "effect": "what happened as a result?"}[row["question"]]
    options = [row["choice1"], row["choice2"]]
    answer = None if row["label"] is None else ("choice1", "choice2").index(row["label"])
    return Choice(question, options, answer, row["premise"])


def logiqa(lines: Sequence[str]) -> Choice:
    """A block: the right letter, the passage, the question and four options, each after its letter."""
    answer, passage, question, *options = (line.strip() for line in lines)
    options = [option[2:].strip() if option[1:2] in tuple(".．、") else option for option in options]
    return Choice(question, options, place(answer.upper(), first="A"), passage)


def several_right(record: Record) -> Iterator[Instance | Skipped]:
    """MultiRC: any number of the answers to a question may be right; each is a row of its own."""
    first = record.value[0]
    right = [row["answer"] for row in record.value if row["label"] == "True"]
    if not right:
        yield Skipped(record.id, "no_gold_label")
        return
    options = families.unique(row["answer"] for row in record.value)
    yield families.classification(record.id, f"{first['paragraph']}\t{first['question']}", right, options)


def _arc(name: str, config: str, sizes: tuple[int, int, int]) -> Task:
    return _choice(
        keyed("question"),
        name=name,
        source=hub("allenai/ai2_arc", config),
        sizes=dict(zip(SPLITS, sizes, strict=True)),
    )


def _logiqa(language: str, *files: str) -> Task:
    """One language; the files are of train, validation and test."""
    splits = {split: (file,) for split, file in zip(SPLITS, files, strict=True)}
    return _choice(choices(logiqa), blocks(), name=language, language=language, splits=splits)


TASKS = task_specs(
    DatasetSpec(
        "race",
        hub("ehovy/race", "all"),
        license="RACE: non-commercial research",
        citation="Lai et al. 2017, EMNLP",
        sizes={"train": 87866, "validation": 4887, "test": 4934},
        tasks=(_choice(choices(race)),),
    ),
    DatasetSpec(
        "sciq",
        hub("allenai/sciq"),
        license="CC BY-NC 3.0",
        citation="Welbl et al. 2017, W-NUT",
        sizes={"train": 11679, "validation": 1000, "test": 1000},
        tasks=(_choice(choices(sciq)),),
    ),
    DatasetSpec(
        # The passage is the fact of the open book that the question was made from.
        "openbookqa",
        hub("allenai/openbookqa", "additional"),
        license="Apache-2.0",
        citation="Mihaylov et al. 2018, EMNLP",
        sizes={"train": 4957, "validation": 500, "test": 500},
        tasks=(_choice(keyed("question_stem", passage="fact1")),),
    ),
    DatasetSpec(
        "arc",
        license="CC BY-SA 4.0",
        citation="Clark et al. 2018, arXiv 1803.05457",
        tasks=(
            _arc("challenge", "ARC-Challenge", (1119, 299, 1172)),
            _arc("easy", "ARC-Easy", (2251, 570, 2376)),
        ),
    ),
    DatasetSpec(
        "commonsense_qa",
        hub("tau/commonsense_qa", splits=TRAIN_AND_VALIDATION),
        license="MIT",
        citation="Talmor et al. 2019, NAACL",
        sizes={"train": 9741, "validation": 1221},
        tasks=(_choice(keyed("question")),),
    ),
    DatasetSpec(
        "qasc",
        hub("allenai/qasc", splits=TRAIN_AND_VALIDATION),
        license="CC BY 4.0",
        citation="Khot et al. 2020, AAAI",
        sizes={"train": 8134, "validation": 926},
        tasks=(_choice(keyed("question", passage="combinedfact")),),
    ),
    DatasetSpec(
        "cosmos_qa",
        tfds("cosmos_qa", TRAIN_AND_VALIDATION),
        license="CC BY 4.0",
        citation="Huang et al. 2019, EMNLP",
        held_out=True,
        sizes={"train": 25262, "validation": 2985},
        tasks=(_choice(choices(cosmos)),),
    ),
    DatasetSpec(
        "social_i_qa",
        hub("allenai/social_i_qa", splits=TRAIN_AND_VALIDATION, revision=PARQUET),
        license="unknown",
        citation="Sap et al. 2019, EMNLP",
        sizes={"train": 33410, "validation": 1954},
        tasks=(_choice(choices(social)),),
    ),
    DatasetSpec(
        "dream",
        hub("dataset-org/dream", revision=PARQUET),
        license="DREAM: non-commercial research",
        citation="Sun et al. 2019, TACL",
        sizes={"train": 6116, "validation": 2040, "test": 2041},
        tasks=(_choice(choices(dream)),),
    ),
    DatasetSpec(
        "swag",
        hub("allenai/swag", "regular", TRAIN_AND_VALIDATION, revision=PARQUET),
        license="unknown",
        citation="Zellers et al. 2018, EMNLP",
        sizes={"train": 73546, "validation": 20006},
        tasks=(_choice(choices(swag)),),
    ),
    DatasetSpec(
        "hellaswag",
        hub("Rowan/hellaswag", splits=TRAIN_AND_VALIDATION, revision=PARQUET),
        license="MIT",
        citation="Zellers et al. 2019, ACL",
        sizes={"train": 39905, "validation": 10042},
        tasks=(_choice(choices(hellaswag)),),
    ),
    DatasetSpec(
        "quail",
        hub("textmachinelab/quail", "quail", {"train": "train", "validation": "validation", "test": "challenge"}),
        license="CC BY-NC-SA 4.0",
        citation="Rogers et al. 2020, AAAI",
        sizes={"train": 10246, "validation": 2164, "test": 556},
        tasks=(_choice(choices(quail)),),
    ),
    DatasetSpec(
        "boolq",
        tfds("super_glue/boolq", TRAIN_AND_VALIDATION),
        license="CC BY-SA 3.0",
        citation="Clark et al. 2019, NAACL",
        sizes={"train": 9427, "validation": 3270},
        tasks=(_choice(choices(boolq)),),
    ),
    DatasetSpec(
        "copa",
        tfds("super_glue/copa", TRAIN_AND_VALIDATION),
        license="BSD 2-Clause",
        citation="Roemmele et al. 2011, AAAI spring symposium; Wang et al. 2019, NeurIPS (SuperGLUE)",
        sizes={"train": 400, "validation": 100},
        tasks=(_choice(choices(copa)),),
    ),
    DatasetSpec(
        "multirc",
        tfds("super_glue/multirc", TRAIN_AND_VALIDATION),
        license="MultiRC: research",
        citation="Khashabi et al. 2018, NAACL",
        tasks=(_choice(several_right, grouped(jsonl(), key=itemgetter("paragraph", "question")), exclusive=False),),
    ),
    DatasetSpec(
        "logiqa",
        github("lgw863/LogiQA-dataset", "ff6c4cbca47627b3ac2da94a29fa28204a167b41"),
        license="LogiQA: research",
        citation="Liu et al. 2020, IJCAI",
        sizes={"train": 7376, "validation": 651, "test": 651},
        tasks=(
            _logiqa("en", "Train.txt", "Eval.txt", "Test.txt"),
            _logiqa("zh", "zh_train.txt", "zh_eval.txt", "zh_test.txt"),
        ),
    ),
)
