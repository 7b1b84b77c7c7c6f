"""Ablation configuration (gin: `Ablation`): what is varied, how each arm is trained, and what it is scored on."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

FIGURES = ("mixtures", "languages", "families", "data_sets")
EVALUATE = "evaluate"
"""The scope of settings of the evaluation, as the names of stages are those of training stages."""
# Of an arm, beside settings.
STAGES, MODEL = "stages", "model"

Settings = Mapping[str, Any]


@dataclass(frozen=True)
class AblationConfig:
    """A sweep: arms that differ in some settings, each trained in stages and scored.

    A setting is written as in gin, `'Train.steps': 500`, or a macro, `'CHECKPOINT': 'imported/smollm2-135m'`. Before a
    `/` stands the stage that it is for, `'ft/Prepare.quota': 100`, or `evaluate/`; without one it is for all training
    stages.

    Attributes:
      title: of the results.
      varied: what the arms differ in, in words.
      arms: name -> its settings, and where they are wanted two entries of another kind: `'stages'`, the names of the
        stages that it is trained in (all of them), and `'model'`, the folder of a model that is scored as it is, with
        `'stages': ()`. The first arm is what the others are compared with. Where all names are numbers above 0, a
        logarithmic curve is fitted to the scores.
      stages: name -> gin file of `train`, in their order; each starts from the weights of the one before.
      evaluation: gin file of `evaluate`.
      mixtures: what the scores are called -> the mixture that they are measured on, {'held-out': 'held_out_cpu'}.
      settings: of all arms; those of an arm win.
      seeds: each arm is trained once with each, as `Prepare.seed` and `Train.seed`.
      records: instances of each task that are asked (`Evaluate.records`).
      resamples: of the bootstrap behind intervals of means, differences and fits.
      figure: what is plotted: "mixtures" (one score for each), "languages", or "families" and "data_sets" as heat maps.
    """

    title: str
    varied: str
    arms: Mapping[str, Settings]
    stages: Mapping[str, str]
    evaluation: str
    mixtures: Mapping[str, str]
    settings: Settings | None = None
    seeds: tuple[int, ...] = (0,)
    records: int | None = 48
    resamples: int = 1000
    figure: str = "mixtures"

    def __post_init__(self) -> None:
        for name in ("arms", "stages", "mixtures"):
            value = getattr(self, name)
            if not isinstance(value, Mapping) or not value or not all(isinstance(key, str) and key for key in value):
                raise ValueError(f"Ablation.{name} must be {{'NAME': …}} with at least one name, not {value!r}")
        if EVALUATE in self.stages:
            raise ValueError(f"Ablation.stages: a stage needs another name than {EVALUATE!r}")
        if self.figure not in FIGURES:
            raise ValueError(f"Ablation.figure must be one of {', '.join(FIGURES)}, not {self.figure!r}")
        seeds = (self.seeds,) if isinstance(self.seeds, int) else tuple(self.seeds)
        if not seeds or len({*seeds}) < len(seeds) or not all(isinstance(seed, int) and seed >= 0 for seed in seeds):
            raise ValueError(f"Ablation.seeds must be different whole numbers from 0, not {self.seeds!r}")
        object.__setattr__(self, "seeds", seeds)
        if self.records is not None and self.records < 1:
            raise ValueError(f"Ablation.records must be at least 1, or None for all, not {self.records}")
        if self.resamples < 1:
            raise ValueError(f"Ablation.resamples must be at least 1, not {self.resamples}")
        self._check_settings("Ablation.settings", self.settings or {})
        for name, arm in self.arms.items():
            if not isinstance(arm, Mapping):
                raise ValueError(
                    f"Ablation.arms: {name!r} must have settings such as {{'Train.steps': 9}}, not {arm!r}"
                )
            if unknown := [stage for stage in self.stages_of(name) if stage not in self.stages]:
                raise ValueError(
                    f"Ablation.arms: {name!r} has a stage {unknown[0]!r}; Ablation.stages has {', '.join(self.stages)}"
                )
            if bool(self.stages_of(name)) == (MODEL in arm):
                raise ValueError(
                    f"Ablation.arms: {name!r} needs stages to be trained in, or 'stages': () and 'model': 'FOLDER'"
                )
            self._check_settings(f"Ablation.arms: {name!r}", {**arm, STAGES: None, MODEL: None}, {STAGES, MODEL})

    def _check_settings(self, where: str, settings: Settings, also: Sequence[str] | set[str] = ()) -> None:
        for key in settings:
            scope, slash, name = key.rpartition("/")
            if key in also:
                continue
            if slash and scope not in (*self.stages, EVALUATE):
                raise ValueError(
                    f"{where}: {key}: there is no stage {scope!r}; there are {', '.join((*self.stages, EVALUATE))}"
                )
            if "." not in name and not name.isupper():
                raise ValueError(f"{where}: {key} is neither Name.field nor the name of a macro in capitals")

    def stages_of(self, arm: str) -> tuple[str, ...]:
        """The stages that an arm is trained in, in the order of `stages`."""
        named = self.arms[arm].get(STAGES, tuple(self.stages))
        named = (named,) if isinstance(named, str) else tuple(named)
        return tuple(sorted(named, key=lambda stage: [*self.stages, stage].index(stage)))

    def settings_of(self, arm: str, scope: str) -> dict[str, Any]:
        """What is bound in one stage of an arm, or in its evaluation: gin name -> value."""
        bound: dict[str, Any] = {}
        for settings in (self.settings or {}, self.arms[arm]):
            wide = {} if scope == EVALUATE else {key: value for key, value in settings.items() if "/" not in key}
            own = {key.partition("/")[2]: value for key, value in settings.items() if key.startswith(f"{scope}/")}
            bound |= {key: value for key, value in (wide | own).items() if key not in (STAGES, MODEL)}
        return bound

    @property
    def numbers(self) -> tuple[float, ...] | None:
        """The names of the arms as numbers; None where one is none, or not finite."""
        try:
            numbers = tuple(float(name.replace(",", "")) for name in self.arms)
        except ValueError:
            return None
        return numbers if all(map(math.isfinite, numbers)) else None
