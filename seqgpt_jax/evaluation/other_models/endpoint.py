"""Models behind an OpenAI-compatible endpoint, asked through the official client (the extra `openai`)."""

import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from typing import Any

from seqgpt_jax.decoding.completion import Prompt
from seqgpt_jax.decoding.prompt_limits import PromptLimits
from seqgpt_jax.evaluation.other_models.chat_prompts import chat_prompt, read_chat
from seqgpt_jax.evaluation.other_models.journal import Reply
from seqgpt_jax.io.contract import ModelContract

PROMPTS = ("chatgpt", "contract")
# So many refusals at the beginning are the fault of the settings, not of the texts.
_FIRST_REFUSALS = 3


class EndpointError(ValueError):
    """The endpoint does not answer, or not as it should; the message says what to do."""


@dataclass(frozen=True)
class EndpointConfig:
    """Settings of requests to an endpoint (gin: `Endpoint`).

    Attributes:
      prompts: "chatgpt": SeqGPT's prompt for ChatGPT, as one chat message; "contract": our own prompts, as they are,
        for models of ours that another program serves (completions, not chat).
      max_queries: most labels of one extraction; all labels of a classification are asked at once.
      max_tokens: of an answer; None leaves it to the endpoint.
      temperature: 0 for the likeliest answer; None leaves it to the endpoint.
      extra: other fields of a request, such as {'max_completion_tokens': 512}.
      max_requests: the most requests of an evaluation, those of earlier attempts included.
      concurrency: requests at a time.
      max_retries: of the client, for each request, with its pauses: after 408, 409, 429, 5xx and lost connections.
      timeout: seconds for one attempt.
    """

    prompts: str = "chatgpt"
    max_queries: int = 64
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
        for name in ("max_queries", "max_requests", "concurrency", "max_retries"):
            value, least = getattr(self, name), 0 if name == "max_retries" else 1
            if not isinstance(value, int) or value < least:
                raise ValueError(f"Endpoint.{name} must be a whole number of at least {least}, not {value!r}")
        if not self.timeout > 0:
            raise ValueError(f"Endpoint.timeout must be above 0 seconds, not {self.timeout!r}")

    def contract(self) -> ModelContract:
        """How many labels one request asks; tokens are not counted."""
        return ModelContract() if self.prompts == "contract" else ModelContract(max_queries=self.max_queries)


class Endpoint:
    """A model behind an endpoint (`journal.OtherModel`).

    The key is that of the variable OPENAI_API_KEY; servers of one's own need none.
    """

    def __init__(self, url: str, model: str, config: EndpointConfig) -> None:
        """Raises ImportError without the client."""
        try:
            import openai
        except ModuleNotFoundError as error:
            raise ImportError(f"--endpoint needs the extra 'openai': pip install -e '.[openai]' ({error})") from error
        self._errors = openai
        self._client = openai.OpenAI(
            base_url=url,
            api_key=os.environ.get("OPENAI_API_KEY", "none"),
            max_retries=config.max_retries,
            timeout=config.timeout,
        )
        self._url, self._model, self._config = url, model, config
        self._has_answered = False
        self.limits = PromptLimits(config.contract())
        decisive = ("prompts", "max_tokens", "temperature", "extra")
        self.settings = {"endpoint": url, "model": model} | {name: asdict(config)[name] for name in decisive}

    def request(self, prompt: Prompt) -> str:
        """The chat message, or the prompt as it is."""
        return prompt.text if self._config.prompts == "contract" else chat_prompt(prompt)

    def read(self, prompt: Prompt, output: str) -> str:
        """The answer to a chat message in the form of the contract; other answers as they are."""
        return output if self._config.prompts == "contract" else read_chat(prompt, output)

    def ask(self, prompts: Sequence[Prompt]) -> Iterator[tuple[Prompt, Reply]]:
        """The replies as they come in; a request that the endpoint refuses as such has an error and no output.

        Raises:
          EndpointError: it could not be reached, refuses everybody or every request, or answers no completion; replies
            to requests that were under way have been yielded.
        """
        rest = [*prompts]
        while rest and not self._has_answered:
            prompt = rest.pop(0)
            reply = self._ask(prompt)
            self._has_answered = not reply.error
            refusals = len(prompts) - len(rest)
            if reply.error and (refusals == _FIRST_REFUSALS or not rest):
                raise EndpointError(f"{self._url} refused the first requests, the last with: {reply.error}")
            yield prompt, reply
        failure: EndpointError | None = None
        with ThreadPoolExecutor(self._config.concurrency) as pool:
            futures = {pool.submit(self._ask, prompt): prompt for prompt in rest}
            try:
                for future in as_completed(futures):
                    if future.cancelled():
                        continue
                    if error := future.exception():
                        if not isinstance(error, EndpointError):
                            raise error
                        failure = failure or error
                        for other in futures:
                            other.cancel()
                        continue
                    yield futures[future], future.result()
            finally:
                for future in futures:
                    future.cancel()
        if failure:
            raise failure

    def _ask(self, prompt: Prompt) -> Reply:
        config, client = self._config, self._client
        fields: dict[str, Any] = {"max_tokens": config.max_tokens, "temperature": config.temperature}
        fields = {name: value for name, value in fields.items() if value is not None} | dict(config.extra or {})
        text = self.request(prompt)
        try:
            if config.prompts == "contract":
                response = client.completions.create(model=self._model, prompt=text, **fields)
                output = response.choices[0].text
            else:
                messages = [{"role": "user", "content": text}]
                response = client.chat.completions.create(model=self._model, messages=messages, **fields)  # type: ignore
                output = response.choices[0].message.content or ""
            finished = response.choices[0].finish_reason != "length"
        except (self._errors.BadRequestError, self._errors.UnprocessableEntityError) as error:
            return Reply("", error=str(error))
        except self._errors.OpenAIError as error:
            raise EndpointError(
                f"{self._url} does not answer ({type(error).__name__}: {error}): run the same command again, replies "
                "are kept and not asked for twice"
            ) from error
        except (ValueError, TypeError, AttributeError, LookupError) as error:
            raise EndpointError(f"{self._url} answered something that is no completion ({error!r})") from error
        usage = response.usage
        counts = {name: getattr(usage, name) for name in ("prompt_tokens", "completion_tokens")} if usage else None
        return Reply(output, finished, usage=counts)
