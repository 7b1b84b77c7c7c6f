"""CLS: a text and its labels."""

from seqgpt_jax.tasks.assistants import MASSIVE, MTOP
from seqgpt_jax.tasks.classification import emotions, judgements, topics_en, topics_zh
from seqgpt_jax.tasks.declarations import task_specs

TASKS = (
    *topics_en.TASKS,
    *topics_zh.TASKS,
    *emotions.TASKS,
    *judgements.TASKS,
    *task_specs(MTOP.only("CLS"), MASSIVE.only("CLS")),
)
