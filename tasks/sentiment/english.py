"""SA: an English text and its sentiment."""

from collections.abc import Iterator

from seqgpt_jax.atomic import Instance, families
from seqgpt_jax.data.raw.sources import PARQUET, Files, HuggingFace, Remote, github
from seqgpt_jax.data.raw.task_spec import SPLITS, TaskSpec
from seqgpt_jax.tasks.classification.emotions import MELD
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


TASKS = (
    TaskSpec(
        name="sst2",
        family="SA",
        language="en",
        atom="cls",
        splits={"train": ("train.tsv",), "validation": ("dev.tsv",), "test": ("test.tsv",)},
        read=reader(
            delimited("\t", columns=("sentence", "label")),
            labelled("sentence", "label", numbered("negative", "positive")),
        ),
        exclusive=True,
        source=github(
            "clairett/pytorch-sentiment-classification",
            "457ffd83de90a9d6d472d8ffc31bbffe40a8b236",
            {name: f"data/SST2/{name}" for name in ("train.tsv", "dev.tsv", "test.tsv")},
            sha256={
                "train.tsv": "ec192f833a64da08f475488a77b0d0b47db47acd0f458bd18433fc793b569920",
                "dev.tsv": "eddea6b39e601dd4e7a672b53cc40fdf6019fa80522f351206c24340ca5d9359",
                "test.tsv": "831169c7e2e429d6026e1bdbb542f33b636e3e596caad9602ebc953c205928b7",
            },
        ),
        licence="SST (Stanford): research",
        citation="Socher et al. 2013, EMNLP",
        verified="files",
        sizes={"train": 6920, "validation": 872, "test": 1821},
    ),
    TaskSpec(
        name="sst5",
        family="SA",
        language="en",
        atom="cls",
        **hub("SetFit/sst5"),
        read=reader(jsonl(), labelled("text", "label_text", verbatim)),
        exclusive=True,
        licence="SST (Stanford): research",
        citation="Socher et al. 2013, EMNLP",
        verified="schema",
        sizes={"train": 8544, "validation": 1101, "test": 2210},
    ),
    TaskSpec(
        name="imdb",
        family="SA",
        language="en",
        atom="cls",
        **tfds("imdb_reviews:1.0.0", TRAIN_TEST),
        read=reader(jsonl(), labelled("text", "label", named(POLARITY))),
        exclusive=True,
        licence="IMDb (Stanford): research",
        citation="Maas et al. 2011, ACL",
        verified="schema",
        sizes={"train": 25000, "test": 25000},
    ),
    TaskSpec(
        name="rotten_tomatoes",
        family="SA",
        language="en",
        atom="cls",
        **hub("cornell-movie-review-data/rotten_tomatoes"),
        read=reader(jsonl(), labelled("text", "label", named(POLARITY))),
        exclusive=True,
        licence="unknown",
        citation="Pang and Lee 2005, ACL",
        verified="schema",
        sizes={"train": 8530, "validation": 1066, "test": 1066},
    ),
    TaskSpec(
        name="yelp_polarity",
        family="SA",
        language="en",
        atom="cls",
        **hub("fancyzhx/yelp_polarity", splits=TRAIN_TEST),
        read=reader(jsonl(), labelled("text", "label", numbered("negative", "positive", first=1))),
        exclusive=True,
        licence="Yelp dataset agreement: academic use",
        citation="Zhang et al. 2015, NeurIPS",
        verified="schema",
        sizes={"train": 560000, "test": 38000},
    ),
    TaskSpec(
        name="yelp_stars",
        family="SA",
        language="en",
        atom="cls",
        **hub("Yelp/yelp_review_full", splits=TRAIN_TEST),
        # The hub's second label is "2 star".
        read=reader(jsonl(), labelled("text", "label", named({star: star for star in STARS} | {"2 star": "2 stars"}))),
        exclusive=True,
        licence="Yelp dataset agreement: academic use",
        citation="Zhang et al. 2015, NeurIPS",
        verified="schema",
        sizes={"train": 650000, "test": 50000},
    ),
    TaskSpec(
        name="amazon_polarity",
        family="SA",
        language="en",
        atom="cls",
        **hub("fancyzhx/amazon_polarity", splits=TRAIN_TEST),
        read=reader(jsonl(), labelled(("title", "content"), "label", verbatim)),
        exclusive=True,
        licence="Apache-2.0",
        citation="Zhang et al. 2015, NeurIPS",
        verified="schema",
        sizes={"train": 3600000, "test": 400000},
    ),
    TaskSpec(
        name="amazon_reviews_multi.en",
        family="SA",
        language="en",
        atom="cls",
        **hub("mteb/AmazonReviewsClassification", "en"),
        read=reader(jsonl(), labelled("text", "label", numbered(*STARS))),
        exclusive=True,
        licence="Amazon: non-commercial research",
        citation="Keung et al. 2020, EMNLP",
        verified="schema",
        sizes={"train": 200000, "validation": 5000, "test": 5000},
    ),
    TaskSpec(
        name="app_reviews",
        family="SA",
        language="en",
        atom="cls",
        splits=dict.fromkeys(SPLITS, ("train.jsonl",)),
        read=reader(
            jsonl(), labelled("review", "star", numbered(*STARS, first=1)), split_key=lambda row: row["review"]
        ),
        exclusive=True,
        source=HuggingFace("sealuzh/app_reviews", splits={"train": "train"}, revision=PARQUET),
        licence="unknown",
        citation="Grano et al. 2017, WAMA",
        verified="schema",
    ),
    TaskSpec(
        name="financial_phrasebank",
        family="SA",
        language="en",
        atom="cls",
        splits=dict.fromkeys(SPLITS, ("Sentences_50Agree.txt",)),
        read=reader(lines("latin-1"), rated_phrase, split_key=lambda line: line),
        exclusive=True,
        source=Files(
            {
                "Sentences_50Agree.txt": Remote(
                    "https://huggingface.co/datasets/takala/financial_phrasebank/resolve/main/data/"
                    "FinancialPhraseBank-v1.0.zip",
                    member="FinancialPhraseBank-v1.0/Sentences_50Agree.txt",
                )
            }
        ),
        licence="CC BY-NC-SA 3.0",
        citation="Malo et al. 2014, JASIST",
        verified="schema",
    ),
    TaskSpec(
        name="twitter_finance_sentiment",
        family="SA",
        language="en",
        atom="cls",
        **hub("zeroshot/twitter-financial-news-sentiment", splits={"train": "train", "validation": "validation"}),
        read=reader(jsonl(), labelled("text", "label", numbered("bearish", "bullish", "neutral"))),
        exclusive=True,
        licence="MIT",
        citation="zeroshot 2022, huggingface.co",
        verified="schema",
        sizes={"train": 9543, "validation": 2388},
    ),
    TaskSpec(
        name="tweet_sentiment_extraction",
        family="SA",
        language="en",
        atom="cls",
        **hub("mteb/tweet_sentiment_extraction", splits=TRAIN_TEST),
        read=reader(jsonl(), labelled("text", "label_text", verbatim)),
        exclusive=True,
        licence="CC BY 4.0",
        citation="Kaggle 2020, Tweet Sentiment Extraction",
        verified="schema",
        sizes={"train": 27481, "test": 3534},
    ),
    TaskSpec(
        name="tweet_eval.sentiment",
        family="SA",
        language="en",
        atom="cls",
        **hub("cardiffnlp/tweet_eval", "sentiment"),
        read=reader(jsonl(), labelled("text", "label", verbatim)),
        exclusive=True,
        licence="Twitter developer policy: research",
        citation="Rosenthal et al. 2017, SemEval; Barbieri et al. 2020, EMNLP Findings (TweetEval)",
        verified="schema",
        sizes={"train": 45615, "validation": 2000, "test": 12284},
    ),
    TaskSpec(
        name="meld.sentiment",
        family="SA",
        read=reader(delimited(",", quoted=True), labelled("Utterance", "Sentiment", verbatim)),
        **MELD,
    ),
    TaskSpec(
        name="poem_sentiment",
        family="SA",
        language="en",
        atom="cls",
        **hub("google-research-datasets/poem_sentiment"),
        read=reader(jsonl(), labelled("verse_text", "label", spelled_out)),
        exclusive=True,
        licence="CC BY 4.0",
        citation="Sheng and Uthus 2020, GeBNLP",
        verified="schema",
        sizes={"train": 892, "validation": 105, "test": 104},
    ),
)
