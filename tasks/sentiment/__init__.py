"""SA: a text and its sentiment."""

from seqgpt_jax.tasks.sentiment import aspects, chinese, english

TASKS = (*english.TASKS, *chinese.TASKS, *aspects.TASKS)

__all__ = ["TASKS"]
