"""Mixtures: names for lists of tasks. Rates need no numbers, they follow from the quotas.

What a mixture holds follows from what the data sets declare: a new one is in all that it fits. Only the small mixtures
for a CPU are lists of names.
"""

import itertools
from collections.abc import Iterable, Mapping, Sequence

from seqgpt_jax.atomic import FAMILIES, LANGUAGES
from seqgpt_jax.data.raw.licenses import is_commercial
from seqgpt_jax.data.raw.sources import Generated, OnRequest
from seqgpt_jax.data.raw.task_spec import DatasetSpec, TaskSpec
from seqgpt_jax.tasks import llm_labelled, quickstart

# Stage one of recipes on a CPU, which read the subsets: data sets that a language model labeled.
PT_CPU = ("pile_ner_slimer", "sky_ner_zh")
# What people have labeled, and `ft` has.
_NOT_IN_PT = frozenset(("iepile", "iepile_samples"))
# Numbers of data sets for the ablation of figure 5; every mixture holds the smaller ones.
DATA_SETS = (2, 4, 8, 16)
# The families in the order in which these take them: a classification and an extraction by turns.
_TURNS = ("CLS", "NER", "SA", "SF", "ID", "RE", "NLI", "EE", "ET", "MRC")
# Small data sets of all ten families, for recipes on a CPU, which read the subsets of the larger ones.
CPU = frozenset(
    (
        *("afqmc", "atis", "bc5cdr", "cfet", "chnsenticorp_htl", "clinc150", "cluener", "cmrc2018", "conll04"),
        *("duee", "duee_fin", "duie", "fewnerd", "goemotions", "maven_ed", "mit_movie", "ocnli", "resume_ner"),
        *("rte", "sanwen", "semeval2010_8", "smp2019", "snips", "sst2", "tnews", "trec", "webnlg_re", "wnut17"),
        "xquad",
    )
)
# Tasks of held-out data sets that the small recipes are scored on.
CPU_HELD_OUT = frozenset(
    (
        *("ag_news", "banking77", "casie.arguments", "casie.triggers", "casie.typing", "crossner.literature"),
        *("crossner.music", "crossner.politics", "crossner.science", "eprstmt", "fewrel.pubmed", "fewrel.wiki"),
        *("finre", "restaurant8k", "snli", "thucnews_10", "weibo_ner"),
    )
)
_LABELED_BY_MODELS = frozenset(spec.name for spec in llm_labelled.TASKS)


def mixtures(tasks: Mapping[str, TaskSpec]) -> dict[str, Sequence[str]]:
    """All mixtures of these tasks, by name."""
    real = [spec for spec in tasks.values() if spec.name not in _LABELED_BY_MODELS]
    real = [spec for spec in real if not isinstance(spec.source, Generated)]
    training = [spec for spec in real if not spec.held_out and "train" in spec.splits]
    refused = from_held_out(training, real)
    training = [spec for spec in training if spec.name not in refused]
    labeled = [spec for spec in tasks.values() if spec.name in _LABELED_BY_MODELS and "train" in spec.splits]
    refused |= from_held_out(labeled, real)
    usable = [spec for spec in labeled if spec.name not in refused and spec.dataset.name not in _NOT_IN_PT]
    pt = without_copies([spec for spec in usable if openly_available(spec)])
    ft = without_copies([spec for spec in training if openly_available(spec)])
    ft_cpu = [spec for spec in training if spec.dataset.name in CPU]
    held_out = [spec for spec in real if spec.held_out]
    zero_shot = [spec for spec in held_out if openly_available(spec)]
    zero_shot_cpu = [spec for spec in zero_shot if spec.name in CPU_HELD_OUT]
    return {
        # Stage one: labels written by a language model.
        "pt": _names(pt),
        "pt_cpu": PT_CPU,
        # Stage two: all that can be downloaded without a form; its score is measured on the held-in test splits.
        "ft": _names(ft),
        "ft_commercial": _names(spec for spec in ft if is_commercial(spec.dataset.license)),
        "ft_cpu": _names(ft_cpu),
        # Never trained on: their texts are new, and most of their labels too.
        "held_out": _names(zero_shot),
        "held_out_cpu": _names(zero_shot_cpu),
        # The whole catalogue, for those who have signed all forms and fetched all of it.
        "ft_catalogue": _names(without_copies(training)),
        "held_out_catalogue": _names(held_out),
        # Ablations: one language, one family, some data sets. One data set has its own name.
        **_by_language("pt", pt),
        **_by_language("ft", ft),
        **_by_language("ft_cpu", ft_cpu),
        **_by_language("held_out", zero_shot),
        **_by_language("held_out_cpu", zero_shot_cpu),
        **{f"ft_{family.lower()}": _names(spec for spec in ft if spec.family == family) for family in FAMILIES},
        **{f"ft_cpu_{family.lower()}": _names(spec for spec in ft_cpu if spec.family == family) for family in FAMILIES},
        **{f"ft_{number}_sets": _names(_of_data_sets(ft_cpu, number)) for number in DATA_SETS},
        # What tokenizers of the small recipes are trained on: both stages must share one.
        "pt_and_ft": (*PT_CPU, *_names(ft_cpu)),
        "quickstart_pt": quickstart.PT,
        "quickstart_ft": quickstart.HELD_IN,
        "quickstart_pt_and_ft": (*quickstart.PT, *quickstart.HELD_IN),
        "quickstart_held_out": quickstart.HELD_OUT,
        # For a model that reads English.
        "quickstart_en": _names(tasks[n] for n in (*quickstart.PT, *quickstart.HELD_IN) if tasks[n].language == "en"),
        "quickstart_held_out_en": _names(tasks[name] for name in quickstart.HELD_OUT if tasks[name].language == "en"),
    }


def openly_available(spec: TaskSpec) -> bool:
    """Whether its files can be downloaded without a form."""
    return not isinstance(spec.source, OnRequest)


def from_held_out(specs: Iterable[TaskSpec], tasks: Iterable[TaskSpec]) -> dict[str, list[str]]:
    """Task -> the held-out data sets among `tasks` whose texts it has, translated, copied or in part."""
    held_out = {spec.dataset.name: spec.dataset for spec in tasks if spec.held_out}

    def origins_of(dataset: DatasetSpec) -> list[str]:
        named = [name for name in (*dataset.derived_from, *dataset.overlaps) if name in held_out]
        return [*named, *(name for name, other in held_out.items() if dataset.name in other.overlaps)]

    origins = {spec.name: origins_of(spec.dataset) for spec in specs}
    return {name: found for name, found in origins.items() if found}


def without_copies(specs: Sequence[TaskSpec]) -> list[TaskSpec]:
    """The tasks, of equal texts once: none of a data set that is derived from another of them in its own language."""
    present = {(spec.dataset.name, spec.family, spec.language) for spec in specs}
    return [
        spec
        for spec in specs
        if not any((name, spec.family, spec.language) in present for name in spec.dataset.derived_from)
    ]


def _by_language(name: str, specs: Sequence[TaskSpec]) -> dict[str, Sequence[str]]:
    return {f"{name}_{language}": _names(spec for spec in specs if spec.language == language) for language in LANGUAGES}


def _names(specs: Iterable[TaskSpec]) -> tuple[str, ...]:
    return tuple(spec.name for spec in specs)


def _of_data_sets(specs: Sequence[TaskSpec], number: int) -> list[TaskSpec]:
    """The tasks of `number` data sets, of the families and both languages in turn, so that few are diverse too."""
    kinds: dict[tuple[str, str], dict[str, None]] = {
        # CLS en, NER zh, SA zh, SF en, ID en …, then each family in its other language.
        (family, LANGUAGES[(place + place // 2 + turn) % len(LANGUAGES)]): {}
        for turn in range(len(LANGUAGES))
        for place, family in enumerate(_TURNS)
    }
    for spec in specs:
        kinds[spec.family, spec.language][spec.dataset.name] = None
    in_turn = itertools.chain.from_iterable(itertools.zip_longest(*kinds.values()))
    chosen = [*dict.fromkeys(dataset for dataset in in_turn if dataset)][:number]
    return [spec for spec in specs if spec.dataset.name in chosen]
