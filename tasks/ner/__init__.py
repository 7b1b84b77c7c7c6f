"""NER: the entities of each type."""

from seqgpt_jax.tasks.ner import biomedical, chinese, clinical_zh, english, nested, wikipedia

TASKS = (
    *english.TASKS,
    *wikipedia.TASKS,
    *biomedical.TASKS,
    *nested.TASKS,
    *chinese.TASKS,
    *clinical_zh.TASKS,
)
