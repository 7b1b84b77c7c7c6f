"""SA: a Chinese text and its sentiment."""

from seqgpt_jax.data.raw.sources import Files, HuggingFace, Remote, github
from seqgpt_jax.data.raw.task_spec import SPLITS, TaskSpec
from seqgpt_jax.tasks.readers.delimited import delimited
from seqgpt_jax.tasks.readers.fields import labelled
from seqgpt_jax.tasks.readers.hub import hub
from seqgpt_jax.tasks.readers.jsonl import jsonl
from seqgpt_jax.tasks.readers.names import named, numbered, verbatim
from seqgpt_jax.tasks.readers.record import reader

STARS = ("一星", "二星", "三星", "四星", "五星")
POLARITY = ("负面", "正面")

_CORPUS = "SophonPlus/ChineseNlpCorpus"
_SHOPPING = {
    "language": "zh",
    "atom": "cls",
    "splits": dict.fromkeys(SPLITS, ("online_shopping_10_cats.csv",)),
    "exclusive": True,
    "source": Files(
        {
            "online_shopping_10_cats.csv": Remote(
                f"https://raw.githubusercontent.com/{_CORPUS}/9afa1292465c1247184073cf151adc583699d1d6/"
                "datasets/online_shopping_10_cats/online_shopping_10_cats.zip",
                member="online_shopping_10_cats.csv",
            )
        }
    ),
    "licence": "unknown",
    "citation": "ChineseNlpCorpus 2018, github.com",
    "verified": "schema",
}

TASKS = (
    TaskSpec(
        name="chnsenticorp_htl",
        family="SA",
        language="zh",
        atom="cls",
        splits=dict.fromkeys(SPLITS, ("ChnSentiCorp_htl_all.csv",)),
        read=reader(
            delimited(",", quoted=True),
            labelled("review", "label", numbered(*POLARITY)),
            split_key=lambda row: row["review"],
        ),
        exclusive=True,
        source=github(
            _CORPUS,
            "a0b781d72158bde242c0626c9e354d2b328865ff",
            {"ChnSentiCorp_htl_all.csv": "datasets/ChnSentiCorp_htl_all/ChnSentiCorp_htl_all.csv"},
            sha256={"ChnSentiCorp_htl_all.csv": "1d414b9c65caf3a836abdb4efded621968502ad3338e1a9d885ae131c86083f0"},
        ),
        licence="ChnSentiCorp: research",
        citation="Tan and Zhang 2008, Expert Systems with Applications",
        verified="files",
        sizes={"train": 6236, "validation": 734, "test": 795},
    ),
    TaskSpec(
        name="eprstmt",
        family="SA",
        language="zh",
        atom="cls",
        splits={
            "train": ("train_few_all.json",),
            "validation": ("dev_few_all.json",),
            "test": ("test_public.json",),
        },
        read=reader(jsonl(), labelled("sentence", "label", named({"Negative": "差评", "Positive": "好评"}))),
        held_out=True,
        exclusive=True,
        source=github(
            "CLUEbenchmark/FewCLUE",
            "62a02c6f31cf32814cfe522f78ef088228840f8d",
            {
                name: f"datasets/eprstmt/{name}"
                for name in ("train_few_all.json", "dev_few_all.json", "test_public.json")
            },
            sha256={
                "train_few_all.json": "da6343ed63264304fdbf70ebc6f82d7ab43aa294daad047f450a88252a36de9d",
                "dev_few_all.json": "859eeb8b977a5e06c13b7c4016a74aae1dc8a5ff5a8fb502fba77e551087ed96",
                "test_public.json": "ddea92e833023adeff35070bd56331878ae9fdc57fd99229c249c2aae06bbf41",
            },
        ),
        licence="FewCLUE: research",
        citation="Xu et al. 2021, FewCLUE (arXiv 2107.07498)",
        verified="files",
        sizes={"train": 160, "validation": 160, "test": 610},
    ),
    TaskSpec(
        name="waimai_10k",
        family="SA",
        language="zh",
        atom="cls",
        splits=dict.fromkeys(SPLITS, ("waimai_10k.csv",)),
        read=reader(
            delimited(",", quoted=True),
            labelled("review", "label", numbered("差评", "好评")),
            split_key=lambda row: row["review"],
        ),
        exclusive=True,
        source=github(
            _CORPUS,
            "032ed697ea6b37f6b99b2203c8fdbe0a9b47fd3e",
            {"waimai_10k.csv": "datasets/waimai_10k/waimai_10k.csv"},
        ),
        licence="unknown",
        citation="ChineseNlpCorpus 2018, github.com",
        verified="schema",
    ),
    TaskSpec(
        name="weibo_senti_100k",
        family="SA",
        language="zh",
        atom="cls",
        splits=dict.fromkeys(SPLITS, ("train.jsonl",)),
        read=reader(jsonl(), labelled("review", "label", numbered(*POLARITY)), split_key=lambda row: row["review"]),
        exclusive=True,
        source=HuggingFace("dirtycomputer/weibo_senti_100k", splits={"train": "train"}),
        licence="unknown",
        citation="ChineseNlpCorpus 2018, github.com",
        verified="schema",
    ),
    TaskSpec(
        name="online_shopping_10_cats.sentiment",
        family="SA",
        read=reader(
            delimited(",", quoted=True),
            labelled("review", "label", numbered(*POLARITY)),
            split_key=lambda row: row["review"],
        ),
        **_SHOPPING,
    ),
    TaskSpec(
        name="online_shopping_10_cats.product",
        family="CLS",
        read=reader(
            delimited(",", quoted=True), labelled("review", "cat", verbatim), split_key=lambda row: row["review"]
        ),
        **_SHOPPING,
    ),
    TaskSpec(
        name="amazon_reviews_multi.zh",
        family="SA",
        language="zh",
        atom="cls",
        **hub("mteb/AmazonReviewsClassification", "zh"),
        read=reader(jsonl(), labelled("text", "label", numbered(*STARS))),
        exclusive=True,
        licence="Amazon: non-commercial research",
        citation="Keung et al. 2020, EMNLP",
        verified="schema",
        sizes={"train": 200000, "validation": 5000, "test": 5000},
    ),
    TaskSpec(
        name="asap",
        family="SA",
        language="zh",
        atom="cls",
        splits={"train": ("train.csv",), "validation": ("dev.csv",), "test": ("test.csv",)},
        read=reader(
            delimited(",", quoted=True),
            labelled("review", "star", named({f"{i}.0": star for i, star in enumerate(STARS, start=1)})),
        ),
        exclusive=True,
        # The first commits of the repository hold samples alone.
        source=github(
            "Meituan-Dianping/asap", "master", {name: f"data/{name}" for name in ("train.csv", "dev.csv", "test.csv")}
        ),
        licence="Apache-2.0",
        citation="Bu et al. 2021, NAACL",
        verified="schema",
        sizes={"train": 36850, "validation": 4940, "test": 4940},
    ),
    TaskSpec(
        name="douban_book_review",
        family="SA",
        language="zh",
        atom="cls",
        splits={"train": ("train.tsv",), "validation": ("dev.tsv",), "test": ("test.tsv",)},
        read=reader(delimited("\t"), labelled("text_a", "label", numbered(*POLARITY))),
        exclusive=True,
        source=github(
            "dbiir/UER-py",
            "53ed607eacec57e68c664a6cbfb1f1078dbbffe7",
            {name: f"datasets/douban_book_review/{name}" for name in ("train.tsv", "dev.tsv", "test.tsv")},
        ),
        licence="unknown",
        citation="Qiu et al. 2018, CCL; Zhao et al. 2019, EMNLP (UER)",
        verified="schema",
        sizes={"train": 20000, "validation": 10000, "test": 10000},
    ),
)
