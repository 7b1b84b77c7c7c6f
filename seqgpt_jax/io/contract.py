"""Model contract: how a model is asked and what it was trained on, in one JSON file beside the weights.

    {"template": "chinese", "prompt_end": "[GEN]", "max_prompt_tokens": 1024, "max_target_tokens": 256,
     "max_queries": 6, "max_labels": 64, "tokenizer_fingerprint": "…", "data": {"mixture": "ft", "content": "…", …}}

`train` writes it into the run folder, `export` and `import_hf` into Hugging Face folders; whatever asks the model reads
it. `calibrate` adds `"calibration": {"temperature": 1.4, "slope": 0.8, "intercept": -0.1}`. A folder without it (of an
older version, or of others) is read with the defaults, which are those of the released SeqGPT.
"""

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from etils import epath

from seqgpt_jax.io import storage

CONTRACT_FILE = "seqgpt.json"
_OPTIONAL = ("base", "calibration")
# Settings of a preparation that a contract takes over, and that data for the model are prepared with.
CONTRACT_SETTINGS = ("template", "max_prompt_tokens", "max_target_tokens", "max_queries", "max_labels")


class ContractFileError(ValueError):
    """A seqgpt.json that cannot be used; the message names the file and the fault."""


@dataclass(frozen=True)
class ScoreCalibration:
    """What the model's own probabilities become, so that they are shares of right answers (`calibrate` fits it).

    Attributes:
      temperature: log-probabilities of labels that are compared are divided by it.
      slope, intercept: of the log-odds of a span, or of a label that may be one of any number.
    """

    temperature: float = 1.0
    slope: float = 1.0
    intercept: float = 0.0

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            above = "" if name == "intercept" else " above 0"
            if not isinstance(value, int | float) or not math.isfinite(value) or (above and value <= 0):
                raise ValueError(f"calibration: {name} must be a number{above}, not {value!r}")

    def of_value(self, probability: float) -> float:
        """The calibrated probability of a span, or of a label that may be one of any number.

        >>> round(ScoreCalibration(slope=0.5).of_value(0.9), 3)
        0.75
        """
        if probability <= 0:
            return 0.0
        sure = min(probability, 1 - 1e-12)
        log_odds = self.slope * (math.log(sure) - math.log1p(-sure)) + self.intercept
        return 1 / (1 + math.exp(min(-log_odds, 700.0)))

    def after(self, earlier: "ScoreCalibration") -> "ScoreCalibration":
        """This one applied to what `earlier` makes, as one."""
        return ScoreCalibration(
            self.temperature * earlier.temperature,
            self.slope * earlier.slope,
            self.slope * earlier.intercept + self.intercept,
        )


@dataclass(frozen=True)
class BaseWeights:
    """The weights that training started from.

    Attributes:
      name: on the hub, or of their file; "" where they were random.
      license: as the Hugging Face hub names it; None where it is not known.
    """

    name: str = ""
    license: str | None = None


@dataclass(frozen=True)
class ModelContract:
    """How a model is asked.

    Attributes:
      template: name of the prompt template (`seqgpt_jax.atomic.TEMPLATES`).
      prompt_end: the special token that ends every prompt.
      max_prompt_tokens: longer prompts lose their left end.
      max_target_tokens: most tokens of an answer, the end token included.
      max_queries: most queries in one extraction prompt.
      max_labels: most labels in one classification prompt of its training; None where it is not known.
      tokenizer_fingerprint: of the tokenizer it was trained with (`seqgpt_jax.io.tokenizer.fingerprint`); None where
        it is not known.
      base: the weights that training started from; None where they are not known.
      calibration: of its scores; None where they are the model's own.
      data: what it was trained on last: `store` (name), `mixture`, `content` (checksum of the records), `settings` (of
        the preparation) and `tasks`; empty where it is not known.
    """

    template: str = "chinese"
    prompt_end: str = "[GEN]"
    max_prompt_tokens: int = 1024
    max_target_tokens: int = 256
    max_queries: int = 6
    max_labels: int | None = None
    tokenizer_fingerprint: str | None = None
    data: Mapping[str, Any] | None = None
    base: BaseWeights | None = None
    calibration: ScoreCalibration | None = None

    def __post_init__(self) -> None:
        for name, kind in (("base", BaseWeights), ("calibration", ScoreCalibration)):
            if isinstance(getattr(self, name), Mapping):  # of a file
                object.__setattr__(self, name, kind(**getattr(self, name)))
        for name in ("template", "prompt_end"):
            if not isinstance(getattr(self, name), str):
                raise ValueError(f"{name} must be a string, not {getattr(self, name)!r}")
        for name in ("max_prompt_tokens", "max_target_tokens", "max_queries"):
            value = getattr(self, name)
            if not isinstance(value, int) or value < 1:
                raise ValueError(f"{name} must be a whole number of at least 1, not {value!r}")


# How the released SeqGPT is asked, and whatever has no contract.
RELEASED_CONTRACT = ModelContract()


def contract_of(manifest: Mapping[str, Any]) -> ModelContract:
    """The contract of a model that is trained on the prepared store with this manifest."""
    settings = manifest["settings"]
    data = {name: manifest[name] for name in ("mixture", "content")}
    data |= {"store": manifest["name"], "settings": dict(settings), "tasks": sorted(manifest["tasks"])}
    return ModelContract(
        **{name: settings[name] for name in CONTRACT_SETTINGS},
        tokenizer_fingerprint=manifest["tokenizer"]["fingerprint"],
        data=data,
    )


def contract_of_start(contract: ModelContract, init_from: str | None) -> ModelContract:
    """The contract of a run that begins, with the weights that it starts from: random ones without `init_from`."""
    return replace(contract, base=BaseWeights() if init_from is None else base_of(init_from))


def contract_of_resumed(
    contract: ModelContract, run_dir: epath.PathLike, *, finished: bool, log: Callable[[str], None]
) -> ModelContract:
    """The contract of a run that resumes: its base stays, and its calibration where no more steps are to come."""
    stored = read_contract(run_dir)
    if stored.calibration and not finished:
        log("the calibration of scores is taken out of seqgpt.json, since the weights change: run `calibrate` again")
    return replace(contract, base=stored.base, calibration=stored.calibration if finished else None)


def write_contract(folder: epath.PathLike, contract: ModelContract) -> None:
    """Writes the seqgpt.json of a model folder on a disk or in a bucket; OSError where it cannot."""
    # Versions before these two refuse keys that they do not know.
    values = {key: value for key, value in asdict(contract).items() if value is not None or key not in _OPTIONAL}
    content = json.dumps(values, ensure_ascii=False, indent=1) + "\n"
    storage.write(storage.open_path(folder) / CONTRACT_FILE, content.encode())


def base_of(path: str) -> BaseWeights:
    """The weights that those in a model folder come from: the folder's own name where it does not know."""
    return read_contract(path).base or BaseWeights(storage.absolute(storage.open_path(path)).name)


def read_contract(folder: epath.PathLike, log: Callable[[str], None] = lambda _: None) -> ModelContract:
    """The contract of a model folder; the defaults, and a line to `log`, where it has none.

    Raises:
      ContractFileError: the file is not what `write_contract` writes.
      StorageError: the bucket cannot be reached.
    """
    path = storage.open_path(folder) / CONTRACT_FILE
    try:
        content = storage.read(path)
    except FileNotFoundError:
        defaults = RELEASED_CONTRACT
        log(
            f"note: {folder} has no {CONTRACT_FILE}: using the {defaults.template} template, prompts of at most "
            f"{defaults.max_prompt_tokens:,} and answers of at most {defaults.max_target_tokens:,} tokens"
        )
        return defaults
    try:
        values = json.loads(content)
        if unknown := sorted(values.keys() - {field.name for field in fields(ModelContract)}):
            raise ValueError(f"unknown keys {', '.join(unknown)} (written by a newer version?)")
        return ModelContract(**values)
    except (ValueError, TypeError, AttributeError) as error:
        raise ContractFileError(f"{path} is not a model contract: {error}") from error
