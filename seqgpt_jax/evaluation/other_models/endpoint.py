"""Models behind an OpenAI-compatible endpoint, asked through the official client (the extra `openai`)."""

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from typing import Any

from seqgpt_jax.atomic import find_template
from seqgpt_jax.decoding.completion import Prompt
from seqgpt_jax.decoding.prompt_limits import PromptLimits
from seqgpt_jax.evaluation.other_models.chat_prompts import chat_prompt, read_chat
from seqgpt_jax.evaluation.other_models.journal import Keep, Reply
from seqgpt_jax.io.contract import ModelContract
from seqgpt_jax.io.openai_client import (
    FIRST_REFUSALS,
    EndpointError,
    FailedRequestError,
    client,
    failures,
    refused_first,
    refuses_all,
)

PROMPTS = ("chatgpt", "contract")
_CHAT_QUERIES = 64
_REMEDY = (
    "A setting that it does not take is left out with --gin.Endpoint.temperature=None or "
    "--gin.Endpoint.max_tokens=None; others are added as --gin.Endpoint.extra=\"{'max_completion_tokens': 512}\""
)


@dataclass(frozen=True)
class EndpointConfig:
    """Settings of requests to an endpoint (gin: `Endpoint`).

    Attributes:
      prompts: "chatgpt": SeqGPT's prompt for ChatGPT, as one chat message; "contract": our own prompts, as they are,
        for models of ours that another program serves (completions, not chat).
      template: of the prompts "contract": the one that the model was trained with; None for "chinese".
      max_queries: most labels of one extraction; None for `Decode.max_queries`, and without that for 64, or for 6 with
        the prompts "contract", as the released SeqGPT is asked. All labels of a classification are asked at once.
      max_tokens: of an answer; None leaves it to the endpoint.
      temperature: 0 for the likeliest answer; None leaves it to the endpoint.
      extra: other fields of a request, of any name, such as {'max_completion_tokens': 512}.
      max_requests: the most requests of an evaluation, those of earlier attempts included.
      concurrency: requests at a time.
      max_retries: of the client, for each request, with its pauses: after 408, 409, 429, 5xx and lost connections.
      timeout: seconds for one attempt.
    """

    prompts: str = "chatgpt"
    template: str | None = None
    max_queries: int | None = None
    max_tokens: int | None = 512
    temperature: float | None = 0.0
    extra: Mapping[str, Any] | None = None
    max_requests: int = 1000
    concurrency: int = 4
    max_retries: int = 5
    timeout: float = 120.0

    def __post_init__(self) -> None:
        if self.prompts not in PROMPTS:
            raise ValueError(f"Endpoint.prompts must be one of {', '.join(PROMPTS)}, not {self.prompts!r}")
        if self.template is not None:
            find_template(self.template)
            if self.prompts != "contract":
                raise ValueError("Endpoint.template is for Endpoint.prompts='contract': chat prompts have none")
        for name in ("max_queries", "max_requests", "concurrency", "max_retries"):
            value, least = getattr(self, name), 0 if name == "max_retries" else 1
            if name == "max_queries" and value is None:
                continue
            if not isinstance(value, int) or value < least:
                raise ValueError(f"Endpoint.{name} must be a whole number of at least {least}, not {value!r}")
        if self.extra is not None and not isinstance(self.extra, Mapping):
            raise ValueError(f"Endpoint.extra must be fields, such as {{'top_k': 1}}, not {self.extra!r}")
        if not self.timeout > 0:
            raise ValueError(f"Endpoint.timeout must be above 0 seconds, not {self.timeout!r}")

    def contract(self) -> ModelContract:
        """The template, and how many labels one request asks; tokens are not counted."""
        given = {"template": self.template, "max_queries": self.max_queries}
        if self.prompts == "chatgpt" and self.max_queries is None:
            given["max_queries"] = _CHAT_QUERIES
        return ModelContract(**{name: value for name, value in given.items() if value is not None})


class Endpoint:
    """A model behind an endpoint (`journal.OtherModel`).

    The key is that of the variable OPENAI_API_KEY; servers of one's own need none.
    """

    def __init__(self, url: str, model: str, config: EndpointConfig) -> None:
        """Raises ImportError without the client."""
        self._client = client(url, timeout=config.timeout, max_retries=config.max_retries)
        self._url, self._model, self._config = url, model, config
        self.limits = PromptLimits(config.contract())
        decisive = ("prompts", "max_tokens", "temperature", "extra")
        self.settings = {"endpoint": url, "model": model} | {name: asdict(config)[name] for name in decisive}

    def request(self, prompt: Prompt) -> str:
        """The chat message, or the prompt as it is."""
        return prompt.text if self._config.prompts == "contract" else chat_prompt(prompt)

    def read(self, prompt: Prompt, output: str) -> str:
        """The answer to a chat message in the form of the contract; other answers as they are."""
        return output if self._config.prompts == "contract" else read_chat(prompt, output)

    def ask(self, prompts: Sequence[Prompt], keep: Keep, *, answered: bool) -> None:
        """Keeps the replies as they come in; a request that the endpoint refuses as such has an error and no output.

        Refusals before the first answer are kept when there is one: without it they are the fault of the settings.
        Whatever ends this call, Ctrl-C too: requests under way are waited for, and their replies kept.

        Raises:
          EndpointError: it could not be reached, refuses everybody or every request, or answers no completion.
        """
        rest, first_refusals = [*prompts], []
        pool = ThreadPoolExecutor(self._config.concurrency)
        try:
            if not answered:
                rest, first_refusals = self._ask_first(prompts, keep, pool)
            futures = [pool.submit(keep, *refusal) for refusal in first_refusals]
            futures += [pool.submit(self._ask_and_keep, prompt, keep) for prompt in rest]
            for future in as_completed(futures):
                future.result()
        finally:
            pool.shutdown(cancel_futures=True)

    def _ask_first(
        self, prompts: Sequence[Prompt], keep: Keep, pool: Executor
    ) -> tuple[list[Prompt], list[tuple[Prompt, Reply]]]:
        """(the prompts that are left when one has been answered, those that were refused before)."""
        # Distant ones: neighbors are of one task, and may be refused alike for their texts.
        first = {number * (len(prompts) - 1) // (FIRST_REFUSALS - 1) for number in range(FIRST_REFUSALS)}
        rest, refusals = dict(enumerate(prompts)), []
        for number in sorted(first):
            prompt = rest.pop(number)
            # Not in this thread, which Ctrl-C interrupts.
            reply = pool.submit(self._ask_and_keep, prompt, keep, keep_refusal=False).result()
            if not reply.error:
                return [*rest.values()], refusals
            refusals.append((prompt, reply))
        raise refused_first(self._url, reply.error, _REMEDY)

    def _ask_and_keep(self, prompt: Prompt, keep: Keep, *, keep_refusal: bool = True) -> Reply:
        reply = self._ask(prompt)
        if keep_refusal or not reply.error:
            keep(prompt, reply)
        return reply

    def _ask(self, prompt: Prompt) -> Reply:
        text = self.request(prompt)
        try:
            with failures():
                return self._completion(text)
        except FailedRequestError as error:
            if error.kind == "refused":
                return Reply("", error=str(error))
            if error.kind == "refused_all":
                raise refuses_all(self._url, error) from None
            if error.kind == "later":
                raise EndpointError(
                    f"{self._url} does not answer ({error}): run the same command again, replies are kept and not "
                    "asked for twice"
                ) from None
            raise EndpointError(
                f"{self._url}: {error}: give the base address of an OpenAI-compatible API as --endpoint, such as "
                "http://localhost:8000/v1, and --gin.Endpoint.prompts=contract only where it has /completions"
            ) from None

    def _completion(self, text: str) -> Reply:
        config, api = self._config, self._client
        fields: dict[str, Any] = {"max_tokens": config.max_tokens, "temperature": config.temperature}
        fields = {name: value for name, value in fields.items() if value is not None} | {"extra_body": config.extra}
        if config.prompts == "contract":
            response = api.completions.create(model=self._model, prompt=text, **fields)
            output = response.choices[0].text
        else:
            messages = [{"role": "user", "content": text}]
            response = api.chat.completions.create(model=self._model, messages=messages, **fields)  # type: ignore
            output = response.choices[0].message.content or ""
        usage = response.usage
        counts = {name: getattr(usage, name) for name in ("prompt_tokens", "completion_tokens")} if usage else None
        return Reply(output, response.choices[0].finish_reason != "length", usage=counts)
