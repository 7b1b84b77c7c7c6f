"""Training of a model on a prepared mixture; prepares the data first where it is missing.

    python -m seqgpt_jax.train --gin_file=ft_cpu.gin
    python -m seqgpt_jax.train --gin_file=ft.gin --fetch            # downloads first what is not here
    python -m seqgpt_jax.train --gin_file=own_cpu.gin --data=tickets.jsonl --run_dir=runs/tickets     # own data
    python -m seqgpt_jax.train --gin_file=ft.gin --run_dir=runs/ft_small --gin.Train.batch_size=64
    python -m seqgpt_jax.train --gin_file=ft.gin --gin.Train.init_from=runs/pt     # stage two from stage one
    python -m seqgpt_jax.train --gin_file=ft_pretrained_cpu.gin --gin.CHECKPOINT=imported/smollm2-135m   # any model
    python -m seqgpt_jax.train --gin_file=ft.gin --store=prepared/ft.train.0123456789    # needs no raw data

The run folder (by default runs/NAME for NAME.gin) holds checkpoints/, model.json, seqgpt.json, tokenizer/, config.gin,
metrics.jsonl, tensorboard/ and loss.png. The same command resumes an interrupted run; a preempted one (SIGTERM,
Ctrl-C) saves and exits with code 75. A checkpoint that fails to save or load is reported; training continues, or falls
back to the previous one. One process at a time trains in a run folder; a second one is refused.
"""

import argparse
import contextlib
import dataclasses
import functools
import shlex
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from seqgpt_jax import command_line

if TYPE_CHECKING:
    from etils import epath

    from seqgpt_jax.data.prepare.config import PrepareConfig
    from seqgpt_jax.io.published_weights import WeightsConfig
    from seqgpt_jax.models.backbone import ModelConfig
    from seqgpt_jax.training.config import TrainConfig


def validation_data(
    args: argparse.Namespace, prepare_config: "PrepareConfig", train_config: "TrainConfig"
) -> "PrepareConfig | None":
    """Preparation settings of the validation data; None without `Train.validate_every`.

    Raises:
      UsageError: flags that contradict each other or the settings.
    """
    if train_config.validate_every is None:
        if args.validation_store is not None:
            raise command_line.UsageError("--validation_store is for Train.validate_every, which is not set")
        return None
    limits = [number for number in (train_config.validation_instances, prepare_config.max_instances) if number]
    if args.store is not None and args.validation_store is None:
        raise command_line.UsageError(
            "Train.validate_every needs --validation_store beside --store. Prepare it with the settings of that one, "
            f"--gin.Prepare.split=validation and --gin.Prepare.max_instances={min(limits)}"
        )
    return dataclasses.replace(prepare_config, split="validation", max_instances=min(limits))


def model_of(configs: command_line.Configs, run_dir: "epath.Path", init_from: str | None) -> "ModelConfig":
    """The model to train: as gin binds `Model`; where that is not all of it, the rest as in the run or in `init_from`.

    How it is computed (dtypes, remat, attention) is never taken from there.

    Raises:
      UsageError: a field is neither bound nor known, or a value is refused.
      LoadingError, WeightsError: the folder holds no model.
    """
    from seqgpt_jax.io import model_folder
    from seqgpt_jax.io.run_checkpoints import complete_steps
    from seqgpt_jax.training.checkpointing.metadata import COMPUTE_FIELDS

    # Without a checkpoint the run begins anew, whatever an earlier try has left.
    known = run_dir if model_folder.is_run(run_dir) and complete_steps(run_dir) else init_from
    try:
        return configs.build("Model")
    except command_line.UsageError:
        if known is None:
            raise
    stored = dataclasses.asdict(model_folder.read_config(known))
    here = {*COMPUTE_FIELDS, "param_dtype", *configs.bound("Model")}
    return configs.build("Model", **{name: value for name, value in stored.items() if name not in here})


def fetch_or_check(
    args: argparse.Namespace, words: Sequence[str], prepare_config: "PrepareConfig", weights: "WeightsConfig"
) -> None:
    """With --fetch, downloads what is missing; without it, raises one UsageError that names all of it."""
    from seqgpt_jax import fetch

    if args.fetch:
        fetch.fetch_missing(prepare_config, weights, with_data=args.store is None)
    else:
        command = shlex.join(fetch.command_for(args, words))
        fetch.check_nothing_missing(prepare_config, weights, command, with_data=args.store is None)


@contextlib.contextmanager
def end_after_failed_save() -> Iterator[None]:
    """Ends the process at once after a SaveError: after a failed save, threads of Orbax stay alive for five minutes."""
    from seqgpt_jax.training.checkpointing.checkpointer import SaveError
    from seqgpt_jax.training.multihost.watchdog import hard_exit

    try:
        yield
    except SaveError as error:
        text, code = command_line.explain(error)
        print(f"error: {text}", file=sys.stderr)
        hard_exit(code)


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit code."""
    parser = command_line.parser(__doc__)
    command_line.add_own_data(parser)
    parser.add_argument(
        "--run_dir",
        metavar="FOLDER",
        help="folder of the run, on a disk or in a bucket (gs://…) (default: runs/NAME of the first gin file)",
    )
    parser.add_argument(
        "--store",
        metavar="FOLDER",
        help="train on this prepared folder; no raw data are needed (default: the folder of these Prepare settings, "
        "prepared where it is missing)",
    )
    parser.add_argument(
        "--validation_store",
        metavar="FOLDER",
        help="the same for Train.validate_every: a prepared folder of a validation split",
    )
    parser.add_argument(
        "--multihost", action="store_true", help="on every host of a TPU pod or cluster: join the other hosts first"
    )
    parser.add_argument(
        "--fetch", action="store_true", help="download first what is missing: data sets, base weights, tokenizer"
    )
    uses = ("Prepare", "Model", "Lora", "Optimizer", "Mesh", "Train", "Weights")
    args, configs = command_line.parse(parser, argv, uses=uses)
    if not args.gin_file:
        raise command_line.UsageError("--gin_file is missing: try --gin_file=ft_cpu.gin (see configs/runs/)")
    if args.multihost and args.fetch:
        raise command_line.UsageError(
            "--fetch is for one host: with --multihost each host would download, and the others not wait for it. Run "
            "`python -m seqgpt_jax.fetch` with the same gin file once for each disk that hosts share, then `train` "
            "without --fetch; or prepare once, copy the prepared folder to each host and train on it (--store=FOLDER)"
        )

    from seqgpt_jax.io.storage import open_path

    run_dir = open_path(args.run_dir or Path("runs") / Path(args.gin_file[0]).stem)
    # All configurations are built before anything slow, so that errors in them are reported at once.
    prepare_config, train_config = configs.build("Prepare", split="train"), configs.build("Train")
    optimizer, mesh = configs.build("Optimizer"), configs.build("Mesh")
    lora, weights = configs.build("Lora"), configs.build("Weights")
    validation_config = validation_data(args, prepare_config, train_config)
    fetch_or_check(args, sys.argv[1:] if argv is None else argv, prepare_config, weights)
    # Its sizes may be those of a folder that has just been fetched.
    model = model_of(configs, run_dir, train_config.init_from)

    import jax

    from seqgpt_jax import tasks
    from seqgpt_jax.console.prepared_data import prepare_if_missing
    from seqgpt_jax.data.batches import Batches
    from seqgpt_jax.data.prepare.resolve import open_store
    from seqgpt_jax.data.store import EvalStore, TrainStore
    from seqgpt_jax.data.validation_examples import ValidationExamples
    from seqgpt_jax.io.contract import contract_of
    from seqgpt_jax.training.loop import train
    from seqgpt_jax.training.multihost.hosts import SINGLE_HOST, join
    from seqgpt_jax.training.preemption import EXIT_STOPPED

    with end_after_failed_save(), join(command_line.explain) if args.multihost else SINGLE_HOST as hosts:
        bound = configs.bound("Prepare")
        open_prepared = functools.partial(open_store, registry=tasks, prepare=prepare_if_missing)
        store, tokenizer = open_prepared(TrainStore, prepare_config, folder=args.store, bound=bound)
        validation, validation_fingerprint = None, ""
        if validation_config:
            bound = [*bound, "max_instances"]
            validation_store, _ = open_prepared(EvalStore, validation_config, folder=args.validation_store, bound=bound)
            examples = ValidationExamples(validation_store, tokenizer, length=train_config.length)
            rows = train_config.micro_batch_size
            validation_fingerprint = validation_store.manifest["content"]
            validation = functools.partial(Batches, examples, length=train_config.length, batch_size=rows, seed=0)
            if jax.process_index() == 0:
                print(f"validation: {examples.summary()}", flush=True)
        outcome = train(
            train_config,
            model,
            optimizer,
            mesh,
            open_batches=functools.partial(
                Batches,
                store,
                length=train_config.length,
                batch_size=train_config.batch_size,
                seed=train_config.seed,
                epochs=train_config.epochs,
            ),
            # Of the records, not of the code that prepared them: a changed comment does not prevent a resume.
            data_fingerprint=store.manifest["content"],
            tokenizer=tokenizer,
            run_dir=run_dir,
            contract=contract_of(store.manifest),
            open_validation=validation,
            validation_fingerprint=validation_fingerprint,
            config_text=configs.text(),
            lora=lora,
            hosts=hosts,
        )
    return EXIT_STOPPED if outcome.stopped else 0


if __name__ == "__main__":
    command_line.run(main)
