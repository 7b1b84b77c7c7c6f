"""Generators for these tests: one that knows gold instances, one that is given its answers."""

from seqgpt_jax.atomic import NONE, TAB, clean_text
from seqgpt_jax.decoding.completion import Completion
from seqgpt_jax.decoding.prompt_limits import PromptLimits
from seqgpt_jax.io.contract import ModelContract


class Knowing:
    """Answers a prompt as an instance with its text does, and None where there is none."""

    limits = PromptLimits(ModelContract())

    def __init__(self, instances):
        self.gold = {}
        for one in instances:
            self.gold.setdefault((one.atom, clean_text(one.text)), {}).update(one.gold)

    def generate(self, prompts, progress=None):
        return [Completion(self.complete(prompt)) for prompt in prompts]

    def complete(self, prompt):
        text = prompt.text.split("\n")[0].removeprefix("输入: ")
        gold = self.gold.get((prompt.atom, text), {})
        if prompt.atom == "cls":
            return TAB.join(label for label in prompt.labels if label in gold) or NONE
        return "".join(f"{query}: {TAB.join(gold.get(query, ())) or NONE}\n" for query in prompt.labels)


class Scripted(Knowing):
    """Writes these spans for a query, and the relations of the pair that a question names."""

    def __init__(self, spans, relations=()):
        self.spans, self.relations = spans, relations

    def complete(self, prompt):
        if prompt.atom == "ext":
            return "".join(f"{query}: {TAB.join(self.spans.get(query, ())) or NONE}\n" for query in prompt.labels)
        question = prompt.text.split("\n")[0]
        found = [
            relation
            for head, relation, tail in self.relations
            if f"between {head} and {tail} in" in question or f"中{head}和{tail}的关系" in question
        ]
        return TAB.join(label for label in prompt.labels if label in found) or NONE
