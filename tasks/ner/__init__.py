"""NER: the entities of each type."""

from seqgpt_jax.tasks.ner import biomedical, chinese, clinical_zh, english, nested, wikipedia
from seqgpt_jax.tasks.ner.chinese import CLUENER_TYPES, RESUME_TYPES, WEIBO_TYPES

TASKS = (
    *english.TASKS,
    *wikipedia.TASKS,
    *biomedical.TASKS,
    *nested.TASKS,
    *chinese.TASKS,
    *clinical_zh.TASKS,
)

__all__ = ["CLUENER_TYPES", "RESUME_TYPES", "TASKS", "WEIBO_TYPES"]
