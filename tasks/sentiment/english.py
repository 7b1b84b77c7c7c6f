"""SA: an English text and its sentiment."""

from collections.abc import Iterator
from functools import partial
from operator import itemgetter

from seqgpt_jax.atomic import Instance, families
from seqgpt_jax.data.raw.sources import PARQUET, FilePattern, HuggingFace, github
from seqgpt_jax.data.raw.task_spec import SPLITS, DatasetSpec, Task
from seqgpt_jax.tasks.classification.emotions import MELD
from seqgpt_jax.tasks.classification.tweet_eval import TWEET_EVAL
from seqgpt_jax.tasks.declarations import task_specs
from seqgpt_jax.tasks.readers.cleaning import cleaned
from seqgpt_jax.tasks.readers.delimited import delimited
from seqgpt_jax.tasks.readers.fields import labelled
from seqgpt_jax.tasks.readers.hub import hub, tfds
from seqgpt_jax.tasks.readers.jsonl import jsonl
from seqgpt_jax.tasks.readers.lines import lines
from seqgpt_jax.tasks.readers.names import named, numbered, spelled_out, verbatim
from seqgpt_jax.tasks.readers.record import Record, reader

TRAIN_TEST = {"train": "train", "test": "test"}
POLARITY = {"neg": "negative", "pos": "positive"}
STARS = ("1 star", "2 stars", "3 stars", "4 stars", "5 stars")


def rated_phrase(record: Record) -> Iterator[Instance]:
    """Financial PhraseBank: `sentence@sentiment`."""
    sentence, at, sentiment = record.value.rpartition("@")
    if not at:
        raise ValueError(f"`sentence@sentiment` was expected, found {record.value!r}")
    name = named({code: code for code in ("negative", "neutral", "positive")})
    yield families.classification(record.id, sentence, [name(sentiment)])


_sentiment = partial(Task, "SA", "en", exclusive=True)

_REVIEWS = cleaned(jsonl(), "text")

TASKS = task_specs(
    DatasetSpec(
        "sst2",
        github("clairett/pytorch-sentiment-classification", "457ffd83de90a9d6d472d8ffc31bbffe40a8b236", "data/SST2/{}"),
        license="SST (Stanford): research",
        citation="Socher et al. 2013, EMNLP",
        overlaps=("sst5", "rotten_tomatoes"),
        verified="files",
        splits={"train": ("train.tsv",), "validation": ("dev.tsv",), "test": ("test.tsv",)},
        sizes={"train": 6920, "validation": 872, "test": 1821},
        tasks=(
            _sentiment(
                reader(
                    delimited("\t", columns=("sentence", "label")),
                    labelled("sentence", "label", numbered("negative", "positive")),
                )
            ),
        ),
    ),
    DatasetSpec(
        "sst5",
        hub("SetFit/sst5"),
        license="SST (Stanford): research",
        citation="Socher et al. 2013, EMNLP",
        overlaps=("rotten_tomatoes",),
        sizes={"train": 8544, "validation": 1101, "test": 2210},
        tasks=(_sentiment(reader(jsonl(), labelled("text", "label_text", verbatim))),),
    ),
    DatasetSpec(
        "imdb",
        tfds("imdb_reviews:1.0.0", TRAIN_TEST),
        license="IMDb (Stanford): research",
        citation="Maas et al. 2011, ACL",
        sizes={"train": 25000, "test": 25000},
        tasks=(_sentiment(reader(_REVIEWS, labelled("text", "label", named(POLARITY)))),),
    ),
    DatasetSpec(
        "rotten_tomatoes",
        hub("cornell-movie-review-data/rotten_tomatoes"),
        license="unknown",
        citation="Pang and Lee 2005, ACL",
        sizes={"train": 8530, "validation": 1066, "test": 1066},
        tasks=(_sentiment(reader(jsonl(), labelled("text", "label", named(POLARITY)))),),
    ),
    DatasetSpec(
        "yelp_polarity",
        hub("fancyzhx/yelp_polarity", splits=TRAIN_TEST),
        license="Yelp dataset agreement: academic use",
        citation="Zhang et al. 2015, NeurIPS",
        overlaps=("yelp_stars",),
        sizes={"train": 560000, "test": 38000},
        tasks=(_sentiment(reader(_REVIEWS, labelled("text", "label", numbered("negative", "positive", first=1)))),),
    ),
    DatasetSpec(
        "yelp_stars",
        hub("Yelp/yelp_review_full", splits=TRAIN_TEST),
        license="Yelp dataset agreement: academic use",
        citation="Zhang et al. 2015, NeurIPS",
        sizes={"train": 650000, "test": 50000},
        tasks=(
            # The hub's second label is "2 star".
            _sentiment(
                reader(
                    _REVIEWS,
                    labelled("text", "label", named({star: star for star in STARS} | {"2 star": "2 stars"})),
                )
            ),
        ),
    ),
    DatasetSpec(
        "amazon_polarity",
        hub("fancyzhx/amazon_polarity", splits=TRAIN_TEST),
        # The hub's card says Apache-2.0, which who collected the reviews of others could not grant.
        license="unknown (its card: Apache-2.0)",
        citation="Zhang et al. 2015, NeurIPS",
        sizes={"train": 3600000, "test": 400000},
        tasks=(_sentiment(reader(jsonl(), labelled(("title", "content"), "label", verbatim))),),
    ),
    DatasetSpec(
        "app_reviews",
        HuggingFace("sealuzh/app_reviews", splits={"train": "train"}, revision=PARQUET),
        license="unknown",
        citation="Grano et al. 2017, WAMA",
        splits=dict.fromkeys(SPLITS, ("train.jsonl",)),
        tasks=(
            _sentiment(
                reader(jsonl(), labelled("review", "star", numbered(*STARS, first=1)), split_key=itemgetter("review"))
            ),
        ),
    ),
    DatasetSpec(
        "financial_phrasebank",
        FilePattern(
            "https://huggingface.co/datasets/takala/financial_phrasebank/resolve/main/data/FinancialPhraseBank-v1.0.zip",
            "FinancialPhraseBank-v1.0/{}",
        ),
        license="CC BY-NC-SA 3.0",
        citation="Malo et al. 2014, JASIST",
        splits=dict.fromkeys(SPLITS, ("Sentences_50Agree.txt",)),
        tasks=(_sentiment(reader(lines("latin-1"), rated_phrase, split_key=lambda line: line)),),
    ),
    DatasetSpec(
        "twitter_finance_sentiment",
        hub("zeroshot/twitter-financial-news-sentiment", splits={"train": "train", "validation": "validation"}),
        license="MIT",
        citation="zeroshot 2022, huggingface.co",
        sizes={"train": 9543, "validation": 2388},
        tasks=(_sentiment(reader(jsonl(), labelled("text", "label", numbered("bearish", "bullish", "neutral")))),),
    ),
    DatasetSpec(
        "tweet_sentiment_extraction",
        hub("mteb/tweet_sentiment_extraction", splits=TRAIN_TEST),
        license="CC BY 4.0",
        citation="Kaggle 2020, Tweet Sentiment Extraction",
        sizes={"train": 27481, "test": 3534},
        tasks=(_sentiment(reader(jsonl(), labelled("text", "label_text", verbatim))),),
    ),
    TWEET_EVAL.only("SA"),
    MELD.only("SA"),
    DatasetSpec(
        "poem_sentiment",
        hub("google-research-datasets/poem_sentiment"),
        license="CC BY 4.0",
        citation="Sheng and Uthus 2020, GeBNLP",
        held_out=True,
        sizes={"train": 892, "validation": 105, "test": 104},
        tasks=(_sentiment(reader(jsonl(), labelled("verse_text", "label", spelled_out))),),
    ),
)
