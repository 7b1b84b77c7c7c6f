"""NER in biomedical English: the corpora that Crichton et al. brought into one form."""

from typing import Any

from seqgpt_jax.data.raw.sources import github
from seqgpt_jax.data.raw.task_spec import DatasetSpec, Task
from seqgpt_jax.tasks.declarations import task_specs
from seqgpt_jax.tasks.readers.conll import conll, entities
from seqgpt_jax.tasks.readers.names import Naming, named, spelled_out
from seqgpt_jax.tasks.readers.record import reader

CRAFT_TYPES = {
    "CHEBI": "chemical",
    "CL": "cell",
    "GGP": "gene or gene product",
    "GO": "cellular component",
    "SO": "sequence feature",
    "Taxon": "organism",
}
# Codes whose words alone say something else.
OTHER_TYPES = {"Multi-tissue_structure": "multi-tissue structure", "Regulon-operon": "regulon or operon"}
JNLPBA_TYPES = {
    "DNA": "DNA",
    "RNA": "RNA",
    "cell_line": "cell line",
    "cell_type": "cell type",
    "protein": "protein",
}


def type_words(code: str) -> str:
    """The words of a type.

    >>> type_words("Regulon-operon"), type_words("Simple_chemical")
    ('regulon or operon', 'simple chemical')
    """
    return OTHER_TYPES.get(code) or spelled_out(code)


def _corpus(
    name: str,
    folder: str,
    citation: str,
    naming: Naming = type_words,
    license: str = "research",
    pieces: bool = True,
    **facts: Any,
) -> DatasetSpec:
    return DatasetSpec(
        name,
        github(
            "cambridgeltl/MTL-Bioinformatics-2016", "df0df02fae6dbb87d88ffcf323b9096528f06f84", f"data/{folder}/{{}}"
        ),
        license,
        citation,
        splits={"train": ("train.tsv",), "validation": ("devel.tsv",), "test": ("test.tsv",)},
        tasks=(Task("NER", "en", reader(conll(comment="-DOCSTART-"), entities(naming, pieces=pieces))),),
        **facts,
    )


TASKS = task_specs(
    _corpus(
        "bc5cdr",
        "BC5CDR-IOB",
        "Li et al. 2016, BioCreative V CDR, Database",
        license="CC BY 4.0",
        verified="files",
        sizes={"train": 3708, "validation": 3776, "test": 3777},
    ),
    _corpus("anatem", "AnatEM-IOB", "Pyysalo and Ananiadou 2014, Bioinformatics", license="CC BY-SA 3.0"),
    _corpus("bc2gm", "BC2GM-IOB", "Smith et al. 2008, BioCreative II, Genome Biology"),
    _corpus("bc4chemd", "BC4CHEMD", "Krallinger et al. 2015, CHEMDNER, Journal of Cheminformatics"),
    _corpus("ncbi_disease", "NCBI-disease-IOB", "Dogan, Leaman and Lu 2014, Journal of Biomedical Informatics"),
    # The others cut words at all punctuation.
    _corpus("jnlpba", "JNLPBA", "Collier and Kim 2004, JNLPBA", named(JNLPBA_TYPES), "CC BY 3.0", pieces=False),
    _corpus("linnaeus", "linnaeus-IOB", "Gerner, Nenadic and Bergman 2010, BMC Bioinformatics"),
    _corpus("craft", "CRAFT-IOB", "Bada et al. 2012, BMC Bioinformatics", named(CRAFT_TYPES), license="CC BY 3.0"),
    _corpus("bionlp09", "BioNLP09-IOB", "Kim et al. 2009, BioNLP shared task"),
    _corpus("bionlp11epi", "BioNLP11EPI-IOB", "Ohta, Pyysalo and Tsujii 2011, BioNLP shared task"),
    _corpus("bionlp11id", "BioNLP11ID-IOB", "Pyysalo et al. 2012, BMC Bioinformatics"),
    _corpus("bionlp13cg", "BioNLP13CG-IOB", "Pyysalo, Ohta and Ananiadou 2013, BioNLP"),
    _corpus("bionlp13ge", "BioNLP13GE-IOB", "Kim, Wang and Yasunori 2013, BioNLP shared task"),
    _corpus("bionlp13pc", "BioNLP13PC-IOB", "Ohta et al. 2013, BioNLP"),
    _corpus("ex_ptm", "Ex-PTM-IOB", "Pyysalo et al. 2011, BioNLP"),
)
