"""MRC: a passage and a question; the answer is a span of the passage, or one of some options."""

from seqgpt_jax.tasks.reading import chinese, choices, spans

TASKS = (*spans.TASKS, *choices.TASKS, *chinese.TASKS)
