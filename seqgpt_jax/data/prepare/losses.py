"""Losses of a preparation: how much of which tasks is lost or cut, why, and which setting helps."""

from collections.abc import Iterator, Mapping
from typing import Any

from seqgpt_jax.data.prepare.mixing import sets_rates
from seqgpt_jax.io.name_list import first_names

# Of a task: below, nothing is said.
_SHARE = 0.01
_VALIDATE = "`python -m seqgpt_jax.validate` says for own data which lines are meant"
# reason of a drop -> (the setting that decides, what else helps)
_HELP = {
    "target_too_long": ("max_target_tokens", "or ask for fewer labels at once, Prepare.max_queries"),
    "span_too_long": ("max_target_tokens", "and Prepare.max_prompt_tokens where an answer is longer than a window"),
    "answer_cut": ("max_prompt_tokens", ""),
    "labels_cut": ("max_prompt_tokens", "or ask for fewer labels at once, Prepare.max_queries and Prepare.max_labels"),
    "mentions_too_far": ("max_prompt_tokens", ""),
    "no_answer": ("quota", "where labels are over it; else give these records an answer"),
    "no_label": ("", "the task needs a label that occurs, or `labels` in its records"),
    "unusable_label": ("", "rename labels that are empty or equal in a prompt"),
    "label_none": ("", "their class is called `None`, which says that no label fits: rename it in the reader"),
    "leak": ("", "they are in validation or test too; --gin.Prepare.evaluation_mixtures=() keeps them"),
    "bad_record": ("", _VALIDATE),
    "contract": ("", _VALIDATE),
    "span_not_in_text": ("", _VALIDATE),
    "empty_text": ("", _VALIDATE),
}


def losses(tasks: Mapping[str, Mapping[str, Any]], settings: Mapping[str, Any]) -> list[str]:
    """One sentence for each kind of loss that takes more than 1 % of a task.

    Args:
      tasks: name -> its report, as the manifest has it.
      settings: of the preparation, as the manifest has them.
    """
    kinds: dict[str, list[tuple[str, int, int]]] = {}  # what -> (task, how many, of how many)
    for name, task in tasks.items():
        for what, count, total in _counts(task, settings):
            if count and count > _SHARE * total:
                kinds.setdefault(what, []).append((name, count, total))
    sentences = []
    for what, found in kinds.items():
        count, total = sum(count for _, count, _ in found), sum(total for _, _, total in found)
        names = first_names((name for name, _, _ in found), 3)
        sentences.append(f"{names}: {count:,} of {total:,} ({count / total:.1%}) {_help(what, settings)}")
    return sentences


def advice(drops: Mapping[str, Mapping[str, int]], settings: Mapping[str, Any]) -> str:
    """What helps against these drops: task -> reason -> how many."""
    reasons = dict.fromkeys(reason for counts in drops.values() for reason in counts)
    return "; ".join(_help(reason, settings) for reason in reasons)


def _counts(task: Mapping[str, Any], settings: Mapping[str, Any]) -> Iterator[tuple[str, int, int]]:
    """(what, how many, of how many) of all that one task can lose."""
    everything = task["examples"] + sum(task["drops"].values())
    for reason, count in task["drops"].items():
        yield reason, count, everything
    # Evaluation asks a sample, and says of how many; where settings give rates, an epoch takes as many as these say.
    rates = sets_rates(settings.get("mixing", "all"), settings.get("general_share", 0))
    if settings["split"] == "train" and not rates:
        yield "over_quota", task["instances"] - task["within_quota"], task["instances"]
    dropped = sum(task["drops"].get(reason, 0) for reason in ("answer_cut", "labels_cut"))
    yield "truncated", task["truncated_prompts"] - dropped, everything
    yield "windows", task.get("texts_in_windows", 0), task["within_quota"]
    spans_lost = task.get("lost_spans", 0) + task.get("unreachable_spans", 0)
    yield "spans", spans_lost, max(task.get("gold_spans", 0) + task.get("lost_spans", 0), spans_lost)


def _help(what: str, settings: Mapping[str, Any]) -> str:
    prompts = _setting("max_prompt_tokens", settings)
    names = ("quota", "max_instances", "max_text_bytes")
    limits = [_setting(name, settings) for name in names if settings.get(name) is not None]
    known = {
        "over_quota": f"instances are left out by {' and '.join(limits)}: None takes all",
        "truncated": f"prompts lost the start of their text: raise {prompts}",
        "windows": f"texts are cut into windows: {prompts} decides how long one is",
        "spans": f"gold spans are in no prompt: raise {prompts}",
    }
    if what in known:
        return known[what]
    name, more = _HELP.get(what, ("", ""))
    way = f"raise {_setting(name, settings)}" if name and settings[name] is not None else ""
    way = ", ".join(part for part in (way, more) if part)
    return f"{what}: {way}" if way else what


def _setting(name: str, settings: Mapping[str, Any]) -> str:
    return f"Prepare.{name} = {settings[name]}"
