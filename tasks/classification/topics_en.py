"""CLS: what an English text is about."""

from collections.abc import Iterator

from seqgpt_jax.atomic import Instance, families
from seqgpt_jax.data.raw.sources import PARQUET, github
from seqgpt_jax.data.raw.task_spec import SPLITS, TaskSpec
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


TASKS = (
    TaskSpec(
        name="trec",
        family="CLS",
        language="en",
        atom="cls",
        splits={"train": ("TREC.train",), "test": ("TREC.test",)},
        # One question of the original holds byte 0xf0, which is not UTF-8.
        read=reader(lines("latin-1"), question_type),
        exclusive=True,
        source=github(
            "harvardnlp/sent-conv-torch",
            "d61ded09c99c0199d8c5bca946cd65864de2b296",
            {"TREC.train": "data/raw/TREC.train", "TREC.test": "data/raw/TREC.test"},
            sha256={
                "TREC.train": "9e4c8bdcaffb96ed61041bd64b564183d52793a8e91d84fc3a8646885f466ec3",
                "TREC.test": "033f22c028c2bbba9ca682f68ffe204dc1aa6e1cf35dd6207f2d4ca67f0d0e8e",
            },
        ),
        licence="TREC (Li & Roth 2002): free for research",
        citation="Li and Roth 2002, COLING",
        verified="files",
        sizes={"train": 5452, "test": 500},
    ),
    TaskSpec(
        name="ag_news",
        family="CLS",
        language="en",
        atom="cls",
        splits={"test": ("test.csv",)},
        read=reader(delimited(",", columns=("class", "title", "description"), quoted=True), news_article),
        held_out=True,
        exclusive=True,
        source=github(
            "mhjabreel/CharCnn_Keras",
            "555590db4219b1243abb1918effd6a7425a2d75f",
            {"test.csv": "data/ag_news_csv/test.csv"},
        ),
        licence="AG corpus: non-commercial research",
        citation="Zhang et al. 2015, NeurIPS",
        verified="files",
        sizes={"test": 4053},  # counted on the file's first half; the whole has 7,600
    ),
    TaskSpec(
        name="dbpedia_14",
        family="CLS",
        language="en",
        atom="cls",
        **hub("fancyzhx/dbpedia_14", splits=TRAIN_TEST),
        read=reader(jsonl(), labelled(("title", "content"), "label", spelled_out)),
        exclusive=True,
        licence="CC BY-SA 3.0",
        citation="Zhang et al. 2015, NeurIPS",
        verified="schema",
        sizes={"train": 560000, "test": 70000},
    ),
    TaskSpec(
        name="yahoo_answers",
        family="CLS",
        language="en",
        atom="cls",
        **hub("community-datasets/yahoo_answers_topics", splits=TRAIN_TEST, revision=PARQUET),
        read=reader(jsonl(), labelled(("question_title", "question_content"), "topic", joined_topics)),
        exclusive=True,
        licence="Yahoo! Webscope: research",
        citation="Zhang et al. 2015, NeurIPS",
        verified="schema",
        sizes={"train": 1400000, "test": 60000},
    ),
    TaskSpec(
        name="newsgroups_20",
        family="CLS",
        language="en",
        atom="cls",
        **hub("SetFit/20_newsgroups", splits=TRAIN_TEST),
        # Some posts hold nothing but what was cut off (headers, footers, quotes).
        read=reader(jsonl(), labelled("text", "label_text", named(NEWSGROUPS))),
        exclusive=True,
        licence="20 Newsgroups: research",
        citation="Lang 1995, ICML",
        verified="schema",
        sizes={"train": 11314, "test": 7532},
    ),
    TaskSpec(
        name="bbc_news",
        family="CLS",
        language="en",
        atom="cls",
        **hub("SetFit/bbc-news", splits=TRAIN_TEST),
        read=reader(jsonl(), labelled("text", "label_text", spelled_out)),
        exclusive=True,
        licence="BBC News: non-commercial research",
        citation="Greene and Cunningham 2006, ICML",
        verified="schema",
        sizes={"train": 1225, "test": 1000},
    ),
    TaskSpec(
        name="stackoverflow_titles",
        family="CLS",
        language="en",
        atom="cls",
        splits=dict.fromkeys(SPLITS, ("title_StackOverflow.txt", "label_StackOverflow.txt")),
        read=reader(
            parallel("text", "label"),
            labelled("text", "label", numbered(*STACKOVERFLOW_TAGS, first=1)),
            split_key=lambda row: row["text"],
        ),
        exclusive=True,
        source=github(
            "jacoxu/StackOverflow",
            "7c207f51e649fff9e4736610b9d44431bb7ccf00",
            {
                "title_StackOverflow.txt": "rawText/title_StackOverflow.txt",
                "label_StackOverflow.txt": "rawText/label_StackOverflow.txt",
            },
        ),
        licence="Stack Overflow: CC BY-SA 3.0",
        citation="Xu et al. 2015, VSM-NLP workshop",
        verified="schema",
    ),
    TaskSpec(
        name="arxiv_subjects",
        family="CLS",
        language="en",
        atom="cls",
        # In `no_ref` the papers do not name their own subject.
        **hub("ccdv/arxiv-classification", "no_ref"),
        read=reader(jsonl(), labelled("text", "label", named(ARXIV_SUBJECTS))),
        exclusive=True,
        licence="unknown",
        citation="He et al. 2019, IEEE Access",
        verified="schema",
        sizes={"train": 28388, "validation": 2500, "test": 2500},
    ),
    TaskSpec(
        name="patent_sections",
        family="CLS",
        language="en",
        atom="cls",
        **hub("ccdv/patent-classification", "abstract"),
        read=reader(
            jsonl(),
            # The hub writes the section "lighting" with a spelling error.
            labelled("text", "label", lambda code: joined_topics(code).replace("lightning", "lighting")),
        ),
        exclusive=True,
        licence="CC BY 4.0",
        citation="Sharma et al. 2019, ACL (BigPatent)",
        verified="schema",
        sizes={"train": 25000, "validation": 5000, "test": 5000},
    ),
    TaskSpec(
        name="medical_abstracts",
        family="CLS",
        language="en",
        atom="cls",
        splits={"train": ("medical_tc_train.csv",), "test": ("medical_tc_test.csv",)},
        read=reader(
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
        ),
        exclusive=True,
        source=github(
            "sebischair/Medical-Abstracts-TC-Corpus",
            "547596568102fe3ec008d94a486fd7f55876c433",
            {name: name for name in ("medical_tc_train.csv", "medical_tc_test.csv")},
        ),
        licence="CC BY-SA 3.0",
        citation="Schopf et al. 2022, NLPIR",
        verified="schema",
        sizes={"train": 11550, "test": 2888},
    ),
    TaskSpec(
        name="ledgar",
        family="CLS",
        language="en",
        atom="cls",
        **hub("coastalcph/lex_glue", "ledgar"),
        read=reader(jsonl(), labelled("text", "label", str.lower)),
        exclusive=True,
        licence="CC BY 4.0",
        citation="Tuggener et al. 2020, LREC",
        verified="schema",
        sizes={"train": 60000, "validation": 10000, "test": 10000},
    ),
    TaskSpec(
        name="scotus",
        family="CLS",
        language="en",
        atom="cls",
        **hub("coastalcph/lex_glue", "scotus"),
        read=reader(jsonl(), labelled("text", "label", named(COURT_ISSUES))),
        exclusive=True,
        licence="CC BY 4.0",
        citation="Chalkidis et al. 2022, ACL (LexGLUE)",
        verified="schema",
        sizes={"train": 5000, "validation": 1400, "test": 1400},
    ),
    TaskSpec(
        name="twitter_finance_topics",
        family="CLS",
        language="en",
        atom="cls",
        **hub("zeroshot/twitter-financial-news-topic", splits={"train": "train", "validation": "validation"}),
        read=reader(jsonl(), labelled("text", "label", numbered(*FINANCE_TOPICS))),
        exclusive=True,
        licence="MIT",
        citation="zeroshot 2022, huggingface.co",
        verified="schema",
        sizes={"train": 16990, "validation": 4117},
    ),
)
