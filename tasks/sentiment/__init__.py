"""SA: a text and its sentiment."""

from seqgpt_jax.tasks.sentiment import chinese, english

TASKS = (*english.TASKS, *chinese.TASKS)

__all__ = ["TASKS"]
