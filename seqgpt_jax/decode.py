"""Answers questions with a model: which labels fit a text, or which spans of it fit each label.

    python -m seqgpt_jax.decode --model=runs/ft --input=questions.jsonl --output=answers.jsonl
    python -m seqgpt_jax.decode --model=runs/ft --task=ext --text="Ada met Bob in Turin." --labels="person, city"

A line of the input is {"text": "…", "task": "cls" or "ext", "labels": ["…", …]}; further keys are carried
through. The output adds "answers", "well_formed" (false where the model broke the format and its answer was read
leniently) and "output" (its own words). Labels may be anything, in any number: a query is asked with at most
five others. The whole input is checked before the model is loaded.
"""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from seqgpt_jax import command_line
from seqgpt_jax.atomic import TEMPLATES, ContractError, Template

if TYPE_CHECKING:
    from seqgpt_jax.decoding.answers import Answer, Question
    from seqgpt_jax.decoding.engine import Engine


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
    parser.add_argument(
        "--template", choices=tuple(TEMPLATES), default="chinese", help="of the prompts (default chinese)"
    )
    args, configs = command_line.parse(parser, argv, uses=("Decode",))
    whole_file = _asks_for_file({name: getattr(args, name) for name in ("input", "output", "text", "task", "labels")})
    decode, template = configs.build("Decode"), TEMPLATES[args.template]

    from seqgpt_jax.decoding.engine import Engine
    from seqgpt_jax.decoding.questions import read_questions, write_answers
    from seqgpt_jax.io.model_folder import load

    if whole_file:
        _check_output(args.input, args.output)
        lines = read_questions(args.input, template)
        questions = [line.question for line in lines]
    else:
        questions = [_one_question(args.text, args.task, args.labels, template)]
    loaded = load(args.model, step=args.step)
    engine = Engine(loaded.model, loaded.tokenizer, decode)
    answers, seconds = _answer(engine, questions)
    if whole_file:
        write_answers(args.output, lines, answers)
        _print_summary(engine, questions, answers, seconds)
        print(f"answers: {args.output}")
    else:
        _print_answer(engine, answers[0])
    return 0


def _asks_for_file(given: dict[str, object]) -> bool:
    """Whether a file is asked for rather than one question.

    Raises:
      UsageError: neither is asked for, or only a part of one, or both.
    """
    for names, other in ((("input", "output"), "text"), (("text", "task", "labels"), "input")):
        if any(given[name] is not None for name in names):
            missing = [f"--{name}" for name in names if given[name] is None]
            there = next(f"--{name}" for name in names if given[name] is not None)
            if missing:
                raise command_line.UsageError(f"{there} needs {' and '.join(missing)} too")
            if given[other] is not None:
                raise command_line.UsageError("give a file (--input, --output) or one question (--text), not both")
            return names[0] == "input"
    raise command_line.UsageError("nothing to answer: give --input and --output, or --text, --task and --labels")


def _check_output(source: Path, output: Path) -> None:
    if output.is_dir() or (output.exists() and source.exists() and output.samefile(source)):
        raise command_line.UsageError(f"--output={output} is a folder or the input itself: name another file")
    output.parent.mkdir(parents=True, exist_ok=True)


def _one_question(text: str, task: str, labels: str, template: Template) -> "Question":
    from seqgpt_jax.decoding.questions import one_question

    try:
        return one_question(text, task, labels, template)
    except ContractError as error:
        raise command_line.UsageError(f"--labels={labels}: {error}") from error


def _answer(engine: "Engine", questions: Sequence["Question"]) -> tuple[list["Answer"], float]:
    """(answers, seconds), behind a progress bar where there is more than one prompt."""
    from seqgpt_jax.console.progress import progress_bar
    from seqgpt_jax.decoding.answers import answer_questions

    started = time.monotonic()
    with progress_bar("answering") as progress:
        answers = answer_questions(engine, questions, progress)
    return answers, time.monotonic() - started


def _print_summary(
    engine: "Engine", questions: Sequence["Question"], answers: Sequence["Answer"], seconds: float
) -> None:
    prompts = sum(len(question.prompts) for question in questions)
    broken = sum(not answer.well_formed for answer in answers)
    print(
        f"{len(questions)} questions in {prompts} prompts: {seconds:.1f} s with compiling, "
        f"{prompts / seconds:.1f} prompts/s\n"
        f"{broken} answers not well formed, {engine.unfinished} prompts unfinished at Decode.max_new_tokens, "
        f"{engine.truncated} cut from the left at Decode.max_prompt_length"
    )


def _print_answer(engine: "Engine", answer: "Answer") -> None:
    if isinstance(answer.answers, dict):
        for label, spans in answer.answers.items():
            print(f"{label}: {'  |  '.join(spans) or '-'}")
    else:
        print("  |  ".join(answer.answers) or "- (no label fits)")
    if not answer.well_formed:
        print(f"(not well formed; the model said {''.join(answer.outputs)!r})")
    if engine.truncated:
        print("(the prompt was too long: the start of the text was cut off)")


if __name__ == "__main__":
    command_line.run(main)
