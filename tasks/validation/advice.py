"""Advice that follows from the findings of a data set: what to fix first, and the next command."""

from seqgpt_jax.tasks.validation.findings import DataSummary

_STEPS = {
    "offsets": "Convert the offsets first: spans that are half words teach half words.",
    "half_word": "Look at the spans that begin or end inside words: offsets may be shifted there.",
    "list_in_label": "Separate the labels that stand in one string.",
    "similar_label": "Give each label one spelling: a model is asked them against each other.",
    "contradiction": "Decide which of the contradicting answers is right.",
    "long_text": "Raise the setting that is named at long_text, or shorten the texts.",
    "long_answer": "Raise the setting that is named at long_answer, or ask for fewer spans in one record.",
    "empty_split": "Add records, or give a file for each split: --data=train=FILE,validation=FILE,test=FILE",
}


def advice(summary: DataSummary, flags: str) -> list[str]:
    """Sentences that say what to do; `flags` give these data to the other commands."""
    # What the offsets explain needs no step of its own.
    found = {reason for reason in _STEPS if summary.warnings[reason]}
    found -= {"half_word"} if "offsets" in found else set()
    steps = [step for reason, step in _STEPS.items() if reason in found]
    if summary.bad:
        way = "prepare stops at the first, or leaves it out with --gin.Prepare.bad_records=skip"
        way = f"Fix what is bad ({summary.bad.total():,}): {way if summary.good else 'no record can be used'}."
        # Wrong offsets may be all that is bad.
        steps.insert("offsets" in found, way)
    if summary.good and flags:
        steps.append(f"Prepare: python -m seqgpt_jax.prepare --gin_file=own_cpu.gin {flags} --inspect")
    return steps if steps or summary.good else ["Give it records."]
