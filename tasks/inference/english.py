"""NLI and paraphrase in English."""

from collections.abc import Iterator, Mapping
from typing import Any

from seqgpt_jax.atomic import Instance, families
from seqgpt_jax.data.raw.sources import PARQUET, FilePattern, github
from seqgpt_jax.data.raw.task_spec import DatasetSpec, Skipped, Task
from seqgpt_jax.tasks.declarations import task_specs
from seqgpt_jax.tasks.readers.delimited import delimited
from seqgpt_jax.tasks.readers.fields import degree, sentence_pair
from seqgpt_jax.tasks.readers.hub import hub, tfds
from seqgpt_jax.tasks.readers.jsonl import jsonl
from seqgpt_jax.tasks.readers.names import named
from seqgpt_jax.tasks.readers.record import Record, Records, reader
from seqgpt_jax.tasks.readers.references import refers

THREE = {"entailment": "entailment", "neutral": "neutral", "contradiction": "contradiction"}
TWO = {"entailment": "entailment", "not_entailment": "not entailment"}
PARAPHRASE = {"different_meaning": "different meaning", "paraphrase": "paraphrase"}
TRAIN_AND_VALIDATION = {"train": "train", "validation": "validation"}
# GLUE's test sets have no labels (TFDS hides those of MRPC too); MNLI's second validation set, of
# other genres, serves as one.
MNLI_SPLITS = {"train": "train", "validation": "validation_matched", "test": "validation_mismatched"}

SIMILARITY = (
    *("completely different", "different, on the same topic", "different, some details shared"),
    *("roughly equivalent", "mostly equivalent", "completely equivalent"),
)
YES_OR_NO = {"False": "no", "True": "yes"}


def pair(
    premise: str,
    hypothesis: str,
    names: Mapping[str, str],
    label: str = "label",
    records: Records | None = None,
    **differences: Any,
) -> Task:
    """Rows (JSON lines unless `records` says otherwise) of a sentence pair and a label, whose codes are `names`."""
    read = reader(records or jsonl(), sentence_pair(premise, hypothesis, label, named(names)))
    return Task("NLI", "en", read, exclusive=True, **differences)


def same_sense(record: Record) -> Iterator[Instance | Skipped]:
    """WiC: whether a word has one sense in two sentences."""
    row = record.value
    if row["label"] is None:
        yield Skipped(record.id, "no_gold_label")
        return
    asked = f"{row['sentence1']}\t{row['sentence2']}\tdoes {row['word']} have the same meaning in both sentences?"
    yield families.classification(record.id, asked, [named(YES_OR_NO)(row["label"])])


def _becel(folder: str) -> FilePattern:
    return github("MJ-Jang/BECEL", "f5bdd1196e46323e6ec3f4e651bcad78b1883b04", f"data/{folder}/{{}}")


def _anli(number: int, train: int, others: int) -> Task:
    """One round: the premises and the opponent of each are its own."""
    return pair(
        "context",
        "hypothesis",
        {"e": "entailment", "n": "neutral", "c": "contradiction"},
        name=f"r{number}",
        source=tfds(f"anli/r{number}"),
        sizes={"train": train, "validation": others, "test": others},
    )


TASKS = task_specs(
    DatasetSpec(
        "rte",
        _becel("rte"),
        license="RTE (GLUE): research",
        citation="Wang et al. 2019, ICLR (GLUE)",
        verified="files",
        splits={"train": ("train.tsv",), "validation": ("validation.tsv",)},
        sizes={"train": 2490, "validation": 277},
        tasks=(pair("sentence1", "sentence2", {"0": "entailment", "1": "not entailment"}, records=delimited("\t")),),
    ),
    DatasetSpec(
        "snli",
        _becel("snli"),
        license="CC BY-SA 4.0",
        citation="Bowman et al. 2015, EMNLP",
        verified="files",
        splits={"validation": ("validation.tsv",), "test": ("test.tsv",)},
        sizes={"validation": 3941, "test": 3924},
        tasks=(
            pair(
                "premise",
                "hypothesis",
                {"0": "entailment", "1": "neutral", "2": "contradiction"},
                records=delimited("\t"),
                held_out=True,
            ),
        ),
    ),
    DatasetSpec(
        "mnli",
        tfds("glue/mnli", MNLI_SPLITS),
        license="OANC and others: research",
        citation="Williams et al. 2018, NAACL",
        sizes={"train": 392702, "validation": 9815, "test": 9832},
        tasks=(pair("premise", "hypothesis", THREE),),
    ),
    DatasetSpec(
        "qnli",
        tfds("glue/qnli", TRAIN_AND_VALIDATION),
        license="CC BY-SA 4.0",
        citation="Wang et al. 2019, ICLR (GLUE)",
        sizes={"train": 104743, "validation": 5463},
        tasks=(pair("question", "sentence", TWO),),
    ),
    DatasetSpec(
        "wnli",
        tfds("glue/wnli", TRAIN_AND_VALIDATION),
        license="CC BY 4.0",
        citation="Levesque et al. 2012, KR",
        overlaps=("wsc",),
        sizes={"train": 635, "validation": 71},
        tasks=(pair("sentence1", "sentence2", TWO),),
    ),
    DatasetSpec(
        "mrpc",
        tfds("glue/mrpc", TRAIN_AND_VALIDATION),
        license="Microsoft Research Paraphrase Corpus: research",
        citation="Dolan and Brockett 2005, IWP",
        sizes={"train": 3668, "validation": 408},
        tasks=(pair("sentence1", "sentence2", {"not_equivalent": "not equivalent", "equivalent": "equivalent"}),),
    ),
    DatasetSpec(
        "qqp",
        tfds("glue/qqp", TRAIN_AND_VALIDATION),
        license="Quora terms: non-commercial",
        citation="Wang et al. 2019, ICLR (GLUE)",
        sizes={"train": 363846, "validation": 40430},
        tasks=(pair("question1", "question2", {"not_duplicate": "not duplicate", "duplicate": "duplicate"}),),
    ),
    DatasetSpec(
        "cb",
        tfds("super_glue/cb", TRAIN_AND_VALIDATION),
        license="CommitmentBank: research",
        citation="de Marneffe et al. 2019, Sinn und Bedeutung",
        sizes={"train": 250, "validation": 56},
        tasks=(pair("premise", "hypothesis", THREE),),
    ),
    DatasetSpec(
        "anli",
        license="CC BY-NC 4.0",
        citation="Nie et al. 2020, ACL",
        tasks=(_anli(1, 16946, 1000), _anli(2, 45460, 1000), _anli(3, 100459, 1200)),
    ),
    DatasetSpec(
        "scitail",
        tfds("sci_tail"),
        license="Apache-2.0",
        citation="Khot et al. 2018, AAAI",
        held_out=True,
        sizes={"train": 23097, "validation": 1304, "test": 2126},
        tasks=(pair("premise", "hypothesis", {"entails": "entailment", "neutral": "neutral"}),),
    ),
    DatasetSpec(
        # Similarity by degrees: those of the annotators' guidelines, of scores that are means of theirs.
        "stsb",
        tfds("glue/stsb", TRAIN_AND_VALIDATION),
        license="STS benchmark: research",
        citation="Cer et al. 2017, SemEval; Wang et al. 2019, ICLR (GLUE)",
        sizes={"train": 5749, "validation": 1500},
        tasks=(
            Task(
                "NLI",
                "en",
                reader(jsonl(), sentence_pair("sentence1", "sentence2", "label", degree(SIMILARITY))),
                exclusive=True,
            ),
        ),
    ),
    DatasetSpec(
        "wic",
        tfds("super_glue/wic", TRAIN_AND_VALIDATION),
        license="CC BY-NC 4.0",
        citation="Pilehvar and Camacho-Collados 2019, NAACL",
        sizes={"train": 5428, "validation": 638},
        tasks=(Task("NLI", "en", reader(jsonl(), same_sense), exclusive=True),),
    ),
    DatasetSpec(
        "wsc",
        tfds("super_glue/wsc", TRAIN_AND_VALIDATION),
        license="CC BY 4.0",
        citation="Levesque et al. 2012, KR; Wang et al. 2019, NeurIPS (SuperGLUE)",
        sizes={"train": 554, "validation": 104},
        tasks=(Task("NLI", "en", reader(jsonl(), refers("en", YES_OR_NO)), exclusive=True),),
    ),
    DatasetSpec(
        "sick",
        hub("RobZamp/sick", revision=PARQUET),
        license="CC BY-NC-SA 3.0",
        citation="Marelli et al. 2014, LREC",
        sizes={"train": 4439, "validation": 495, "test": 4906},
        tasks=(pair("sentence_A", "sentence_B", THREE),),
    ),
    DatasetSpec(
        "hans",
        hub("jhu-cogsci/hans", splits=TRAIN_AND_VALIDATION, revision=PARQUET),
        license="MIT",
        citation="McCoy et al. 2019, ACL",
        sizes={"train": 30000, "validation": 30000},
        tasks=(pair("premise", "hypothesis", {"entailment": "entailment", "non-entailment": "not entailment"}),),
    ),
    DatasetSpec(
        "wanli",
        hub("alisawuffles/WANLI", splits={"train": "train", "test": "test"}),
        license="CC BY 4.0",
        citation="Liu et al. 2022, Findings of EMNLP",
        sizes={"train": 102885, "test": 5000},
        tasks=(pair("premise", "hypothesis", THREE, "gold"),),
    ),
    DatasetSpec(
        "vitaminc",
        hub("tals/vitaminc"),
        license="CC BY-SA 3.0",
        citation="Schuster et al. 2021, NAACL",
        sizes={"train": 370653, "validation": 63054, "test": 55197},
        tasks=(
            pair(
                "evidence",
                "claim",
                {"SUPPORTS": "supports", "REFUTES": "refutes", "NOT ENOUGH INFO": "not enough information"},
            ),
        ),
    ),
    DatasetSpec(
        "paws",
        tfds("paws_wiki/labeled_final_tokenized"),
        license="free for any purpose",
        citation="Zhang et al. 2019, NAACL",
        sizes={"train": 49401, "validation": 8000, "test": 8000},
        tasks=(pair("sentence1", "sentence2", PARAPHRASE),),
    ),
)
