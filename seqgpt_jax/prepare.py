"""Prepares raw data: quota, negatives, prompts, ids, into ArrayRecord shards with a manifest.

    python -m seqgpt_jax.prepare --gin_file=ft.gin
    python -m seqgpt_jax.prepare --gin_file=ft.gin --inspect          # what it is made of, prompts, a picture
    python -m seqgpt_jax.prepare --gin_file=ft.gin --gin.Prepare.split=test --gin.Prepare.mixture=cluener
    python -m seqgpt_jax.prepare --list                               # tasks and mixtures
    python -m seqgpt_jax.prepare --gin_file=own_cpu.gin --data=tickets.jsonl --inspect     # own data: docs/own_data.md

Raw files are read below the folder that SEQGPT_DATA_DIR names. A store that matches the settings is
used again; `train` and `evaluate` call this command for what they miss.
"""

import dataclasses
import json
import shlex
import subprocess
import sys
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from seqgpt_jax import command_line

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

    from seqgpt_jax.data.prepare.config import PrepareConfig
    from seqgpt_jax.data.store import EvalStore, TrainStore

Store = TypeVar("Store", "TrainStore", "EvalStore")

# Beside a tokenizer that was trained here: the mixture and the number of ids that it was made of.
_TOKENIZER_ORIGIN = "trained_on.json"


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit code."""
    parser = command_line.parser(__doc__)
    command_line.add_own_data(parser)
    parser.add_argument("--list", action="store_true", help="print all tasks and mixtures and stop")
    parser.add_argument(
        "--inspect", action="store_true", help="show what the mixture is made of, and examples of every task"
    )
    parser.add_argument(
        "--beam",
        metavar="OPTIONS",
        help="do the work with Apache Beam and these pipeline options, such as '--runner=DataflowRunner --project=…'",
    )
    parser.add_argument("--examples", type=int, default=2, help="with --inspect: examples of each task (default 2)")
    args, configs = command_line.parse(parser, argv, uses=("Prepare",))

    from seqgpt_jax.console import prepared_data

    if args.list:
        from seqgpt_jax.tasks import catalogue

        # Own data and modules are listed too; what a preparation needs besides may still be unknown.
        prepared_data.print_tasks(*catalogue(configs.build("Prepare", mixture="", tokenizer="")))
        return 0
    config = configs.build("Prepare")
    folder, fresh = ensure_here(config, args.beam)
    prepared_data.print_summary(folder, fresh)
    if args.inspect:
        from seqgpt_jax.data.prepare.mixture_chart import mixture_chart
        from seqgpt_jax.data.tokenizer import load_tokenizer

        prepared_data.print_mixture(folder)
        picture = folder.with_name(f"{folder.name}.png")
        picture.write_bytes(mixture_chart(folder))
        print(f"picture: {picture}")
        prepared_data.print_examples(folder, load_tokenizer(config.tokenizer), args.examples)
    return 0


def tokenizer_of(config: "PrepareConfig") -> "PreTrainedTokenizerFast":
    """The tokenizer of these settings, trained first where they ask for it and it does not exist yet."""
    from seqgpt_jax.data.prepare.config import PrepareConfig
    from seqgpt_jax.data.prepare.pipeline import training_strings
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
            own_data=config.own_data,
            modules=config.modules,
            bad_records=config.bad_records,
            template=config.template,
            max_labels=8,
        )
        tokenizer = train_tokenizer(training_strings(texts, find(texts)), config.tokenizer_vocab_size)
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


def ensure_here(config: "PrepareConfig", beam: str | None = None) -> tuple[Path, bool]:
    """(the store's folder, whether it had to be made), preparing in this process, or on Apache Beam."""
    from seqgpt_jax.console.prepared_data import progress_bar
    from seqgpt_jax.data.prepare.pipeline import prepare

    inputs, folder = _inputs(config)
    if folder:
        return folder, False
    runner = None
    if beam is not None:
        try:
            from seqgpt_jax.data.prepare.beam_runner import beam_runner
        except ImportError as error:
            raise command_line.UsageError(
                f"--beam needs Apache Beam: pip install 'seqgpt_jax[beam]' ({error})"
            ) from error
        runner = beam_runner(shlex.split(beam))
    with progress_bar(f"preparing {config.mixture} ({config.split})") as progress:
        return prepare(**inputs, progress=progress, runner=runner), True


def _inputs(config: "PrepareConfig") -> tuple[dict[str, Any], Path | None]:
    """(what `preparation.prepare` takes, the store where it is there already)."""
    from seqgpt_jax.data.prepare.pipeline import locate
    from seqgpt_jax.data.raw.files import DataNotFound, check_files
    from seqgpt_jax.tasks import evaluation_tasks, find

    inputs = {"config": config, "specs": find(config)}
    inputs["evaluation"] = evaluation_tasks(config) if config.training else []
    # Before a tokenizer is trained on part of it.
    check_files(inputs["specs"], config.data_folder())
    try:
        check_files(inputs["evaluation"], config.data_folder())
    except DataNotFound as error:
        raise DataNotFound(
            f"{error}. They are only compared with: Prepare.evaluation_mixtures = {config.evaluation_mixtures} keeps "
            "their texts out of training; `--gin.Prepare.evaluation_mixtures=()` does without"
        ) from error
    inputs["tokenizer"] = tokenizer_of(config)
    return inputs, locate(**inputs)


def ensure(config: "PrepareConfig") -> Path:
    """The store's folder; where it is missing, `prepare` runs as a process of its own.

    Raises:
      UsageError: that process failed; it has printed why.
    """
    from seqgpt_jax.data.prepare.pipeline import locate

    inputs, folder = _inputs(config)
    if folder:
        return folder
    bindings = [
        f"--gin.Prepare.{field.name}={getattr(config, field.name)!r}"
        for field in dataclasses.fields(config)
        if getattr(config, field.name) != field.default
    ]
    finished = subprocess.run([sys.executable, "-m", "seqgpt_jax.prepare", *bindings], check=False)
    folder = locate(**inputs)
    if finished.returncode or folder is None:
        raise command_line.UsageError(
            f"the preparation of {config.mixture} ({config.split}) failed with code {finished.returncode}"
        )
    return folder


def open_store(kind: type[Store], config: "PrepareConfig", folder: str | None, bound: Collection[str]) -> Store:
    """The store in `folder`; without one that of these settings, prepared where it is missing.

    Args:
      kind: TrainStore or EvalStore.
      config: the settings.
      folder: that the user has named: it must have been made with these settings, but needs no raw data.
      bound: fields of `config` that gin files and flags have set; of the others a named folder may have others.

    Raises:
      StoreError: it is missing, not whole, or made otherwise.
      UsageError: preparing it has failed.
    """
    from seqgpt_jax.data.store_check import check_store_matches
    from seqgpt_jax.data.tokenizer import load_tokenizer

    if folder is None:
        store = kind(ensure(config))
    else:
        store = kind(folder)
        check_store_matches(store, config, bound, load_tokenizer(config.tokenizer))
    store.check_whole()
    return store


if __name__ == "__main__":
    command_line.run(main)
