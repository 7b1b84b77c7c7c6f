"""SA in Chinese, and Amazon reviews in Chinese and English."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from operator import itemgetter

from seqgpt_jax.data.raw.sources import FilePattern, HuggingFace, github
from seqgpt_jax.data.raw.task_spec import SPLITS, DatasetSpec, Reader, Task
from seqgpt_jax.tasks.declarations import task_specs
from seqgpt_jax.tasks.readers.cleaning import cleaned
from seqgpt_jax.tasks.readers.delimited import delimited
from seqgpt_jax.tasks.readers.fields import labelled
from seqgpt_jax.tasks.readers.hub import hub
from seqgpt_jax.tasks.readers.jsonl import jsonl
from seqgpt_jax.tasks.readers.names import Naming, named, numbered, verbatim
from seqgpt_jax.tasks.readers.record import reader
from seqgpt_jax.tasks.repositories import FEWCLUE_SPLITS, fewclue
from seqgpt_jax.tasks.sentiment.aspects import asap_aspects, aspect_sentiments
from seqgpt_jax.tasks.sentiment.english import STARS as ENGLISH_STARS

STARS = ("一星", "二星", "三星", "四星", "五星")
POLARITY = ("负面", "正面")

_sentiment = partial(Task, "SA", "zh", exclusive=True)


def _corpus(commit: str, path: str) -> FilePattern:
    return github("SophonPlus/ChineseNlpCorpus", commit, f"datasets/{path}")


def _reviews(label: str, name: Naming) -> Reader:
    """A table of reviews in one file, split by their text."""
    build = labelled("review", label, name)
    return reader(delimited(",", quoted=True), build, split_key=itemgetter("review"))


def _amazon(language: str, stars: Sequence[str]) -> Task:
    return Task(
        "SA",
        language,
        reader(jsonl(), labelled("text", "label", numbered(*stars))),
        name=language,
        exclusive=True,
        source=hub("mteb/AmazonReviewsClassification", language),
    )


_ASAP = cleaned(delimited(",", quoted=True), "review")

TASKS = task_specs(
    DatasetSpec(
        "chnsenticorp_htl",
        _corpus("a0b781d72158bde242c0626c9e354d2b328865ff", "ChnSentiCorp_htl_all/{}"),
        license="ChnSentiCorp: research",
        citation="Tan and Zhang 2008, Expert Systems with Applications",
        verified="files",
        splits=dict.fromkeys(SPLITS, ("ChnSentiCorp_htl_all.csv",)),
        sizes={"train": 6236, "validation": 734, "test": 795},
        tasks=(_sentiment(_reviews("label", numbered(*POLARITY))),),
    ),
    DatasetSpec(
        "eprstmt",
        fewclue("eprstmt"),
        license="FewCLUE: research",
        citation="Xu et al. 2021, FewCLUE (arXiv 2107.07498)",
        verified="files",
        splits=FEWCLUE_SPLITS,
        sizes={"train": 160, "validation": 160, "test": 610},
        tasks=(
            _sentiment(
                reader(jsonl(), labelled("sentence", "label", named({"Negative": "差评", "Positive": "好评"}))),
                held_out=True,
            ),
        ),
    ),
    DatasetSpec(
        "waimai_10k",
        _corpus("032ed697ea6b37f6b99b2203c8fdbe0a9b47fd3e", "waimai_10k/{}"),
        license="unknown",
        citation="ChineseNlpCorpus 2018, github.com",
        splits=dict.fromkeys(SPLITS, ("waimai_10k.csv",)),
        tasks=(_sentiment(_reviews("label", numbered("差评", "好评"))),),
    ),
    DatasetSpec(
        "weibo_senti_100k",
        HuggingFace("dirtycomputer/weibo_senti_100k", splits={"train": "train"}),
        license="unknown",
        citation="ChineseNlpCorpus 2018, github.com",
        splits=dict.fromkeys(SPLITS, ("train.jsonl",)),
        tasks=(
            _sentiment(
                reader(jsonl(), labelled("review", "label", numbered(*POLARITY)), split_key=itemgetter("review"))
            ),
        ),
    ),
    DatasetSpec(
        "online_shopping_10_cats",
        replace(
            _corpus("9afa1292465c1247184073cf151adc583699d1d6", "online_shopping_10_cats/online_shopping_10_cats.zip"),
            member="{}",
        ),
        license="unknown",
        citation="ChineseNlpCorpus 2018, github.com",
        splits=dict.fromkeys(SPLITS, ("online_shopping_10_cats.csv",)),
        tasks=(
            _sentiment(_reviews("label", numbered(*POLARITY)), name="sentiment"),
            Task("CLS", "zh", _reviews("cat", verbatim), name="product", exclusive=True),
        ),
    ),
    DatasetSpec(
        "amazon_reviews_multi",
        license="Amazon: non-commercial research",
        citation="Keung et al. 2020, EMNLP",
        sizes={"train": 200000, "validation": 5000, "test": 5000},
        tasks=(_amazon("en", ENGLISH_STARS), _amazon("zh", STARS)),
    ),
    DatasetSpec(
        "asap",
        # The first commits of the repository hold samples alone.
        github("Meituan-Dianping/asap", "975122a60065240124df62cb4d5dbfd19ed9ef2c", "data/{}"),
        license="Apache-2.0",
        citation="Bu et al. 2021, NAACL",
        splits={"train": ("train.csv",), "validation": ("dev.csv",), "test": ("test.csv",)},
        sizes={"train": 36850, "validation": 4940, "test": 4940},
        tasks=(
            _sentiment(
                reader(
                    _ASAP,
                    labelled("review", "star", named({f"{i}.0": star for i, star in enumerate(STARS, start=1)})),
                ),
                name="stars",
            ),
            Task(
                "SA",
                "zh",
                reader(
                    _ASAP,
                    aspect_sentiments(asap_aspects, "对“{}”的评价是什么？"),
                ),
                name="aspects",
                exclusive=True,
                pairs=True,
                sizes={},
            ),
        ),
    ),
    DatasetSpec(
        "douban_book_review",
        github("dbiir/UER-py", "53ed607eacec57e68c664a6cbfb1f1078dbbffe7", "datasets/douban_book_review/{}"),
        license="unknown",
        citation="Qiu et al. 2018, CCL; Zhao et al. 2019, EMNLP (UER)",
        splits={"train": ("train.tsv",), "validation": ("dev.tsv",), "test": ("test.tsv",)},
        sizes={"train": 20000, "validation": 10000, "test": 10000},
        tasks=(_sentiment(reader(delimited("\t"), labelled("text_a", "label", numbered(*POLARITY)))),),
    ),
)
