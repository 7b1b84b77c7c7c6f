"""NLI: how two sentences relate (entailment, paraphrase, relevance)."""

from seqgpt_jax.tasks.inference import bilingual, chinese, english

TASKS = (*english.TASKS, *chinese.TASKS, *bilingual.TASKS)
