"""Samples of the NER tasks in biomedical English: all of one form."""

from tests.tasks.schema.columns import columns, everywhere
from tests.tasks.schema.sample import Gold, Sample


def _corpus(sentence: str, text: str, gold: Gold, between: str = "") -> Sample:
    files = ("train.tsv", "devel.tsv", "test.tsv")
    content = columns(sentence, "Results/O", between=between)
    return everywhere(content, files, (text, gold), ("Results", {}))


SAMPLES: dict[str, Sample] = {
    "anatem": _corpus("the/O left/B-Anatomy ear/I-Anatomy", "the left ear", {"anatomy": ("left ear",)}),
    "bc2gm": _corpus("MX/B-GENE -/I-GENE 7/I-GENE and/O abc/B-GENE", "MX-7 and abc", {"gene": ("MX-7", "abc")}),
    "bc4chemd": _corpus("zinc/B-Chemical oxide/I-Chemical film/O", "zinc oxide film", {"chemical": ("zinc oxide",)}),
    "ncbi_disease": _corpus("type/O 3/O gout/B-Disease", "type 3 gout", {"disease": ("gout",)}),
    "jnlpba": _corpus(
        "ZK2/B-protein in/O B/B-cell_type cells/I-cell_type lowers/O ZK2/B-RNA mRNA/I-RNA",
        "ZK2 in B cells lowers ZK2 mRNA",
        {"protein": ("ZK2",), "cell type": ("B cells",), "RNA": ("ZK2 mRNA",)},
        between="-DOCSTART-\tO\n\n",
    ),
    "linnaeus": _corpus("two/O mice/B-Species", "two mice", {"species": ("mice",)}),
    "craft": _corpus(
        "rat/B-Taxon exon/B-SO of/O Pqr1/B-GGP",
        "rat exon of Pqr1",
        {"organism": ("rat",), "sequence feature": ("exon",), "gene or gene product": ("Pqr1",)},
    ),
    **{
        name: _corpus("Abc1/B-Protein binds/O Xyz/B-Protein", "Abc1 binds Xyz", {"protein": ("Abc1", "Xyz")})
        for name in ("bionlp09", "bionlp11epi", "bionlp13ge", "ex_ptm")
    },
    "bionlp11id": _corpus(
        "the/O abcD/B-Regulon-operon operon/I-Regulon-operon of/O V./B-Organism minor/I-Organism",
        "the abcD operon of V. minor",
        {"regulon or operon": ("abcD operon",), "organism": ("V. minor",)},
    ),
    "bionlp13cg": _corpus(
        "skin/B-Multi-tissue_structure tumor/B-Cancer cells/B-Cell",
        "skin tumor cells",
        {"multi-tissue structure": ("skin",), "cancer": ("tumor",), "cell": ("cells",)},
    ),
    "bionlp13pc": _corpus(
        "Xy9/B-Gene_or_gene_product -/O Zw/B-Complex dimer/I-Complex",
        "Xy9-Zw dimer",
        {"gene or gene product": ("Xy9",), "complex": ("Zw dimer",)},
    ),
}
