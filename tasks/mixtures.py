"""Mixtures: names for lists of tasks. Rates need no numbers, they follow from the quotas.

What a mixture holds follows from what the tasks declare: a new task is in all that it fits.
"""

import itertools
from collections.abc import Iterable, Mapping, Sequence

from seqgpt_jax.atomic import FAMILIES, LANGUAGES
from seqgpt_jax.data.raw.sources import Generated
from seqgpt_jax.data.raw.task_spec import TaskSpec
from seqgpt_jax.tasks import llm_labelled, quickstart

# Stage one; the other packs of `llm_labelled` are samples too small to train on.
PT = ("pile_ner_slimer", "sky_ner_zh")
# Numbers of data sets for the ablation of figure 5; every mixture holds the smaller ones.
DATA_SETS = (4, 8, 16)


def mixtures(tasks: Mapping[str, TaskSpec]) -> dict[str, Sequence[str]]:
    """All mixtures of these tasks, by name."""
    labelled_by_models = {spec.name for spec in llm_labelled.TASKS}
    real = [spec for spec in tasks.values() if spec.name not in labelled_by_models]
    real = [spec for spec in real if not isinstance(spec.source, Generated)]
    training = [spec for spec in real if not spec.held_out and "train" in spec.splits]
    ft = [spec for spec in training if spec.verified == "files"]
    held_out = [spec for spec in real if spec.held_out]
    zero_shot = [spec for spec in held_out if spec.verified == "files"]
    return {
        # Stage one: labels written by a language model.
        "pt": PT,
        # Stage two, and what its score is measured on: the held-in test splits.
        "ft": _names(ft),
        # Never trained on: their texts are new, and most of their labels too.
        "held_out": _names(zero_shot),
        # The whole catalogue, for those who have fetched all of it.
        "ft_catalogue": _names(training),
        "held_out_catalogue": _names(held_out),
        # Ablations: one language, one family, some data sets. One data set has its own name.
        **{f"ft_{language}": _names(spec for spec in ft if spec.language == language) for language in LANGUAGES},
        **{f"held_out_{language}": _names(s for s in zero_shot if s.language == language) for language in LANGUAGES},
        **{f"ft_{family.lower()}": _names(spec for spec in ft if spec.family == family) for family in FAMILIES},
        **{f"ft_{number}_sets": _names(_of_data_sets(ft, number)) for number in DATA_SETS},
        # What tokenizers of the small recipes are trained on: both stages must share one.
        "pt_and_ft": (*PT, *_names(ft)),
        "quickstart_pt": quickstart.PT,
        "quickstart_ft": quickstart.HELD_IN,
        "quickstart_pt_and_ft": (*quickstart.PT, *quickstart.HELD_IN),
        "quickstart_held_out": quickstart.HELD_OUT,
        # For a model that reads English.
        "quickstart_en": _names(tasks[n] for n in (*quickstart.PT, *quickstart.HELD_IN) if tasks[n].language == "en"),
        "quickstart_held_out_en": _names(tasks[name] for name in quickstart.HELD_OUT if tasks[name].language == "en"),
    }


def _names(specs: Iterable[TaskSpec]) -> tuple[str, ...]:
    return tuple(spec.name for spec in specs)


def _of_data_sets(specs: Sequence[TaskSpec], number: int) -> list[TaskSpec]:
    """The tasks of `number` data sets, taken from the families and languages in turn, so that few are diverse too."""
    kinds: dict[tuple[str, str], dict[str, None]] = {}
    for spec in specs:
        kinds.setdefault((spec.family, spec.language), {})[spec.dataset.name] = None
    in_turn = itertools.chain.from_iterable(itertools.zip_longest(*kinds.values()))
    chosen = [*dict.fromkeys(dataset for dataset in in_turn if dataset)][:number]
    return [spec for spec in specs if spec.dataset.name in chosen]
