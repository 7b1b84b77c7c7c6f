"""MRC with spans in English, and data sets of several languages."""

from collections.abc import Callable, Mapping
from typing import Any

from seqgpt_jax.data.raw.sources import PARQUET, Files, Remote, github
from seqgpt_jax.data.raw.task_spec import TaskSpec
from seqgpt_jax.tasks.readers.hub import hub, tfds
from seqgpt_jax.tasks.readers.jsonl import jsonl
from seqgpt_jax.tasks.readers.record import Build, reader
from seqgpt_jax.tasks.readers.squad import first_question, mrqa_questions, passages, question_rows, questions

TRAIN_AND_VALIDATION = {"train": "train", "validation": "validation"}
MRQA = "https://s3.us-east-2.amazonaws.com/mrqa/release/v2"


def _xquad(language: str, sha256: str) -> TaskSpec:
    """XQuAD is a test set; splitting it by passage gives reading in both languages something to train on.

    The split is one for both languages: a passage and its translation fall into the same part.
    """
    file = f"xquad.{language}.json"
    return TaskSpec(
        name=f"xquad.{language}",
        family="MRC",
        language=language,
        atom="ext",
        splits=dict.fromkeys(("train", "validation", "test"), (file,)),
        read=reader(passages(), questions, split_key=first_question),
        source=github(
            "google-deepmind/xquad", "7d30520c717524000f0d9d2f9c10a069acd9d285", {file: file}, sha256={file: sha256}
        ),
        licence="CC BY-SA 4.0",
        citation="Artetxe et al. 2020, ACL",
        verified="files",
        sizes={"train": 940, "validation": 100, "test": 150},
    )


def _rows(name: str, language: str = "en", build: Build | None = None, **rest: Any) -> TaskSpec:
    """Rows with `question`, `context` and `answers`, unless `build` says otherwise."""
    return TaskSpec(
        name=name,
        family="MRC",
        language=language,
        atom="ext",
        read=reader(jsonl(), build or question_rows()),
        verified="schema",
        **rest,
    )


def _mlqa(language: str, validation: int, test: int) -> TaskSpec:
    return _rows(
        f"mlqa.{language}",
        language,
        **tfds(f"mlqa/{language}", {"validation": "validation", "test": "test"}),
        licence="CC BY-SA 3.0",
        citation="Lewis et al. 2020, ACL",
        sizes={"validation": validation, "test": test},
    )


def _subjqa(domain: str) -> TaskSpec:
    """Reviews of one domain; about a third of the questions have no answer in the review."""
    return _rows(
        f"subjqa.{domain}",
        **hub("megagonlabs/subjqa", domain, revision=PARQUET),
        licence="unknown",
        citation="Bjerva et al. 2020, EMNLP",
    )


def _mrqa(name: str, file: str, licence: str, citation: str, sizes: Mapping[str, int]) -> TaskSpec:
    """A data set in the form of the MRQA 2019 shared task: answerable questions, answers in the passage.

    The tasks without a training file were the tests out of domain.
    """
    folders = {"train": "train", "validation": "dev", "test": "dev"}
    return TaskSpec(
        name=name,
        family="MRC",
        language="en",
        atom="ext",
        splits={split: (f"{split}.jsonl",) for split in sizes},
        read=reader(jsonl(), mrqa_questions),
        source=Files({f"{split}.jsonl": Remote(f"{MRQA}/{folders[split]}/{file}.jsonl.gz") for split in sizes}),
        licence=licence,
        citation=f"{citation}; Fisch et al. 2019, MRQA",
        verified="schema",
        sizes=sizes,
    )


def _of_language(prefix: str) -> Callable[[dict], bool]:
    return lambda row: row["id"].startswith(f"{prefix}-")


TASKS = (
    _xquad("en", "e4c57d1c9143aaa1c5d265ba5987a65f4e69528d2a98f29d6e75019b10344f29"),
    _xquad("zh", "691d0b3359bc6b8faa8de931dfdfe21d50a65861ae348e32a0d1a0190b0c8835"),
    _rows(
        "squad",
        **hub("rajpurkar/squad", splits=TRAIN_AND_VALIDATION),
        licence="CC BY-SA 4.0",
        citation="Rajpurkar et al. 2016, EMNLP",
        sizes={"train": 87599, "validation": 10570},
    ),
    _rows(
        "squad_v2",
        **hub("rajpurkar/squad_v2", splits=TRAIN_AND_VALIDATION),
        licence="CC BY-SA 4.0",
        citation="Rajpurkar et al. 2018, ACL",
        sizes={"train": 130319, "validation": 11873},
    ),
    _rows(
        "adversarial_qa",
        **hub("UCLNLP/adversarial_qa", "adversarialQA", TRAIN_AND_VALIDATION),
        licence="CC BY-SA 4.0",
        citation="Bartolo et al. 2020, TACL",
        sizes={"train": 30000, "validation": 3000},
    ),
    # A question asks for all that one mention stands for: often several spans.
    _rows(
        "quoref",
        build=question_rows(all_answers=True),
        **hub("allenai/quoref", splits=TRAIN_AND_VALIDATION, revision=PARQUET),
        licence="CC BY 4.0",
        citation="Dasigi et al. 2019, EMNLP",
        sizes={"train": 19399, "validation": 2418},
    ),
    # Some answers stand in the question alone; they are skipped.
    _rows(
        "ropes",
        build=question_rows(lambda row: f"{row['background']} {row['situation']}"),
        **hub("allenai/ropes", splits=TRAIN_AND_VALIDATION),
        licence="CC BY 4.0",
        citation="Lin et al. 2019, MRQA",
        sizes={"train": 10924, "validation": 1688},
    ),
    # The training split holds nine languages; English ids begin with their language.
    _rows(
        "tydiqa",
        build=question_rows(applies=_of_language("english")),
        **tfds("tydi_qa/goldp", {"train": "train", "validation": "validation-en"}),
        licence="Apache-2.0",
        citation="Clark et al. 2020, TACL",
        sizes={"train": 3696, "validation": 440},
    ),
    _mlqa("en", 1148, 11590),
    _mlqa("zh", 504, 5137),
    *map(_subjqa, ("books", "electronics", "grocery", "movies", "restaurants", "tripadvisor")),
    _mrqa("newsqa", "NewsQA", "CNN: research", "Trischler et al. 2017, RepL4NLP", {"train": 74160, "validation": 4212}),
    _mrqa("triviaqa", "TriviaQA-web", "Apache-2.0", "Joshi et al. 2017, ACL", {"train": 61688, "validation": 7785}),
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
