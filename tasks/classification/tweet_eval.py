"""TweetEval: emotion, irony, offense, stance (CLS) and sentiment (SA) of tweets."""

from seqgpt_jax.data.raw.task_spec import SPLITS, DatasetSpec, Task
from seqgpt_jax.tasks.readers.fields import labelled
from seqgpt_jax.tasks.readers.hub import hub
from seqgpt_jax.tasks.readers.jsonl import jsonl
from seqgpt_jax.tasks.readers.names import Naming, named, verbatim
from seqgpt_jax.tasks.readers.record import reader

# Configuration of the hub -> the target in words, instances of train, validation and test.
STANCE_TARGETS = {
    "abortion": ("legal abortion", 587, 66, 280),
    "atheism": ("atheism", 461, 52, 220),
    "climate": ("climate change being a real concern", 355, 40, 169),
    "feminist": ("feminism", 597, 67, 285),
    "hillary": ("Hillary Clinton", 620, 69, 295),
}


def _tweets(config: str, sizes: tuple[int, int, int], name: Naming = verbatim, family: str = "CLS") -> Task:
    """One configuration of the hub; `sizes` are of train, validation and test."""
    return Task(
        family,
        "en",
        reader(jsonl(), labelled("text", "label", name)),
        name=config,
        exclusive=True,
        source=hub("cardiffnlp/tweet_eval", config),
        sizes=dict(zip(SPLITS, sizes, strict=True)),
    )


def _stance(target: str) -> Naming:
    """For, against or neither: the text does not name the target, so the labels do."""
    return named({"favor": f"in favor of {target}", "against": f"against {target}", "none": f"neutral on {target}"})


TWEET_EVAL = DatasetSpec(
    "tweet_eval",
    license="Twitter developer policy: research",
    citation="Barbieri et al. 2020, EMNLP Findings (TweetEval); of SemEval: Mohammad et al. 2016 and 2018, Rosenthal "
    "et al. 2017, Van Hee et al. 2018, Basile et al. 2019, Zampieri et al. 2019",
    tasks=(
        _tweets("emotion", (3257, 374, 1421)),
        _tweets("irony", (2862, 955, 784), named({"irony": "ironic", "non_irony": "not ironic"})),
        _tweets("hate", (9000, 1000, 2970), named({"hate": "hateful", "non-hate": "not hateful"})),
        _tweets("offensive", (11916, 1324, 860), named({"offensive": "offensive", "non-offensive": "not offensive"})),
        *(_tweets(f"stance_{part}", sizes, _stance(target)) for part, (target, *sizes) in STANCE_TARGETS.items()),
        _tweets("sentiment", (45615, 2000, 12284), family="SA"),
    ),
)
