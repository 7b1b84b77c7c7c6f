"""MRC with options, in English."""

from collections.abc import Iterator, Sequence
from typing import Any

from seqgpt_jax.atomic import Instance, families
from seqgpt_jax.data.raw.sources import PARQUET, github
from seqgpt_jax.data.raw.task_spec import Skipped, TaskSpec
from seqgpt_jax.tasks.readers.choices import Choice, choices, keyed, place
from seqgpt_jax.tasks.readers.hub import hub, tfds
from seqgpt_jax.tasks.readers.jsonl import jsonl
from seqgpt_jax.tasks.readers.lines import blocks
from seqgpt_jax.tasks.readers.record import Build, Record, Records, grouped, reader

TRAIN_AND_VALIDATION = {"train": "train", "validation": "validation"}


def _choices(
    name: str,
    build: Build,
    *,
    records: Records | None = None,
    language: str = "en",
    exclusive: bool = True,
    **rest: Any,
) -> TaskSpec:
    return TaskSpec(
        name=name,
        family="MRC",
        language=language,
        atom="cls",
        read=reader(records or jsonl(), build),
        exclusive=exclusive,
        verified="schema",
        **rest,
    )


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
    return Choice(row["ctx"], row["endings"], place(row["label"], first="0"), row["activity_label"])


def quail(row: dict) -> Choice:
    return Choice(row["question"], row["answers"], row["correct_answer_id"], row["context"])


def boolq(row: dict) -> Choice:
    answer = None if row["label"] is None else ("True", "False").index(row["label"])
    return Choice(row["question"], ("yes", "no"), answer, row["passage"])


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


def _arc(part: str, config: str, sizes: tuple[int, int, int]) -> TaskSpec:
    return _choices(
        f"arc.{part}",
        keyed("question"),
        **hub("allenai/ai2_arc", config),
        licence="CC BY-SA 4.0",
        citation="Clark et al. 2018, arXiv 1803.05457",
        sizes=dict(zip(("train", "validation", "test"), sizes, strict=True)),
    )


def _logiqa(language: str, sha256: dict[str, str]) -> TaskSpec:
    """`sha256` is of the files of train, validation and test."""
    splits = dict(zip(("train", "validation", "test"), sha256, strict=True))
    return _choices(
        f"logiqa.{language}",
        choices(logiqa),
        records=blocks(),
        language=language,
        splits={split: (file,) for split, file in splits.items()},
        source=github(
            "lgw863/LogiQA-dataset",
            "ff6c4cbca47627b3ac2da94a29fa28204a167b41",
            {file: file for file in sha256},
            sha256=sha256,
        ),
        licence="LogiQA: research",
        citation="Liu et al. 2020, IJCAI",
        sizes={"train": 7376, "validation": 651, "test": 651},
    )


TASKS = (
    _choices(
        "race",
        choices(race),
        **hub("ehovy/race", "all"),
        licence="RACE: non-commercial research",
        citation="Lai et al. 2017, EMNLP",
        sizes={"train": 87866, "validation": 4887, "test": 4934},
    ),
    _choices(
        "sciq",
        choices(sciq),
        **hub("allenai/sciq"),
        licence="CC BY-NC 3.0",
        citation="Welbl et al. 2017, W-NUT",
        sizes={"train": 11679, "validation": 1000, "test": 1000},
    ),
    # The passage is the fact of the open book that the question was made from.
    _choices(
        "openbookqa",
        keyed("question_stem", passage="fact1"),
        **hub("allenai/openbookqa", "additional"),
        licence="Apache-2.0",
        citation="Mihaylov et al. 2018, EMNLP",
        sizes={"train": 4957, "validation": 500, "test": 500},
    ),
    _arc("challenge", "ARC-Challenge", (1119, 299, 1172)),
    _arc("easy", "ARC-Easy", (2251, 570, 2376)),
    _choices(
        "commonsense_qa",
        keyed("question"),
        **hub("tau/commonsense_qa", splits=TRAIN_AND_VALIDATION),
        licence="MIT",
        citation="Talmor et al. 2019, NAACL",
        sizes={"train": 9741, "validation": 1221},
    ),
    _choices(
        "qasc",
        keyed("question", passage="combinedfact"),
        **hub("allenai/qasc", splits=TRAIN_AND_VALIDATION),
        licence="CC BY 4.0",
        citation="Khot et al. 2020, AAAI",
        sizes={"train": 8134, "validation": 926},
    ),
    _choices(
        "cosmos_qa",
        choices(cosmos),
        **tfds("cosmos_qa", TRAIN_AND_VALIDATION),
        licence="CC BY 4.0",
        citation="Huang et al. 2019, EMNLP",
        sizes={"train": 25262, "validation": 2985},
    ),
    _choices(
        "social_i_qa",
        choices(social),
        **hub("allenai/social_i_qa", splits=TRAIN_AND_VALIDATION, revision=PARQUET),
        licence="unknown",
        citation="Sap et al. 2019, EMNLP",
        sizes={"train": 33410, "validation": 1954},
    ),
    _choices(
        "dream",
        choices(dream),
        **hub("dataset-org/dream", revision=PARQUET),
        licence="DREAM: non-commercial research",
        citation="Sun et al. 2019, TACL",
        sizes={"train": 6116, "validation": 2040, "test": 2041},
    ),
    _choices(
        "swag",
        choices(swag),
        **hub("allenai/swag", "regular", TRAIN_AND_VALIDATION, revision=PARQUET),
        licence="unknown",
        citation="Zellers et al. 2018, EMNLP",
        sizes={"train": 73546, "validation": 20006},
    ),
    _choices(
        "hellaswag",
        choices(hellaswag),
        **hub("Rowan/hellaswag", splits=TRAIN_AND_VALIDATION, revision=PARQUET),
        licence="MIT",
        citation="Zellers et al. 2019, ACL",
        sizes={"train": 39905, "validation": 10042},
    ),
    _choices(
        "quail",
        choices(quail),
        **hub("textmachinelab/quail", "quail", {"train": "train", "validation": "validation", "test": "challenge"}),
        licence="CC BY-NC-SA 4.0",
        citation="Rogers et al. 2020, AAAI",
        sizes={"train": 10246, "validation": 2164, "test": 556},
    ),
    _choices(
        "boolq",
        choices(boolq),
        **tfds("super_glue/boolq", TRAIN_AND_VALIDATION),
        licence="CC BY-SA 3.0",
        citation="Clark et al. 2019, NAACL",
        sizes={"train": 9427, "validation": 3270},
    ),
    _choices(
        "multirc",
        several_right,
        records=grouped(jsonl(), key=lambda row: (row["paragraph"], row["question"])),
        exclusive=False,
        **tfds("super_glue/multirc", TRAIN_AND_VALIDATION),
        licence="MultiRC: research",
        citation="Khashabi et al. 2018, NAACL",
    ),
    _logiqa(
        "en",
        {
            "Train.txt": "7d5bb1f58278e33b395744cd2ad8d7600faa0b3c4d615c659a44ec1181d759fa",
            "Eval.txt": "4c49e6753b7262c001506b9151135abf722247035ab075dad93acdea5789c01f",
            "Test.txt": "359acb78c37802208f7fde9e2f6574b8526527c63d6a336f90a53f1932cb4701",
        },
    ),
    _logiqa(
        "zh",
        {
            "zh_train.txt": "29bcf6a15ac72729548cb4345afa2a0c70816aea13d77a5827385c18fd041466",
            "zh_eval.txt": "8d5375b94568222e0e37e8305ae5603f23721c1937c4bdeeb041e275f218c4cf",
            "zh_test.txt": "74883e3f634cc5d5fd24a7218e6094e80d376f296419ba8be7287a1142311d9d",
        },
    ),
)
