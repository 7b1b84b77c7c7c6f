"""NER in biomedical English: the corpora that Crichton et al. brought into one form."""

from collections.abc import Mapping

from seqgpt_jax.data.raw.sources import github
from seqgpt_jax.data.raw.task_spec import TaskSpec
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
JNLPBA_TYPES = {
    "DNA": "DNA",
    "RNA": "RNA",
    "cell_line": "cell line",
    "cell_type": "cell type",
    "protein": "protein",
}


def _corpus(
    name: str,
    folder: str,
    citation: str,
    naming: Naming = spelled_out,
    *,
    licence: str = "research",
    verified: str = "schema",
    sizes: Mapping[str, int] | None = None,
) -> TaskSpec:
    """A corpus of github.com/cambridgeltl/MTL-Bioinformatics-2016."""
    files = {"train": "train.tsv", "validation": "devel.tsv", "test": "test.tsv"}
    return TaskSpec(
        name=name,
        family="NER",
        language="en",
        atom="ext",
        splits={split: (file,) for split, file in files.items()},
        read=reader(conll(comment="-DOCSTART-"), entities(naming)),
        licence=licence,
        source=github(
            "cambridgeltl/MTL-Bioinformatics-2016",
            "df0df02fae6dbb87d88ffcf323b9096528f06f84",
            {file: f"data/{folder}/{file}" for file in files.values()},
        ),
        citation=citation,
        verified=verified,
        sizes=sizes or {},
    )


TASKS = (
    _corpus(
        "bc5cdr",
        "BC5CDR-IOB",
        "Li et al. 2016, BioCreative V CDR, Database",
        licence="CC BY 4.0",
        verified="files",
        sizes={"train": 3708, "validation": 3776, "test": 3777},
    ),
    _corpus("anatem", "AnatEM-IOB", "Pyysalo and Ananiadou 2014, Bioinformatics", licence="CC BY-SA 3.0"),
    _corpus("bc2gm", "BC2GM-IOB", "Smith et al. 2008, BioCreative II, Genome Biology"),
    _corpus("bc4chemd", "BC4CHEMD", "Krallinger et al. 2015, CHEMDNER, Journal of Cheminformatics"),
    _corpus("ncbi_disease", "NCBI-disease-IOB", "Dogan, Leaman and Lu 2014, Journal of Biomedical Informatics"),
    _corpus("jnlpba", "JNLPBA", "Collier and Kim 2004, JNLPBA", named(JNLPBA_TYPES), licence="CC BY 3.0"),
    _corpus("linnaeus", "linnaeus-IOB", "Gerner, Nenadic and Bergman 2010, BMC Bioinformatics"),
    _corpus("craft", "CRAFT-IOB", "Bada et al. 2012, BMC Bioinformatics", named(CRAFT_TYPES), licence="CC BY 3.0"),
    _corpus("bionlp11id", "BioNLP11ID-IOB", "Pyysalo et al. 2012, BMC Bioinformatics"),
    _corpus("bionlp13cg", "BioNLP13CG-IOB", "Pyysalo, Ohta and Ananiadou 2013, BioNLP"),
    _corpus("bionlp13pc", "BioNLP13PC-IOB", "Ohta et al. 2013, BioNLP"),
)
