"""ID: an utterance and what its speaker wants."""

from seqgpt_jax.tasks.intent import chinese, english, massive

TASKS = (*english.TASKS, *chinese.TASKS, *massive.TASKS)

__all__ = ["TASKS"]
