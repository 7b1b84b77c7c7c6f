"""Data sets of an evaluation that are asked end to end, and those that cannot be."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from seqgpt_jax.data.raw.task_spec import TaskSpec
from seqgpt_jax.data.store import EvalStore
from seqgpt_jax.evaluation.end_to_end.gold import STEPS, GoldData, read_gold, with_steps

Catalogue = Callable[[bool], Mapping[str, TaskSpec]]
"""`Prepare.subsets` -> the tasks by name."""


def gold_of_stores(
    stores: Sequence[EvalStore], catalogue: Catalogue, folder: Path | None, records: int | None, seed: int
) -> tuple[list[GoldData], list[str]]:
    """(the gold texts of the relation and event data sets in these stores, what a reader should know besides).

    Args:
      stores: of which a data set counts where any of its RE and EE tasks is there.
      catalogue: the tasks that they were prepared of.
      folder: of the raw data sets.
      records: texts of each data set; None for all.
      seed: of their choice.

    Raises:
      ValueError: no data set has whole texts: there would be no end-to-end score.
    """
    splits: dict[tuple[str, bool, str], dict[str, None]] = defaultdict(dict)
    families: dict[str, str] = {}
    for store in stores:
        settings = store.manifest["settings"]
        subsets, bad_records = bool(settings.get("subsets")), settings.get("bad_records", "stop")
        specs = catalogue(subsets)
        for task in store.manifest.get("tasks", {}):
            if task in specs and specs[task].family in STEPS:
                name = specs[task].dataset.name
                families[name] = specs[task].family
                splits[name, subsets, bad_records][store.manifest["split"]] = None
    found, missing = [], []
    for (name, subsets, bad_records), of_set in splits.items():
        specs = (spec for spec in catalogue(subsets).values() if spec.dataset.name == name)
        with_texts = with_steps(specs)
        if not with_texts:
            missing.append(name)
        for key, steps in with_texts.items():
            gold = read_gold(key, steps, tuple(of_set), folder, records, seed, bad_records)
            if gold.texts and gold.schema:
                found.append(gold)
            else:
                missing.append(name)
    if not found:
        there = f"; those of {', '.join(sorted(families))} have no tasks of the same whole texts" if families else ""
        raise ValueError(
            "Evaluate.end_to_end = True needs a data set of the families RE or EE with whole texts (conll04, duie, "
            f"webnlg_re, casie, duee, duee_fin, maven_ed, …), and none is in the data{there}"
        )
    notes = []
    if missing:
        notes.append(
            f"no end-to-end score, as their tasks are not of the same whole texts: {', '.join(sorted(missing))}."
        )
    return found, notes
