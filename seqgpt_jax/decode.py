"""Decoding of questions with a model: which labels fit a text, or which spans of it fit each label.

    python -m seqgpt_jax.decode --model=runs/ft --input=questions.jsonl --output=answers.jsonl
    python -m seqgpt_jax.decode --model=runs/ft --task=ext --text="Ada met Bob in Turin." --labels="person, city"

A line of the input is {"text": "…", "task": "cls" or "ext", "labels": ["…", …]}; further keys are carried
through. The output adds "answers", "well_formed" (false where the model broke the format and its answer was read
leniently), "output" (the raw text), "mean_log_probs" (one for each prompt), "truncated_tokens" (how much of the text
was cut off because the prompt was too long) and "finished" (false where an answer reached the token limit). Labels may
be anything, in any number. How the model is asked (template, limits, queries in one prompt) is in the seqgpt.json of
its folder. The whole input is checked before the model is loaded.
"""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from seqgpt_jax import command_line
from seqgpt_jax.atomic import ContractError

if TYPE_CHECKING:
    from seqgpt_jax.decoding.answers import Answer
    from seqgpt_jax.decoding.questions import Question
    from seqgpt_jax.io.contract import ModelContract


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit code."""
    parser = command_line.parser(__doc__)
    parser.add_argument("--model", required=True, help="run folder (gs://… too), or Hugging Face folder")
    command_line.add_step(parser)
    parser.add_argument("--input", type=Path, help="file of questions, one JSON object a line")
    parser.add_argument("--output", type=command_line.local_path, help="file to write")
    parser.add_argument("--text", help="instead of a file: one text")
    parser.add_argument("--task", choices=("cls", "ext"), help="with --text: pick labels, or find spans")
    parser.add_argument("--labels", help="with --text: labels, separated by commas")
    args, configs = command_line.parse(parser, argv, uses=("Decode",))
    from_file = _reads_file({name: getattr(args, name) for name in ("input", "output", "text", "task", "labels")})
    decode = configs.build("Decode")

    from seqgpt_jax.console.progress import progress_bar
    from seqgpt_jax.decoding.answers import answer
    from seqgpt_jax.decoding.engine import Engine
    from seqgpt_jax.decoding.question_files import read_questions, write_answers
    from seqgpt_jax.io.contract import read_contract
    from seqgpt_jax.io.model_folder import load, open_folder

    contract = read_contract(open_folder(args.model), log=print)
    if from_file:
        _check_output(args.input, args.output)
        records = read_questions(args.input, contract)
        questions = [record.question for record in records]
    else:
        questions = [_parse_question(args.text, args.task, args.labels, contract)]
    loaded = load(args.model, step=args.step)
    engine = Engine(loaded.model, loaded.tokenizer, decode, loaded.contract)
    started = time.monotonic()
    with progress_bar("answering") as progress:
        answers = answer(engine, questions, progress)
    if from_file:
        write_answers(args.output, records, answers)
        _print_summary(answers, time.monotonic() - started)
        print(f"answers: {args.output}")
    else:
        _print_answer(answers[0])
    return 0


def _reads_file(flags: dict[str, object]) -> bool:
    """Whether the flags name files rather than one question.

    Raises:
      UsageError: they name neither, or only a part of one, or both.
    """
    for names, other in ((("input", "output"), "text"), (("text", "task", "labels"), "input")):
        if any(flags[name] is not None for name in names):
            missing = [f"--{name}" for name in names if flags[name] is None]
            present = next(f"--{name}" for name in names if flags[name] is not None)
            if missing:
                raise command_line.UsageError(f"{present} needs {' and '.join(missing)} too")
            if flags[other] is not None:
                raise command_line.UsageError("give a file (--input, --output) or one question (--text), not both")
            return names[0] == "input"
    raise command_line.UsageError("nothing to answer: give --input and --output, or --text, --task and --labels")


def _check_output(source: Path, output: Path) -> None:
    if output.is_dir() or (output.exists() and source.exists() and output.samefile(source)):
        raise command_line.UsageError(f"--output={output} is a folder or the input itself: name another file")
    output.parent.mkdir(parents=True, exist_ok=True)


def _parse_question(text: str, task: str, labels: str, contract: "ModelContract") -> "Question":
    from seqgpt_jax.decoding.question_files import parse_question

    try:
        return parse_question(text, task, labels, contract)
    except ContractError as error:
        raise command_line.UsageError(f"--labels={labels}: {error}") from error


def _print_summary(answers: Sequence["Answer"], seconds: float) -> None:
    completions = [completion for answer in answers for completion in answer.completions]
    malformed = sum(not answer.well_formed for answer in answers)
    unfinished = sum(not completion.finished for completion in completions)
    truncated = sum(completion.truncated > 0 for completion in completions)
    print(
        f"{len(answers)} questions in {len(completions)} prompts: {seconds:.1f} s with compilation, "
        f"{len(completions) / seconds:.1f} prompts/s\n"
        f"{malformed} answers not well formed, {unfinished} completions unfinished at the token limit, "
        f"{truncated} prompts truncated on the left"
    )


def _print_answer(answer: "Answer") -> None:
    if isinstance(answer.answers, dict):
        for label, spans in answer.answers.items():
            print(f"{label}: {'  |  '.join(spans) or '-'}")
    else:
        print("  |  ".join(answer.answers) or "- (no label fits)")
    if not answer.well_formed:
        print(f"(not well formed; the model wrote {answer.output!r})")
    if answer.truncated:
        print(f"(the prompt was too long: the first {answer.truncated} tokens were cut off)")
    if not answer.finished:
        print("(the answer reached the token limit and is incomplete)")


if __name__ == "__main__":
    command_line.run(main)
