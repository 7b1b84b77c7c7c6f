"""NLI in English, and the English halves of bilingual data sets."""

from collections.abc import Mapping
from typing import Any

from seqgpt_jax.data.raw.sources import PARQUET, github
from seqgpt_jax.data.raw.task_spec import TaskSpec
from seqgpt_jax.tasks.readers.delimited import delimited
from seqgpt_jax.tasks.readers.fields import sentence_pair
from seqgpt_jax.tasks.readers.hub import hub, tfds
from seqgpt_jax.tasks.readers.jsonl import jsonl
from seqgpt_jax.tasks.readers.names import named
from seqgpt_jax.tasks.readers.record import reader

THREE = {"entailment": "entailment", "neutral": "neutral", "contradiction": "contradiction"}
TWO = {"entailment": "entailment", "not_entailment": "not entailment"}
PARAPHRASE = {"different_meaning": "different meaning", "paraphrase": "paraphrase"}
TRAIN_AND_VALIDATION = {"train": "train", "validation": "validation"}
# GLUE's test sets have no labels (TFDS hides those of MRPC too); MNLI's second validation set, of
# other genres, serves as one.
MNLI_SPLITS = {"train": "train", "validation": "validation_matched", "test": "validation_mismatched"}


def _pairs(name: str, premise: str, hypothesis: str, names: Mapping[str, str], **rest: Any) -> TaskSpec:
    """Rows of a sentence pair and a `label`, whose codes are `names`."""
    return TaskSpec(
        name=name,
        family="NLI",
        language="en",
        atom="cls",
        read=reader(jsonl(), sentence_pair(premise, hypothesis, "label", named(names))),
        exclusive=True,
        verified="schema",
        **rest,
    )


def _anli(number: int, train: int, others: int) -> TaskSpec:
    """One round: the premises and the opponent of each are its own."""
    return _pairs(
        f"anli.r{number}",
        "context",
        "hypothesis",
        {"e": "entailment", "n": "neutral", "c": "contradiction"},
        **tfds(f"anli/r{number}"),
        licence="CC BY-NC 4.0",
        citation="Nie et al. 2020, ACL",
        sizes={"train": train, "validation": others, "test": others},
    )


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
        source=github(
            "MJ-Jang/BECEL",
            "f5bdd1196e46323e6ec3f4e651bcad78b1883b04",
            {"train.tsv": "data/rte/train.tsv", "validation.tsv": "data/rte/validation.tsv"},
            sha256={
                "train.tsv": "ce0f22b6604746fa2c8993aebe0977325f393ec2f91dbc676d3b865ba68c01ba",
                "validation.tsv": "4e5bbf1caef007b5ba2854e688dc8ec428e2cf23db3b1aa68e19cc2314bc8311",
            },
        ),
        licence="RTE (GLUE): research",
        citation="Wang et al. 2019, ICLR (GLUE)",
        verified="files",
        sizes={"train": 2490, "validation": 277},
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
        source=github(
            "MJ-Jang/BECEL",
            "f5bdd1196e46323e6ec3f4e651bcad78b1883b04",
            {"validation.tsv": "data/snli/validation.tsv", "test.tsv": "data/snli/test.tsv"},
        ),
        licence="CC BY-SA 4.0",
        citation="Bowman et al. 2015, EMNLP",
        verified="files",
        sizes={"validation": 3941, "test": 3924},
    ),
    _pairs(
        "mnli",
        "premise",
        "hypothesis",
        THREE,
        **tfds("glue/mnli", MNLI_SPLITS),
        licence="OANC and others: research",
        citation="Williams et al. 2018, NAACL",
        sizes={"train": 392702, "validation": 9815, "test": 9832},
    ),
    _pairs(
        "qnli",
        "question",
        "sentence",
        TWO,
        **tfds("glue/qnli", TRAIN_AND_VALIDATION),
        licence="CC BY-SA 4.0",
        citation="Wang et al. 2019, ICLR (GLUE)",
        sizes={"train": 104743, "validation": 5463},
    ),
    _pairs(
        "wnli",
        "sentence1",
        "sentence2",
        TWO,
        **tfds("glue/wnli", TRAIN_AND_VALIDATION),
        licence="CC BY 4.0",
        citation="Levesque et al. 2012, KR",
        sizes={"train": 635, "validation": 71},
    ),
    _pairs(
        "mrpc",
        "sentence1",
        "sentence2",
        {"not_equivalent": "not equivalent", "equivalent": "equivalent"},
        **tfds("glue/mrpc", TRAIN_AND_VALIDATION),
        licence="Microsoft Research Paraphrase Corpus: research",
        citation="Dolan and Brockett 2005, IWP",
        sizes={"train": 3668, "validation": 408},
    ),
    _pairs(
        "qqp",
        "question1",
        "question2",
        {"not_duplicate": "not duplicate", "duplicate": "duplicate"},
        **tfds("glue/qqp", TRAIN_AND_VALIDATION),
        licence="Quora terms: non-commercial",
        citation="Wang et al. 2019, ICLR (GLUE)",
        sizes={"train": 363846, "validation": 40430},
    ),
    _pairs(
        "cb",
        "premise",
        "hypothesis",
        THREE,
        **tfds("super_glue/cb", TRAIN_AND_VALIDATION),
        licence="CommitmentBank: research",
        citation="de Marneffe et al. 2019, Sinn und Bedeutung",
        sizes={"train": 250, "validation": 56},
    ),
    _anli(1, 16946, 1000),
    _anli(2, 45460, 1000),
    _anli(3, 100459, 1200),
    _pairs(
        "scitail",
        "premise",
        "hypothesis",
        {"entails": "entailment", "neutral": "neutral"},
        **tfds("sci_tail"),
        licence="Apache-2.0",
        citation="Khot et al. 2018, AAAI",
        sizes={"train": 23097, "validation": 1304, "test": 2126},
    ),
    _pairs(
        "sick",
        "sentence_A",
        "sentence_B",
        THREE,
        **hub("RobZamp/sick", revision=PARQUET),
        licence="CC BY-NC-SA 3.0",
        citation="Marelli et al. 2014, LREC",
        sizes={"train": 4439, "validation": 495, "test": 4906},
    ),
    _pairs(
        "hans",
        "premise",
        "hypothesis",
        {"entailment": "entailment", "non-entailment": "not entailment"},
        **hub("jhu-cogsci/hans", splits=TRAIN_AND_VALIDATION, revision=PARQUET),
        licence="MIT",
        citation="McCoy et al. 2019, ACL",
        sizes={"train": 30000, "validation": 30000},
    ),
    TaskSpec(
        name="wanli",
        family="NLI",
        language="en",
        atom="cls",
        read=reader(jsonl(), sentence_pair("premise", "hypothesis", "gold", named(THREE))),
        exclusive=True,
        **hub("alisawuffles/WANLI", splits={"train": "train", "test": "test"}),
        licence="CC BY 4.0",
        citation="Liu et al. 2022, Findings of EMNLP",
        verified="schema",
        sizes={"train": 102885, "test": 5000},
    ),
    _pairs(
        "vitaminc",
        "evidence",
        "claim",
        {"SUPPORTS": "supports", "REFUTES": "refutes", "NOT ENOUGH INFO": "not enough information"},
        **hub("tals/vitaminc"),
        licence="CC BY-SA 3.0",
        citation="Schuster et al. 2021, NAACL",
        sizes={"train": 370653, "validation": 63054, "test": 55197},
    ),
    _pairs(
        "paws",
        "sentence1",
        "sentence2",
        PARAPHRASE,
        **tfds("paws_wiki/labeled_final_tokenized"),
        licence="free for any purpose",
        citation="Zhang et al. 2019, NAACL",
        sizes={"train": 49401, "validation": 8000, "test": 8000},
    ),
    _pairs(
        "paws_x.en",
        "sentence1",
        "sentence2",
        PARAPHRASE,
        **tfds("paws_x_wiki/en"),
        licence="free for any purpose",
        citation="Yang et al. 2019, EMNLP",
    ),
    _pairs(
        "xnli.en",
        "premise",
        "hypothesis",
        THREE,
        **hub("facebook/xnli", "en"),
        licence="CC BY-NC 4.0",
        citation="Conneau et al. 2018, EMNLP",
        sizes={"train": 392702, "validation": 2490, "test": 5010},
    ),
)
