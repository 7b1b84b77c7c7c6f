"""Prepares raw data: quota, negatives, prompts, ids, into ArrayRecord shards with a manifest.

    python -m seqgpt_jax.prepare --gin_file=ft.gin
    python -m seqgpt_jax.prepare --gin_file=ft.gin --inspect          # prompts and targets as the model sees them
    python -m seqgpt_jax.prepare --gin_file=ft.gin --gin.Prepare.split=test --gin.Prepare.mixture=cluener
    python -m seqgpt_jax.prepare --list                               # tasks and mixtures

Raw files are read below the folder that SEQGPT_DATA_DIR names. A store that matches the settings is
used again; `train` and `evaluate` call this command for what they miss.
"""

import dataclasses
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from seqgpt_jax import command_line

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

    from seqgpt_jax.data.settings import PrepareConfig


# Beside a tokenizer that was trained here: the mixture and the number of ids that it was made of.
_TOKENIZER_ORIGIN = "trained_on.json"


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit code."""
    parser = command_line.parser(__doc__)
    parser.add_argument("--list", action="store_true", help="print all tasks and mixtures and stop")
    parser.add_argument("--inspect", action="store_true", help="print examples of every task from the prepared store")
    parser.add_argument("--examples", type=int, default=2, help="with --inspect: examples of each task (default 2)")
    args, configs = command_line.parse(parser, argv, uses=("Prepare",))

    from seqgpt_jax.data import inspection

    if args.list:
        from seqgpt_jax.tasks import MIXTURES, TASKS

        inspection.print_tasks(TASKS, MIXTURES)
        return 0
    config = configs.build("Prepare")
    folder, fresh = ensure_here(config)
    inspection.print_summary(folder, fresh)
    if args.inspect:
        from seqgpt_jax.data.tokenizer import load_tokenizer

        inspection.print_examples(folder, load_tokenizer(config.tokenizer), args.examples)
    return 0


def tokenizer_of(config: "PrepareConfig") -> "PreTrainedTokenizerFast":
    """The tokenizer of these settings, trained first where they ask for it and it does not exist yet."""
    from seqgpt_jax.data.preparation import training_strings
    from seqgpt_jax.data.settings import PrepareConfig
    from seqgpt_jax.data.tokenizer import load_tokenizer, save_tokenizer, train_tokenizer
    from seqgpt_jax.tasks import find

    folder, wanted = Path(config.tokenizer), [config.tokenizer_mixture, config.tokenizer_vocab_size]
    origin = folder / _TOKENIZER_ORIGIN
    if config.tokenizer_vocab_size and not folder.exists():
        print(
            f"training a tokenizer of {config.tokenizer_vocab_size:,} ids on {config.tokenizer_mixture} …", flush=True
        )
        # Settings of its own, so that it does not matter which stage needs the tokenizer first.
        texts = PrepareConfig(
            mixture=config.tokenizer_mixture,
            tokenizer=config.tokenizer,
            data_dir=config.data_dir,
            template=config.template,
            max_labels=8,
        )
        tokenizer = train_tokenizer(training_strings(texts, find(texts.mixture, "train")), config.tokenizer_vocab_size)
        partial = folder.with_name(f"{folder.name}.partial")
        save_tokenizer(tokenizer, partial)
        (partial / origin.name).write_text(json.dumps(wanted), encoding="utf-8")
        partial.rename(folder)
    elif config.tokenizer_vocab_size and origin.exists():
        made = json.loads(origin.read_text(encoding="utf-8"))
        if made != wanted:
            raise command_line.UsageError(
                f"the tokenizer in {folder} is of {made[0]} with {made[1]} ids, not of {wanted[0]} with {wanted[1]}"
                ": set Prepare.tokenizer to another folder, or remove that one"
            )
    return load_tokenizer(config.tokenizer)


def ensure_here(config: "PrepareConfig") -> tuple[Path, bool]:
    """(the store's folder, whether it had to be made), preparing in this process."""
    from seqgpt_jax.data.inspection import progress_bar
    from seqgpt_jax.data.preparation import locate, prepare
    from seqgpt_jax.tasks import find

    specs = find(config.mixture, config.split)
    tokenizer = tokenizer_of(config)
    if folder := locate(config, specs, tokenizer):
        return folder, False
    with progress_bar(f"preparing {config.mixture} ({config.split})") as progress:
        return prepare(config, specs, tokenizer, progress), True


def ensure(config: "PrepareConfig") -> Path:
    """The store's folder; where it is missing, `prepare` runs as a process of its own.

    Raises:
      UsageError: that process failed; it has printed why.
    """
    from seqgpt_jax.data.preparation import locate
    from seqgpt_jax.tasks import find

    specs = find(config.mixture, config.split)
    tokenizer = tokenizer_of(config)
    if folder := locate(config, specs, tokenizer):
        return folder
    bindings = [
        f"--gin.Prepare.{field.name}={getattr(config, field.name)!r}"
        for field in dataclasses.fields(config)
        if getattr(config, field.name) != field.default
    ]
    finished = subprocess.run([sys.executable, "-m", "seqgpt_jax.prepare", *bindings], check=False)
    folder = locate(config, specs, tokenizer)
    if finished.returncode or folder is None:
        raise command_line.UsageError(
            f"the preparation of {config.mixture} ({config.split}) failed with code {finished.returncode}"
        )
    return folder


if __name__ == "__main__":
    command_line.run(main)
