"""RE in the abstracts of science and medicine."""

from collections.abc import Iterator

from seqgpt_jax.data.raw.sources import Files, Remote, github
from seqgpt_jax.data.raw.task_spec import TaskSpec
from seqgpt_jax.tasks.readers.documents import parts
from seqgpt_jax.tasks.readers.fields import pairs
from seqgpt_jax.tasks.readers.jsonl import jsonl
from seqgpt_jax.tasks.readers.marked import marked_records
from seqgpt_jax.tasks.readers.names import named
from seqgpt_jax.tasks.readers.record import reader
from seqgpt_jax.tasks.relations.pairs import pair_typing, words

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
    tokens = [token for sentence in row["sentences"] for token in sentence]
    kind, relation = named(SCIERC_TYPES), named(SCIERC_RELATIONS)
    for sentence, spans, pairs_found in zip(row["sentences"], row["ner"], row["relations"], strict=True):
        yield {
            "text": " ".join(sentence),
            "spans": [(kind(code), words(tokens, start, end + 1)) for start, end, code in sorted(spans)],
            "triples": [
                (words(tokens, a, b + 1), relation(code), words(tokens, c, d + 1)) for a, b, c, d, code in pairs_found
            ],
        }


_SCIERC = {
    "family": "RE",
    "language": "en",
    "splits": {"train": ("train.json",), "validation": ("dev.json",), "test": ("test.json",)},
    "licence": "unknown: research",
    "citation": "Luan et al. 2018, EMNLP",
    "source": Files(
        {
            name: Remote(
                "http://nlp.cs.washington.edu/sciIE/data/sciERC_processed.tar.gz", member=f"processed_data/json/{name}"
            )
            for name in ("train.json", "dev.json", "test.json")
        }
    ),
    "verified": "schema",
}
_SCIERC_SENTENCES = parts(jsonl(), scierc_sentences)
_CHEMPROT_FILES = {"train": "train.txt", "validation": "dev.txt", "test": "test.txt"}

TASKS = (
    TaskSpec(
        name="scierc.spans",
        atom="ext",
        read=reader(_SCIERC_SENTENCES, pairs("text", lambda row: row["spans"])),
        sizes={"train": 1861, "validation": 275, "test": 551},
        **_SCIERC,
    ),
    TaskSpec(
        name="scierc.typing",
        atom="cls",
        read=reader(_SCIERC_SENTENCES, pair_typing(lambda row: (row["text"], row["triples"]), "en")),
        **_SCIERC,
    ),
    TaskSpec(
        # The mention that comes first is in << >>; it may be the chemical or the protein.
        name="chemprot",
        family="RE",
        language="en",
        atom="cls",
        splits={split: (name,) for split, name in _CHEMPROT_FILES.items()},
        read=reader(
            jsonl(), marked_records("text", "label", named(CHEMPROT_RELATIONS), ("<< ", " >>"), ("[[ ", " ]]"), "en")
        ),
        exclusive=True,
        source=github(
            "allenai/scibert",
            "8d55680cf424898df48656d69002c7366c9c6ba1",
            {name: f"data/text_classification/chemprot/{name}" for name in _CHEMPROT_FILES.values()},
        ),
        licence="BioCreative VI: research",
        citation="Krallinger et al. 2017, BioCreative VI; Beltagy et al. 2019, EMNLP",
        verified="schema",
        sizes={"train": 4169, "validation": 2427, "test": 3469},
    ),
)
