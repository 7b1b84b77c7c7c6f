"""CLS: what an English text is about."""

from collections.abc import Iterator
from functools import partial
from operator import itemgetter

from seqgpt_jax.atomic import Instance, families
from seqgpt_jax.data.raw.sources import PARQUET, github
from seqgpt_jax.data.raw.task_spec import SPLITS, DatasetSpec, Task
from seqgpt_jax.tasks.declarations import task_specs
from seqgpt_jax.tasks.readers.delimited import delimited
from seqgpt_jax.tasks.readers.fields import labelled
from seqgpt_jax.tasks.readers.hub import hub
from seqgpt_jax.tasks.readers.jsonl import jsonl
from seqgpt_jax.tasks.readers.lines import lines
from seqgpt_jax.tasks.readers.names import named, numbered, spelled_out
from seqgpt_jax.tasks.readers.parallel import parallel
from seqgpt_jax.tasks.readers.record import Record, reader

QUESTION_TYPES = {
    "ABBR": "abbreviation",
    "DESC": "description",
    "ENTY": "entity",
    "HUM": "human",
    "LOC": "location",
    "NUM": "number",
}
NEWSGROUPS = {
    "alt.atheism": "atheism",
    "comp.graphics": "computer graphics",
    "comp.os.ms-windows.misc": "Microsoft Windows",
    "comp.sys.ibm.pc.hardware": "PC hardware",
    "comp.sys.mac.hardware": "Mac hardware",
    "comp.windows.x": "X Window System",
    "misc.forsale": "for sale",
    "rec.autos": "cars",
    "rec.motorcycles": "motorcycles",
    "rec.sport.baseball": "baseball",
    "rec.sport.hockey": "hockey",
    "sci.crypt": "cryptography",
    "sci.electronics": "electronics",
    "sci.med": "medicine",
    "sci.space": "space",
    "soc.religion.christian": "christianity",
    "talk.politics.guns": "gun politics",
    "talk.politics.mideast": "middle east politics",
    "talk.politics.misc": "other politics",
    "talk.religion.misc": "other religion",
}
ARXIV_SUBJECTS = {
    "cs.AI": "artificial intelligence",
    "cs.CE": "computational engineering",
    "cs.CV": "computer vision",
    "cs.DS": "data structures and algorithms",
    "cs.IT": "information theory",
    "cs.NE": "neural and evolutionary computing",
    "cs.PL": "programming languages",
    "cs.SY": "systems and control",
    "math.AC": "commutative algebra",
    "math.GR": "group theory",
    "math.ST": "statistics theory",
}
STACKOVERFLOW_TAGS = (
    *("WordPress", "Oracle", "Subversion", "Apache", "Excel", "MATLAB", "Visual Studio", "Cocoa", "OS X", "Bash"),
    *("Spring", "Hibernate", "Scala", "SharePoint", "Ajax", "Qt", "Drupal", "LINQ", "Haskell", "Magento"),
)
FINANCE_TOPICS = (
    *("analyst update", "central banks", "company and product news", "treasuries and corporate debt", "dividend"),
    *("earnings", "energy and oil", "financials", "currencies", "general news and opinion"),
    *("gold, metals and materials", "initial public offering", "legal and regulation", "mergers and investments"),
    *("macroeconomics", "markets", "politics", "personnel change", "stock commentary", "stock movement"),
)
COURT_ISSUES = {
    "1": "criminal procedure",
    "2": "civil rights",
    "3": "first amendment",
    "4": "due process",
    "5": "privacy",
    "6": "attorneys",
    "7": "unions",
    "8": "economic activity",
    "9": "judicial power",
    "10": "federalism",
    "11": "interstate relations",
    "12": "federal taxation",
    "13": "miscellaneous",
}
TRAIN_TEST = {"train": "train", "test": "test"}


def question_type(record: Record) -> Iterator[Instance]:
    """TREC: `COARSE:fine question`; the six coarse types are the labels."""
    code, _, question = record.value.partition(" ")
    coarse, colon, _ = code.partition(":")
    if not colon:
        raise ValueError(f"`COARSE:fine question` was expected, found {record.value!r}")
    yield families.classification(record.id, question, [named(QUESTION_TYPES)(coarse)])


def news_article(record: Record) -> Iterator[Instance]:
    """AG's News: title and description; a backslash stands there for a line break."""
    text = f"{record.value['title']} {record.value['description']}".replace("\\", " ")
    topic = numbered("world", "sports", "business", "science and technology", first=1)(record.value["class"])
    yield families.classification(record.id, text, [topic])


def joined_topics(code: str) -> str:
    """`Society & Culture`, `Textiles; Paper` -> "society and culture", "textiles and paper"."""
    return code.lower().replace(" & ", " and ").replace("; ", " and ")


_topic = partial(Task, "CLS", "en", exclusive=True)

TASKS = task_specs(
    DatasetSpec(
        "trec",
        github("harvardnlp/sent-conv-torch", "d61ded09c99c0199d8c5bca946cd65864de2b296", "data/raw/{}"),
        license="TREC (Li & Roth 2002): free for research",
        citation="Li and Roth 2002, COLING",
        verified="files",
        splits={"train": ("TREC.train",), "test": ("TREC.test",)},
        sizes={"train": 5452, "test": 500},
        tasks=(
            # One question of the original holds byte 0xf0, which is not UTF-8.
            _topic(reader(lines("latin-1"), question_type)),
        ),
    ),
    DatasetSpec(
        "ag_news",
        github("mhjabreel/CharCnn_Keras", "555590db4219b1243abb1918effd6a7425a2d75f", "data/ag_news_csv/{}"),
        license="AG corpus: non-commercial research",
        citation="Zhang et al. 2015, NeurIPS",
        verified="files",
        splits={"test": ("test.csv",)},
        sizes={"test": 4053},  # counted on the file's first half; the whole has 7,600
        tasks=(
            _topic(
                reader(delimited(",", columns=("class", "title", "description"), quoted=True), news_article),
                held_out=True,
            ),
        ),
    ),
    DatasetSpec(
        "dbpedia_14",
        hub("fancyzhx/dbpedia_14", splits=TRAIN_TEST),
        license="CC BY-SA 3.0",
        citation="Zhang et al. 2015, NeurIPS",
        sizes={"train": 560000, "test": 70000},
        tasks=(_topic(reader(jsonl(), labelled(("title", "content"), "label", spelled_out))),),
    ),
    DatasetSpec(
        "yahoo_answers",
        hub("community-datasets/yahoo_answers_topics", splits=TRAIN_TEST, revision=PARQUET),
        license="Yahoo! Webscope: research",
        citation="Zhang et al. 2015, NeurIPS",
        sizes={"train": 1400000, "test": 60000},
        tasks=(_topic(reader(jsonl(), labelled(("question_title", "question_content"), "topic", joined_topics))),),
    ),
    DatasetSpec(
        "newsgroups_20",
        hub("SetFit/20_newsgroups", splits=TRAIN_TEST),
        license="20 Newsgroups: research",
        citation="Lang 1995, ICML",
        sizes={"train": 11314, "test": 7532},
        tasks=(
            # Some posts hold nothing but what was cut off (headers, footers, quotes).
            _topic(reader(jsonl(), labelled("text", "label_text", named(NEWSGROUPS)))),
        ),
    ),
    DatasetSpec(
        "bbc_news",
        hub("SetFit/bbc-news", splits=TRAIN_TEST),
        license="BBC News: non-commercial research",
        citation="Greene and Cunningham 2006, ICML",
        sizes={"train": 1225, "test": 1000},
        tasks=(_topic(reader(jsonl(), labelled("text", "label_text", spelled_out))),),
    ),
    DatasetSpec(
        "stackoverflow_titles",
        github("jacoxu/StackOverflow", "7c207f51e649fff9e4736610b9d44431bb7ccf00", "rawText/{}"),
        license="Stack Overflow: CC BY-SA 3.0",
        citation="Xu et al. 2015, VSM-NLP workshop",
        splits=dict.fromkeys(SPLITS, ("title_StackOverflow.txt", "label_StackOverflow.txt")),
        tasks=(
            _topic(
                reader(
                    parallel("text", "label"),
                    labelled("text", "label", numbered(*STACKOVERFLOW_TAGS, first=1)),
                    split_key=itemgetter("text"),
                )
            ),
        ),
    ),
    DatasetSpec(
        "arxiv_subjects",
        # In `no_ref` the papers do not name their own subject.
        hub("ccdv/arxiv-classification", "no_ref"),
        license="unknown",
        citation="He et al. 2019, IEEE Access",
        sizes={"train": 28388, "validation": 2500, "test": 2500},
        tasks=(_topic(reader(jsonl(), labelled("text", "label", named(ARXIV_SUBJECTS)))),),
    ),
    DatasetSpec(
        "patent_sections",
        hub("ccdv/patent-classification", "abstract"),
        license="CC BY 4.0",
        citation="Sharma et al. 2019, ACL (BigPatent)",
        sizes={"train": 25000, "validation": 5000, "test": 5000},
        tasks=(
            # The hub writes the section "lighting" with a spelling error.
            _topic(
                reader(
                    jsonl(),
                    labelled("text", "label", lambda code: joined_topics(code).replace("lightning", "lighting")),
                )
            ),
        ),
    ),
    DatasetSpec(
        "medical_abstracts",
        github("sebischair/Medical-Abstracts-TC-Corpus", "547596568102fe3ec008d94a486fd7f55876c433"),
        license="CC BY-SA 3.0",
        citation="Schopf et al. 2022, NLPIR",
        contradictions="an abstract on several conditions is there once with each of them",
        held_out=True,
        splits={"train": ("medical_tc_train.csv",), "test": ("medical_tc_test.csv",)},
        sizes={"train": 11550, "test": 2888},
        tasks=(
            _topic(
                reader(
                    delimited(",", quoted=True),
                    labelled(
                        "medical_abstract",
                        "condition_label",
                        numbered(
                            *("neoplasms", "digestive system diseases", "nervous system diseases"),
                            *("cardiovascular diseases", "general pathological conditions"),
                            first=1,
                        ),
                    ),
                )
            ),
        ),
    ),
    DatasetSpec(
        "ledgar",
        hub("coastalcph/lex_glue", "ledgar"),
        license="CC BY 4.0",
        citation="Tuggener et al. 2020, LREC",
        sizes={"train": 60000, "validation": 10000, "test": 10000},
        tasks=(_topic(reader(jsonl(), labelled("text", "label", str.lower))),),
    ),
    DatasetSpec(
        "scotus",
        hub("coastalcph/lex_glue", "scotus"),
        license="CC BY 4.0",
        citation="Chalkidis et al. 2022, ACL (LexGLUE)",
        sizes={"train": 5000, "validation": 1400, "test": 1400},
        tasks=(_topic(reader(jsonl(), labelled("text", "label", named(COURT_ISSUES)))),),
    ),
    DatasetSpec(
        "twitter_finance_topics",
        hub("zeroshot/twitter-financial-news-topic", splits={"train": "train", "validation": "validation"}),
        license="MIT",
        citation="zeroshot 2022, huggingface.co",
        sizes={"train": 16990, "validation": 4117},
        tasks=(_topic(reader(jsonl(), labelled("text", "label", numbered(*FINANCE_TOPICS)))),),
    ),
)
