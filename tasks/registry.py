"""Finds tasks and mixtures by name; re-exports what a module of tasks needs to declare them."""

from seqgpt_jax.data.task_spec import RecordError, Skipped, TaskSpec

__all__ = ["RecordError", "Skipped", "TaskSpec"]
