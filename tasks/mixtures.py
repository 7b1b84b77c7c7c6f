"""Mixtures: names for lists of tasks. Rates need no numbers, they follow from the quotas."""

from collections.abc import Sequence

from seqgpt_jax.tasks import quickstart

# Every family in English and in Chinese.
FT = (
    *("trec", "goemotions", "tnews", "smp2019.domain"),
    *("sst2", "chnsenticorp_htl"),
    *("clinc150", "atis.intent", "snips.intent", "smp2019.intent"),
    *("rte", "ocnli", "afqmc"),
    *("fewnerd.typing", "cfet"),
    *("xquad.en", "xquad.zh", "cmrc2018"),
    *("fewnerd.entities", "wnut17", "bc5cdr", "cluener", "resume_ner"),
    *("mit_movie", "snips.slots", "atis.slots", "smp2019.slots"),
    *("conll04.spans", "conll04.typing", "semeval2010_8", "duie.spans", "duie.typing"),
    *("maven_ed.triggers", "maven_ed.typing", "duee.triggers", "duee.typing", "duee.arguments"),
)

MIXTURES: dict[str, Sequence[str]] = {
    # Stage one: labels written by a language model.
    "pt": ("pile_ner_slimer", "sky_ner_zh"),
    # Stage two, and what its score is measured on: the held-in test splits.
    "ft": FT,
    # Never trained on: their texts are new, and most of their labels too.
    "held_out": (
        *("ag_news", "thucnews_10", "eprstmt", "banking77", "snli", "crossner.politics", "crossner.science"),
        *("crossner.music", "crossner.literature", "weibo_ner", "restaurant8k", "finre"),
    ),
    # What tokenizers of the small recipes are trained on: both stages must share one.
    "pt_and_ft": ("pile_ner_slimer", "sky_ner_zh", *FT),
    "quickstart_pt": quickstart.PT,
    "quickstart_ft": quickstart.HELD_IN,
    "quickstart_pt_and_ft": (*quickstart.PT, *quickstart.HELD_IN),
    "quickstart_held_out": quickstart.HELD_OUT,
}
