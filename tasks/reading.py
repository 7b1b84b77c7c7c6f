"""MRC: a passage and a question."""

from seqgpt_jax.data.task_spec import TaskSpec
from seqgpt_jax.tasks.readers.record import reader
from seqgpt_jax.tasks.readers.squad import first_question, passages, questions


def _xquad(language: str) -> TaskSpec:
    """XQuAD is a test set; splitting it by passage gives reading in both languages something to train on.

    The split is one for both languages: a passage and its translation fall into the same part.
    """
    return TaskSpec(
        name=f"xquad.{language}",
        family="MRC",
        language=language,
        atom="ext",
        splits=dict.fromkeys(("train", "validation", "test"), (f"xquad.{language}.json",)),
        read=reader(passages(), questions, split_key=first_question),
        licence="CC BY-SA 4.0",
        source=f"github.com/google-deepmind/xquad xquad.{language}.json",
    )


TASKS = (
    _xquad("en"),
    _xquad("zh"),
    TaskSpec(
        name="cmrc2018",
        family="MRC",
        language="zh",
        atom="ext",
        # The pack has no training file; the trial file, split by passage, stands in for it.
        splits={
            "train": ("cmrc2018_trial.json",),
            "validation": ("cmrc2018_trial.json",),
            "test": ("cmrc2018_dev.json",),
        },
        read=reader(passages(), questions, split_key=first_question, shares={"train": 0.9, "validation": 0.1}),
        licence="CC BY-SA 4.0",
        source="github.com/ymcui/cmrc2018 squad-style-data/cmrc2018_{trial,dev}.json",
    ),
)
