"""RE in the abstracts of science and medicine."""

from collections.abc import Iterator
from operator import itemgetter

from seqgpt_jax.data.raw.sources import FilePattern, github
from seqgpt_jax.data.raw.task_spec import DatasetSpec, Task
from seqgpt_jax.tasks.declarations import task_specs
from seqgpt_jax.tasks.drugs import ADE
from seqgpt_jax.tasks.readers.detokenization import Words
from seqgpt_jax.tasks.readers.documents import parts
from seqgpt_jax.tasks.readers.fields import pairs
from seqgpt_jax.tasks.readers.jsonl import jsonl
from seqgpt_jax.tasks.readers.marked import marked_records
from seqgpt_jax.tasks.readers.names import named
from seqgpt_jax.tasks.readers.record import reader
from seqgpt_jax.tasks.relations.pairs import pair_typing, two_steps

SCIERC_TYPES = {
    "Generic": "generic term",
    "Material": "material",
    "Method": "method",
    "Metric": "metric",
    "OtherScientificTerm": "other scientific term",
    "Task": "task",
}
SCIERC_RELATIONS = {
    "COMPARE": "compared with",
    "CONJUNCTION": "conjunction",
    "EVALUATE-FOR": "evaluates",
    "FEATURE-OF": "feature of",
    "HYPONYM-OF": "hyponym of",
    "PART-OF": "part of",
    "USED-FOR": "used for",
}
CHEMPROT_RELATIONS = {
    "ACTIVATOR": "activator",
    "AGONIST": "agonist",
    "AGONIST-ACTIVATOR": "agonist and activator",
    "AGONIST-INHIBITOR": "agonist and inhibitor",
    "ANTAGONIST": "antagonist",
    "DOWNREGULATOR": "downregulator",
    "INDIRECT-DOWNREGULATOR": "indirect downregulator",
    "INDIRECT-UPREGULATOR": "indirect upregulator",
    "INHIBITOR": "inhibitor",
    "PRODUCT-OF": "product",
    "SUBSTRATE": "substrate",
    "SUBSTRATE_PRODUCT-OF": "substrate and product",
    "UPREGULATOR": "upregulator",
}


def scierc_sentences(row: dict) -> Iterator[dict]:
    """SciERC: the sentences of an abstract; places count its tokens, and the last one is part of a span."""
    first = 0
    kind, relation = named(SCIERC_TYPES), named(SCIERC_RELATIONS)
    for sentence, spans, pairs_found in zip(row["sentences"], row["ner"], row["relations"], strict=True):
        words = Words.english(sentence)

        def span(start: int, last: int, words: Words = words, first: int = first) -> str:
            return words.span(start - first, last + 1 - first)

        yield {
            "text": words.text,
            "spans": [(kind(code), span(start, end)) for start, end, code in sorted(spans)],
            "triples": [(span(a, b), relation(code), span(c, d)) for a, b, c, d, code in pairs_found],
        }
        first += len(sentence)


_SCIERC_SENTENCES = parts(jsonl(), scierc_sentences)

TASKS = task_specs(
    ADE.only("RE"),
    DatasetSpec(
        "scierc",
        FilePattern("http://nlp.cs.washington.edu/sciIE/data/sciERC_processed.tar.gz", "processed_data/json/{}"),
        license="unknown: research",
        citation="Luan et al. 2018, EMNLP",
        splits={"train": ("train.json",), "validation": ("dev.json",), "test": ("test.json",)},
        tasks=two_steps(
            "en",
            reader(_SCIERC_SENTENCES, pairs("text", itemgetter("spans"))),
            reader(_SCIERC_SENTENCES, pair_typing(itemgetter("text", "triples"), "en")),
            sentences={"train": 1861, "validation": 275, "test": 551},
        ),
    ),
    DatasetSpec(
        # The mention that comes first is in << >>; it may be the chemical or the protein.
        "chemprot",
        github("allenai/scibert", "8d55680cf424898df48656d69002c7366c9c6ba1", "data/text_classification/chemprot/{}"),
        license="BioCreative VI: research",
        citation="Krallinger et al. 2017, BioCreative VI; Beltagy et al. 2019, EMNLP",
        contradictions="a pair with several relations, or twice in its sentence, is there with each of them",
        held_out=True,
        splits={"train": ("train.txt",), "validation": ("dev.txt",), "test": ("test.txt",)},
        sizes={"train": 4169, "validation": 2427, "test": 3469},
        tasks=(
            Task(
                "RE",
                "en",
                reader(
                    jsonl(),
                    marked_records("text", "label", named(CHEMPROT_RELATIONS), ("<< ", " >>"), ("[[ ", " ]]"), "en"),
                ),
                atom="cls",
                exclusive=True,
            ),
        ),
    ),
)
