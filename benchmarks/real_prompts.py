"""Answers of random models to real questions: each parses, each label is of its prompt, each span is where it says.

    SEQGPT_DATA_DIR=… python benchmarks/real_prompts.py --prompts=10000

Questions are real texts with the real labels of their tasks, both languages, long texts too; the models are random, so
that nothing but the decoder makes the answers right. Writes benchmarks/results/real_prompts.json.
"""

import argparse
import itertools
import json
import os
import random
import time
from collections import Counter
from pathlib import Path

import numpy as np
from parse_fuzz import random_model, tokenizers  # the script beside this one

from seqgpt_jax.atomic import ContractError, Instance, parse_answer
from seqgpt_jax.data.raw.files import DataNotFound, read_instances
from seqgpt_jax.data.raw.sources import Generated
from seqgpt_jax.decoding.answers import Answer, answer
from seqgpt_jax.decoding.decode_config import DecodeConfig
from seqgpt_jax.decoding.engine import Engine
from seqgpt_jax.decoding.questions import Question, compose_windows
from seqgpt_jax.io.contract import ModelContract
from seqgpt_jax.tasks import TASKS

CONTRACT = ModelContract(max_prompt_tokens=384, max_target_tokens=256)
_PER_TASK = 400
_CHUNK = 256


def real_questions(number: int, seed: int) -> list[tuple[str, Question]]:
    """(language, question) of each: texts of all tasks whose files are there, with labels of the task.

    Without SEQGPT_DATA_DIR they are generated ones, of the quickstart.
    """
    rng, folder = random.Random(seed), Path(os.environ.get("SEQGPT_DATA_DIR", "."))
    generated = "SEQGPT_DATA_DIR" not in os.environ
    found: list[tuple[str, Question]] = []
    for spec in TASKS.values():
        if isinstance(spec.source, Generated) != generated:
            continue
        instances: list[Instance] = []
        for split in spec.splits:
            try:
                read = itertools.islice(read_instances(spec, split, folder, "skip"), 4 * _PER_TASK)
                instances += [one for one in read if isinstance(one, Instance)]
            except DataNotFound:
                continue
        labels = sorted({label for one in instances for label in one.gold})
        for one in rng.sample(instances, min(_PER_TASK, len(instances))):
            gold = list(one.gold)
            asked = one.labels or tuple(dict.fromkeys(gold + rng.sample(labels, min(len(labels), 8))))
            found.append((spec.language, Question(one.text, spec.atom, tuple(asked))))
    rng.shuffle(found)
    return found[:number]


def faults(one: Answer) -> list[str]:
    """What is wrong with an answer."""
    question, wrong = one.question, []
    for prompt, completion in zip(one.prompts, one.completions, strict=True):
        try:
            parse_answer(prompt.atom, prompt.labels, completion.text)
        except ContractError as error:
            wrong.append(f"does not parse: {error}")
    if isinstance(one.found, dict):
        if set(one.found) != set(question.labels):
            wrong.append("other labels")
        for label, spans in one.found.items():
            if any(question.text[span.start : span.end] != span.text or not span.text for span in spans):
                wrong.append(f"a span of {label!r} is not where it says")
            if {*one.answers[label]} and not spans:
                wrong.append(f"the spans of {label!r} are not in the text")
    elif not {label.label for label in one.found} <= set(question.labels):
        wrong.append("other labels")
    return wrong


def main() -> None:
    """Asks everything and writes what came of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--prompts", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results/real_prompts.json"))
    args = parser.parse_args()
    started, counts, failures, refusals = time.monotonic(), Counter(), [], []
    questions, made = real_questions(args.prompts, args.seed), tokenizers()
    arrays, config = np.random.default_rng(args.seed), DecodeConfig(num_beams=1, batch_size=32)
    for start in range(0, len(questions), _CHUNK):
        if counts["prompts"] >= args.prompts:
            break
        name = ("all", "bytes")[start // _CHUNK % 8 == 7]
        engine = Engine(random_model(arrays), made[name], config, CONTRACT)
        asked = []
        for language, question in questions[start : start + _CHUNK]:
            try:
                # A label may be too long for an answer.
                engine.check([prompt for _, one in compose_windows(question, engine.limits) for prompt in one.prompts])
                asked.append((language, question))
            except ContractError as error:
                counts["refused"] += 1
                refusals.append(str(error)[:120])
        for language, question in asked:
            counts[f"{question.atom}, {language}"] += 1
        for (language, _), one in zip(asked, answer(engine, [question for _, question in asked]), strict=True):
            counts["prompts"] += len(one.prompts)
            counts["spans"] += sum(map(len, one.found.values())) if isinstance(one.found, dict) else 0
            if wrong := faults(one):
                failures.append({"language": language, "text": one.question.text[:80], "faults": wrong})
        print(f"{counts['prompts']:,} prompts, {len(failures)} faulty answers", flush=True)
    result = {"seed": args.seed, **counts, "refusals": refusals[:20], "failures": failures}
    args.output.write_text(json.dumps(result, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    print(f"{counts['prompts']:,} prompts, {len(failures)} faulty answers ({time.monotonic() - started:.0f} s)")


if __name__ == "__main__":
    main()
