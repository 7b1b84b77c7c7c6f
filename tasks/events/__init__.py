"""EE: the triggers of each event type, the event type of a trigger, the arguments of each role."""

from seqgpt_jax.tasks.events import chinese, english, finance, token_spans

TASKS = (*english.TASKS, *token_spans.TASKS, *chinese.TASKS, *finance.TASKS)
