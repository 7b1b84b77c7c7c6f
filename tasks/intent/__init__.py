"""ID: an utterance and what its speaker wants."""

from seqgpt_jax.tasks.intent import chinese, english

TASKS = (*english.TASKS, *chinese.TASKS)
