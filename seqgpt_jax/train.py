"""Trains a model on a prepared mixture, preparing the data first where it is missing.

    python -m seqgpt_jax.train --gin_file=ft_cpu.gin
    python -m seqgpt_jax.train --gin_file=own_cpu.gin --data=tickets.jsonl --run_dir=runs/tickets     # own data
    python -m seqgpt_jax.train --gin_file=ft.gin --run_dir=runs/ft_small --gin.Train.batch_size=64
    python -m seqgpt_jax.train --gin_file=ft.gin --gin.Train.init_from=runs/pt     # stage two from stage one

The run folder (by default runs/NAME for NAME.gin) holds checkpoints/, model.json, tokenizer/, config.gin,
metrics.jsonl, tensorboard/ and loss.png. The same command goes on where a run has stopped, however it
was stopped; a run that was told to (SIGTERM, Ctrl-C) saves and exits with code 75. A checkpoint that
cannot be written or read is told: the one before it stays, or takes its place.
"""

import functools
from collections.abc import Sequence
from pathlib import Path

from seqgpt_jax import command_line


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit code."""
    parser = command_line.parser(__doc__)
    command_line.add_own_data(parser)
    parser.add_argument("--run_dir", type=Path, help="folder of the run (default: runs/NAME of the first gin file)")
    parser.add_argument(
        "--multihost", action="store_true", help="on every host of a TPU pod: join the other hosts first"
    )
    args, configs = command_line.parse(parser, argv, uses=("Prepare", "Model", "Optimizer", "Mesh", "Train"))
    if not args.gin_file:
        raise command_line.UsageError("--gin_file is missing: try --gin_file=ft_cpu.gin (see configs/runs/)")
    run_dir = args.run_dir or Path("runs") / Path(args.gin_file[0]).stem
    if ":/" in str(run_dir):  # a Path has made gs:/ of gs://, and would make a folder of that name
        raise command_line.UsageError(
            f"--run_dir={run_dir}: checkpoints are written to local and shared disks, not to buckets; name a folder"
        )
    # Every configuration is built before anything slow, so that a wrong one is said at once.
    prepare_config, train_config = configs.build("Prepare", split="train"), configs.build("Train")
    model, optimizer, mesh = configs.build("Model"), configs.build("Optimizer"), configs.build("Mesh")

    import jax

    if args.multihost:
        jax.distributed.initialize()

    from seqgpt_jax.data.batches import Batches
    from seqgpt_jax.data.store import TrainStore
    from seqgpt_jax.prepare import ensure, tokenizer_of
    from seqgpt_jax.training.loop import train
    from seqgpt_jax.training.stopping import EXIT_STOPPED

    store = TrainStore(ensure(prepare_config))
    tokenizer = tokenizer_of(prepare_config)
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
        # Of the records, not of the code that made them: a run goes on although a comment has changed.
        data_fingerprint=store.manifest["content"],
        tokenizer=tokenizer,
        run_dir=run_dir,
        config_text=configs.text(),
    )
    return EXIT_STOPPED if outcome.stopped else 0


if __name__ == "__main__":
    command_line.run(main)
