"""SF: the values of each slot in an utterance."""

from seqgpt_jax.tasks.slots import chinese, english

TASKS = (*english.TASKS, *chinese.TASKS)
