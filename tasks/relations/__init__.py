"""RE: the spans that relations may hold between, then the relation of a pair."""

from seqgpt_jax.tasks.relations import chinese, dialogue, knowledge_base, science, sentences

TASKS = (*sentences.TASKS, *knowledge_base.TASKS, *science.TASKS, *chinese.TASKS, *dialogue.TASKS)
