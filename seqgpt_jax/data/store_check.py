"""Check that a prepared store which the user names, and which needs no raw data, matches the settings."""

import json
from collections.abc import Collection
from dataclasses import MISSING, fields
from typing import Any

from transformers import PreTrainedTokenizerFast

from seqgpt_jax.data.prepare.config import PrepareConfig
from seqgpt_jax.data.store import EvalStore, StoreError, TrainStore
from seqgpt_jax.io.tokenizer import fingerprint


def check_store_matches(
    store: TrainStore | EvalStore, config: PrepareConfig, bound: Collection[str], tokenizer: PreTrainedTokenizerFast
) -> None:
    """Checks that a store was prepared with these settings and this tokenizer.

    Args:
      store: that the user has named.
      config: the settings of this command.
      bound: its fields that gin files and flags have set; the others are as they are in the store.
      tokenizer: of `config`.

    Raises:
      StoreError: it was not; every difference is named.
    """
    # What is not in the content of settings is as it is by default.
    defaults = _plain({field.name: field.default for field in fields(PrepareConfig) if field.default is not MISSING})
    in_store, here = store.manifest["settings"], _plain(config.content())
    store_settings, settings = defaults | in_store, defaults | here
    differences = [
        f"  Prepare.{name}: {store_settings[name]!r} in the store, {settings[name]!r} in this command"
        for name in sorted((in_store.keys() | here.keys()) & {*bound, "split"})
        if store_settings[name] != settings[name]
    ]
    of_store, of_command = store.manifest["tokenizer"]["fingerprint"], fingerprint(tokenizer)
    if of_store != of_command:
        differences.append(
            f"  tokenizer: {of_store} ({store.manifest['tokenizer']['tokens']:,} tokens) in the store, "
            f"{of_command} ({len(tokenizer):,} tokens) in Prepare.tokenizer = {config.tokenizer!r}"
        )
    if differences:
        raise StoreError(
            f"{store.folder} was made with other settings than this command has:\n"
            + "\n".join(differences)
            + "\nName another store, or give this command the settings of that one: --gin.Prepare.NAME=VALUE, and "
            "--gin.Train.validation_instances=N for Prepare.max_instances of a validation store."
        )


def _plain(settings: dict[str, Any]) -> dict[str, Any]:
    """Settings as a manifest has them: lists for tuples."""
    return json.loads(json.dumps(settings))
