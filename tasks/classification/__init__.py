"""CLS: a text and its labels."""

from seqgpt_jax.tasks.classification import emotions, judgements, topics_en, topics_zh
from seqgpt_jax.tasks.classification.topics_zh import DOMAINS, TNEWS_TOPICS

TASKS = (*topics_en.TASKS, *topics_zh.TASKS, *emotions.TASKS, *judgements.TASKS)

__all__ = ["DOMAINS", "TASKS", "TNEWS_TOPICS"]
