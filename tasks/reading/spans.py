"""MRC with spans in English, and data sets of several languages."""

from collections.abc import Callable, Mapping
from typing import Any

from seqgpt_jax.data.raw.sources import PARQUET, Files, Remote, github
from seqgpt_jax.data.raw.task_spec import SPLITS, DatasetSpec, Task
from seqgpt_jax.tasks.declarations import task_specs
from seqgpt_jax.tasks.readers.hub import hub, tfds
from seqgpt_jax.tasks.readers.jsonl import jsonl
from seqgpt_jax.tasks.readers.record import Build, reader
from seqgpt_jax.tasks.readers.squad import first_question, mrqa_questions, passages, question_rows, questions

TRAIN_AND_VALIDATION = {"train": "train", "validation": "validation"}
XQUAD = github("google-deepmind/xquad", "7d30520c717524000f0d9d2f9c10a069acd9d285")
MRQA = "https://s3.us-east-2.amazonaws.com/mrqa/release/v2"


def xquad(language: str, *, split: bool = False) -> Task:
    """XQuAD in one language: a test set, or `split` by passage; a passage and its translation are in the same split."""
    return Task(
        "MRC",
        language,
        reader(passages(), questions, split_key=first_question if split else None),
        name=language,
        atom="ext",
        held_out=not split,
        splits=dict.fromkeys(SPLITS if split else ("test",), (f"xquad.{language}.json",)),
        sizes={"train": 940, "validation": 100, "test": 150} if split else {"test": 1190},
    )


def _questions(build: Build | None = None, language: str = "en", **differences: Any) -> Task:
    """Rows with `question`, `context` and `answers`, unless `build` says otherwise."""
    return Task("MRC", language, reader(jsonl(), build or question_rows()), atom="ext", **differences)


def _mlqa(language: str, validation: int, test: int) -> Task:
    return _questions(
        language=language,
        name=language,
        source=tfds(f"mlqa/{language}", {"validation": "validation", "test": "test"}),
        sizes={"validation": validation, "test": test},
    )


def _mrqa(name: str, file: str, license: str, citation: str, sizes: Mapping[str, int]) -> DatasetSpec:
    """A data set in the form of the MRQA 2019 shared task: answerable questions, answers in the passage.

    The tasks without a training file were the tests out of domain.
    """
    folders = {"train": "train", "validation": "dev", "test": "dev"}
    return DatasetSpec(
        name,
        Files({f"{split}.jsonl": Remote(f"{MRQA}/{folders[split]}/{file}.jsonl.gz") for split in sizes}),
        license,
        f"{citation}; Fisch et al. 2019, MRQA",
        splits={split: (f"{split}.jsonl",) for split in sizes},
        sizes=sizes,
        tasks=(_questions(mrqa_questions),),
    )


def _of_language(prefix: str) -> Callable[[dict], bool]:
    return lambda row: row["id"].startswith(f"{prefix}-")


TASKS = task_specs(
    DatasetSpec(
        # A part of SQuAD's development set, and its translation.
        "xquad",
        XQUAD,
        license="CC BY-SA 4.0",
        citation="Artetxe et al. 2020, ACL",
        verified="files",
        tasks=(xquad("en"), xquad("zh")),
        derived_from=("squad",),
    ),
    DatasetSpec(
        "squad",
        hub("rajpurkar/squad", splits=TRAIN_AND_VALIDATION),
        license="CC BY-SA 4.0",
        citation="Rajpurkar et al. 2016, EMNLP",
        derived_from=("squad_v2",),
        sizes={"train": 87599, "validation": 10570},
        tasks=(_questions(),),
    ),
    DatasetSpec(
        "squad_v2",
        hub("rajpurkar/squad_v2", splits=TRAIN_AND_VALIDATION),
        license="CC BY-SA 4.0",
        citation="Rajpurkar et al. 2018, ACL",
        sizes={"train": 130319, "validation": 11873},
        tasks=(_questions(),),
    ),
    DatasetSpec(
        "adversarial_qa",
        hub("UCLNLP/adversarial_qa", "adversarialQA", TRAIN_AND_VALIDATION),
        license="CC BY-SA 4.0",
        citation="Bartolo et al. 2020, TACL",
        sizes={"train": 30000, "validation": 3000},
        tasks=(_questions(),),
    ),
    DatasetSpec(
        # A question asks for all that one mention stands for: often several spans.
        "quoref",
        hub("allenai/quoref", splits=TRAIN_AND_VALIDATION, revision=PARQUET),
        license="CC BY 4.0",
        citation="Dasigi et al. 2019, EMNLP",
        sizes={"train": 19399, "validation": 2418},
        tasks=(_questions(question_rows(all_answers=True)),),
    ),
    DatasetSpec(
        # Some answers stand in the question alone; they are skipped.
        "ropes",
        hub("allenai/ropes", splits=TRAIN_AND_VALIDATION),
        license="CC BY 4.0",
        citation="Lin et al. 2019, MRQA",
        sizes={"train": 10924, "validation": 1688},
        tasks=(_questions(question_rows(lambda row: f"{row['background']} {row['situation']}")),),
    ),
    DatasetSpec(
        # The training split holds nine languages; English ids begin with their language.
        "tydiqa",
        tfds("tydi_qa/goldp", {"train": "train", "validation": "validation-en"}),
        license="Apache-2.0",
        citation="Clark et al. 2020, TACL",
        sizes={"train": 3696, "validation": 440},
        tasks=(_questions(question_rows(applies=_of_language("english"))),),
    ),
    DatasetSpec(
        "mlqa",
        license="CC BY-SA 3.0",
        citation="Lewis et al. 2020, ACL",
        tasks=(_mlqa("en", 1148, 11590), _mlqa("zh", 504, 5137)),
    ),
    DatasetSpec(
        # Reviews of one domain; about a third of the questions have no answer in the review.
        "subjqa",
        license="unknown",
        citation="Bjerva et al. 2020, EMNLP",
        tasks=tuple(
            _questions(name=domain, source=hub("megagonlabs/subjqa", domain, revision=PARQUET))
            for domain in ("books", "electronics", "grocery", "movies", "restaurants", "tripadvisor")
        ),
    ),
    _mrqa("newsqa", "NewsQA", "CNN: research", "Trischler et al. 2017, RepL4NLP", {"train": 74160, "validation": 4212}),
    # Apache-2.0 is of its code: the page of the data says that they do not own the questions and documents.
    _mrqa("triviaqa", "TriviaQA-web", "unknown", "Joshi et al. 2017, ACL", {"train": 61688, "validation": 7785}),
    _mrqa("searchqa", "SearchQA", "CC BY-SA 4.0", "Dunn et al. 2017", {"train": 117384, "validation": 16980}),
    _mrqa("hotpotqa", "HotpotQA", "CC BY-SA 4.0", "Yang et al. 2018, EMNLP", {"train": 72928, "validation": 5901}),
    _mrqa(
        "natural_questions",
        "NaturalQuestionsShort",
        "CC BY-SA 3.0",
        "Kwiatkowski et al. 2019, TACL",
        {"train": 104071, "validation": 12836},
    ),
    _mrqa("duorc", "DuoRC.ParaphraseRC", "MIT", "Saha et al. 2018, ACL", {"test": 1501}),
    _mrqa("textbookqa", "TextbookQA", "CC BY-NC 3.0", "Kembhavi et al. 2017, CVPR", {"test": 1503}),
    _mrqa("zero_shot_re", "RelationExtraction", "unknown", "Levy et al. 2017, CoNLL", {"test": 2948}),
)
