"""A preparation with everything that it depends on looked up: tasks, tokenizer, raw files, fingerprint."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from etils import epath
from transformers import PreTrainedTokenizerFast

from seqgpt_jax.data.prepare.code_fingerprint import code_fingerprint
from seqgpt_jax.data.prepare.config import PrepareConfig
from seqgpt_jax.data.prepare.quota import stable_hash
from seqgpt_jax.data.raw.files import check_files, file_hashes
from seqgpt_jax.data.raw.task_spec import EVALUATION_SPLITS, TaskSpec
from seqgpt_jax.data.store import is_finished
from seqgpt_jax.io.tokenizer import fingerprint

# Bytes. File systems take names of 255, and there is more in that of a store, of its lock, and of its scores.
_LONGEST_NAME, _KEPT = 120, 80


@dataclass(frozen=True)
class ResolvedPreparation:
    """What `prepare` works from, looked up once; creating it checks and hashes the raw files.

    Attributes:
      config: the settings.
      specs: the tasks of the mixture.
      tokenizer: that the ids are of.
      evaluation: tasks whose validation and test texts may not be trained on (`data.prepare.decontamination`).
      general: names of the tasks among `specs` that are there for `config.general_share` alone.
      left_out: what was asked for and is not read, as its files are missing: "training" (or, of another split,
        "evaluation") and "compared with" -> data set -> its missing files.
      files: `data set/file` -> hash, of every raw file that is read.
      fingerprint: equal exactly where the same store would be written: it covers the settings, the tokenizer, the raw
        files and the code that reads, samples and renders.

    Raises:
      DataNotFound: raw files are missing; all of them are named.
    """

    config: PrepareConfig
    specs: Sequence[TaskSpec]
    tokenizer: PreTrainedTokenizerFast
    evaluation: Sequence[TaskSpec] = ()
    general: frozenset[str] = frozenset()
    left_out: Mapping[str, Mapping[str, Sequence[str]]] = field(default_factory=dict)
    files: Mapping[str, str] = field(init=False)
    fingerprint: str = field(init=False)

    def __post_init__(self) -> None:
        config, data_folder = self.config, self.config.data_folder()
        check_files(self.specs, data_folder)
        check_files(self.evaluation, data_folder, EVALUATION_SPLITS)
        files = file_hashes(self.evaluation, data_folder, EVALUATION_SPLITS) | file_hashes(self.specs, data_folder)
        code = code_fingerprint([*self.specs, *self.evaluation], config.modules)
        settings = config.content() | {"tokenizer": fingerprint(self.tokenizer)}
        names = [[spec.name for spec in specs] for specs in (self.specs, self.evaluation)]
        covered = json.dumps([settings, names, sorted(files.items()), code], sort_keys=True)
        object.__setattr__(self, "files", files)
        object.__setattr__(self, "fingerprint", hashlib.sha256(covered.encode()).hexdigest()[:10])

    @property
    def folder(self) -> epath.Path:
        """The store's folder, whether it exists or not: other settings lead to another folder."""
        config = self.config
        return epath.Path(config.output_dir) / f"{_short(config.mixture)}.{config.split}.{self.fingerprint}"

    @property
    def is_prepared(self) -> bool:
        """Whether the store is there and finished."""
        return is_finished(self.folder)


def _short(mixture: str) -> str:
    """The name of a mixture, or of an expression of many tasks as much as the name of a folder has room for."""
    name = mixture.encode()
    if len(name) <= _LONGEST_NAME:
        return mixture
    return f"{name[:_KEPT].decode(errors='ignore')}~{stable_hash(mixture):016x}"
