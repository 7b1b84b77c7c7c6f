"""Mixtures: what they hold, what is never trained on, and expressions of them."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from seqgpt_jax.atomic import FAMILIES, LANGUAGES
from seqgpt_jax.data.prepare.config import PrepareConfig
from seqgpt_jax.data.raw.sources import Files, Generated, HuggingFace, OnRequest, Tfds
from seqgpt_jax.data.raw.task_spec import DatasetSpec, Task, TaskSpec
from seqgpt_jax.tasks import MIXTURES, SUBSETS, TASKS, catalogue, evaluation_tasks, find, general_tasks
from seqgpt_jax.tasks.expressions import terms
from seqgpt_jax.tasks.mixtures import CPU, CPU_HELD_OUT, from_held_out, mixtures, without_copies


def config(mixture: str, **settings) -> PrepareConfig:
    return PrepareConfig(mixture, "-", **settings)


def specs(mixture: str) -> list[TaskSpec]:
    return [TASKS[name] for name in MIXTURES[mixture]]


def datasets(mixture: str) -> set[str]:
    return {spec.dataset.name for spec in specs(mixture)}


# ---- what they hold


def test_ft_is_as_large_as_the_paper_s_and_needs_no_form():
    ft = specs("ft")
    assert len(datasets("ft")) > 110
    assert sum(spec.atom == "cls" for spec in ft) > 139
    assert sum(spec.atom == "ext" for spec in ft) > 94
    assert {spec.family for spec in ft} == set(FAMILIES)
    assert {(spec.family, spec.language) for spec in ft} == {(f, language) for f in FAMILIES for language in LANGUAGES}
    assert not [spec.name for spec in ft if isinstance(spec.source, OnRequest) or "train" not in spec.splits]


def test_held_out_data_sets_are_of_every_family_and_in_no_training():
    assert len(datasets("held_out")) >= 25
    assert {spec.family for spec in specs("held_out")} == set(FAMILIES)
    assert {spec.language for spec in specs("held_out")} == set(LANGUAGES)
    for mixture in ("ft", "ft_commercial", "ft_cpu", "ft_catalogue"):
        assert not datasets(mixture) & datasets("held_out"), mixture
        assert not from_held_out(specs(mixture), TASKS.values()), mixture
    assert all("test" in spec.splits or "validation" in spec.splits for spec in specs("held_out"))


def test_ft_commercial_has_no_license_that_forbids_it():
    licenses = {spec.dataset.license for spec in specs("ft_commercial")}
    assert "CC BY 4.0" in licenses
    assert not [text for text in licenses if "NC" in text or "research" in text or "unknown" in text]
    assert datasets("ft_commercial") < datasets("ft")


def test_a_text_is_in_a_training_mixture_once():
    assert {"conll2003", "mnli", "squad_v2", "paws"} <= datasets("ft")
    assert not {"conllpp", "squad"} & datasets("ft")
    assert not {"xnli.en", "paws_x.en"} & {*MIXTURES["ft"]}
    # A translation is another text.
    assert {"xnli.zh", "paws_x.zh", "cmnli"} <= {*MIXTURES["ft"]}


def test_data_sets_that_share_texts_are_trained_on_together_unless_one_is_held_out():
    named = {(spec.dataset.name, other) for spec in TASKS.values() for other in spec.dataset.overlaps}
    assert {("yelp_polarity", "yelp_stars"), ("tnews", "toutiao_titles"), ("wnli", "wsc")} <= named
    assert {other for _, other in named} <= {spec.dataset.name for spec in TASKS.values()}
    assert {name for pair in named for name in pair} <= datasets("ft")
    one, other = TASKS["wnli"], TASKS["wsc"]
    assert from_held_out([one], [replace(other, held_out=True)]) == {"wnli": ["wsc"]}
    assert from_held_out([other], [replace(one, held_out=True)]) == {"wsc": ["wnli"]}


def test_stage_one_is_compared_with_what_is_held_out():
    bound = Path(__file__).parents[2] / "configs/stages/pretrain.gin"
    assert "Prepare.evaluation_mixtures = ('held_out',)" in bound.read_text(encoding="utf-8")


def test_the_small_mixtures_are_small_and_whole():
    _, small = catalogue(config("ft_cpu", subsets=True))
    assert {TASKS[name].dataset.name for name in small["ft_cpu"]} == CPU
    assert {*small["held_out_cpu"]} == CPU_HELD_OUT
    assert {TASKS[name].family for name in small["ft_cpu"]} == set(FAMILIES)
    assert (len(small["ft_cpu"]), len(small["held_out_cpu"])) == (44, 17)
    assert {*small["ft_cpu"]} <= {*small["ft"]}
    assert {*small["held_out_cpu"]} <= {*small["held_out"]}
    assert small["ft_cpu_en"] == tuple(name for name in small["ft_cpu"] if TASKS[name].language == "en")


def test_stage_one_is_what_models_have_labeled_and_needs_no_form():
    assert datasets("pt") == {"pile_ner_type", "pile_ner_definition", "sky_ner_zh", "instructie", "odie"}
    assert {spec.language for spec in specs("pt")} == set(LANGUAGES)
    # The same passages as Pile-NER, and what people have labeled.
    assert not {"pile_ner_slimer", "iepile", "iepile_samples"} & datasets("pt")
    assert not [spec.name for spec in specs("pt") if isinstance(spec.source, OnRequest) or "train" not in spec.splits]
    assert not datasets("pt") & (datasets("ft") | datasets("held_out"))
    assert not from_held_out(specs("pt"), TASKS.values())
    assert {*MIXTURES["pt"]} == {*MIXTURES["pt_en"], *MIXTURES["pt_zh"]}


def test_stage_one_of_the_cpu_recipes_reads_subsets():
    assert {*MIXTURES["pt_cpu"]} <= SUBSETS.keys()
    assert {*MIXTURES["pt_and_ft"]} == {*MIXTURES["pt_cpu"], *MIXTURES["ft_cpu"]}
    assert {spec.language for spec in specs("pt_cpu")} == set(LANGUAGES)


def test_the_readme_has_the_numbers():
    text = " ".join((Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8").split())
    assert f"every data set that needs no form and is not held out ({len(datasets('ft'))}, SeqGPT: 110)" in text
    assert f"those whose licenses allow commercial use ({len(datasets('ft_commercial'))})" in text
    assert f"`ft_cpu` {len(CPU)} small ones, `held_out` {len(datasets('held_out'))} that are never trained on" in text


# ---- subsets


def test_a_subset_differs_from_its_data_set_in_what_is_read_alone():
    assert SUBSETS
    for name, subset in SUBSETS.items():
        whole = TASKS[name]
        assert (subset.family, subset.language, subset.atom) == (whole.family, whole.language, whole.atom)
        assert subset.splits != whole.splits, name
        for fact in ("name", "license", "citation"):
            assert getattr(subset.dataset, fact) == getattr(whole.dataset, fact)
    of_subsets = {spec.dataset.name for spec in SUBSETS.values()}
    assert {name for name, spec in TASKS.items() if spec.dataset.name in of_subsets} == SUBSETS.keys()


def test_no_file_name_stands_for_two_files():
    """Whichever is fetched first would be kept for both."""
    found: dict[str, set[tuple[str, str]]] = {}
    for spec in [*TASKS.values(), *SUBSETS.values()]:
        source = spec.source
        if isinstance(source, Files):
            files = {name: (remote.url, remote.member) for name, remote in source.files.items()}
        elif isinstance(source, HuggingFace | Tfds):
            files = {name: (str(source), source.splits[split]) for split, name in source.files.items()}
        else:
            continue
        for name, origin in files.items():
            found.setdefault(os.path.normpath(f"{spec.dataset.name}/{name}"), set()).add(origin)
    assert len(found) > 500
    assert not {name: origins for name, origins in found.items() if len(origins) > 1}


def test_the_setting_decides_what_is_read():
    (whole,) = find(config("clinc150"))
    (subset,) = find(config("clinc150", subsets=True))
    assert (whole.splits["train"], subset.splits["train"]) == (("data_full.json",), ("data_small.json",))
    assert whole.name == subset.name
    with pytest.raises(ValueError, match=r"'xquad' has a split 'train'; there are test"):
        find(config("xquad"))
    assert [spec.name for spec in find(config("xquad", subsets=True))] == ["xquad.en", "xquad.zh"]


def test_no_training_split_is_an_official_development_set():
    """Only a subset may train on one."""
    for name in ("cmrc2018", "duee.triggers", "duee_fin.triggers", "duie.spans", "maven_ed.typing", "fewnerd.entities"):
        assert [file for file in TASKS[name].splits["train"] if "train" in file], name
        assert not [file for file in TASKS[name].splits["train"] if "dev" in file or "trial" in file], name


# ---- what is refused


def declared(name: str, language: str = "en", **differences) -> TaskSpec:
    task = Task("NLI", language, lambda split, paths: iter(()), splits={"train": ("a",), "test": ("b",)})
    (spec,) = DatasetSpec(name, verified="own", tasks=(task,), **differences).task_specs()
    return spec


def test_translations_of_held_out_data_sets_are_refused_in_training():
    original, other = declared("original", held_out=True), declared("other")
    translated = declared("translated", "zh", derived_from=("original", "other"))
    assert from_held_out([other, translated], [original, other, translated]) == {"translated": ["original"]}
    generated = {name: spec for name, spec in TASKS.items() if isinstance(spec.source, Generated)}
    assert [*mixtures(generated | {spec.name: spec for spec in (original, other, translated)})["ft"]] == ["other"]
    with pytest.raises(ValueError, match=r"cannot be trained on: held out for zero-shot scores: chinese_snli"):
        find(config("ft_nli+chinese_snli"))


def test_a_user_s_translation_of_a_held_out_data_set_is_refused_too(tmp_path, monkeypatch):
    lines = (
        "from seqgpt_jax.data.raw.task_spec import DatasetSpec, Task",
        "task = Task('NLI', 'zh', lambda split, paths: iter(()), splits={'train': ()})",
        "TASKS = DatasetSpec('my_snli', verified='own', tasks=(task,), derived_from=('snli',)).task_specs()",
    )
    (tmp_path / "module_of_translations.py").write_text("\n".join(lines), encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    settings = {"modules": ("module_of_translations",)}
    with pytest.raises(ValueError, match=r"'my_snli' cannot be trained on: my_snli has texts of snli, held out"):
        find(config("my_snli", **settings))
    general = general_tasks(config("trec", general_share=0.1, general_mixture="my_snli+rte+snli", **settings))
    assert [spec.name for spec in general] == ["rte"]


def test_copies_in_one_language_count_once():
    original, copy, translated = (
        declared("original"),
        declared("copy", derived_from=("original",)),
        declared("translated", "zh", derived_from=("original",)),
    )
    assert without_copies([original, copy, translated]) == [original, translated]
    assert without_copies([copy, translated]) == [copy, translated]


# ---- expressions


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("a", [("+", "a")]),
        ("a+b-c", [("+", "a"), ("+", "b"), ("-", "c")]),
        ("a - c + b", [("+", "a"), ("-", "c"), ("+", "b")]),
        ("my-data", [("+", "my-data")]),
        ("a+my-data-c", [("+", "a"), ("+", "my-data"), ("-", "c")]),
        ("a-nothing-known", [("+", "a"), ("-", "nothing-known")]),
        ("nothing-a", [("+", "nothing-a")]),
    ],
)
def test_terms(expression, expected):
    assert (
        list(
            terms(
                expression, {"a", "b", "c", "my-data", "my"} if "my-" not in expression else {"a", "b", "c", "my-data"}
            )
        )
        == expected
    )


def test_sets_are_joined_and_taken_away_in_order():
    names = [spec.name for spec in find(config("ft_sf-massive-atis"))]
    assert names == [name for name in MIXTURES["ft_sf"] if TASKS[name].dataset.name not in ("massive", "atis")]
    assert [spec.name for spec in find(config("atis-atis.slots"))] == ["atis.intent"]
    assert [spec.name for spec in find(config("atis-atis.slots+trec+atis.slots"))] == [
        *("atis.intent", "trec", "atis.slots"),
    ]
    assert "snli" not in {
        spec.name for spec in evaluation_tasks(config("trec", evaluation_mixtures=("held_out-snli",)))
    }


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("trec-atis", "nothing of 'atis' is in what stands before it, so -atis is of no use"),
        ("trec-trec", "'trec-trec' leaves no task"),
        ("ft-cluner", "no mixture or task 'cluner': did you mean cluener"),
    ],
)
def test_expressions_that_make_no_sense(expression, message):
    with pytest.raises(ValueError, match=message):
        find(config(expression))


def test_own_data_whose_name_holds_a_minus(tmp_path):
    path = tmp_path / "t.jsonl"
    path.write_text('{"text": "a b c", "label": "x"}\n{"text": "d e f", "label": "y"}\n' * 3, encoding="utf-8")
    mine = config("trec+my-data", own_data={"my-data": str(path)}, evaluation_mixtures=("trec",))
    assert [spec.name for spec in find(mine)] == ["trec", "my-data"]
    assert [spec.name for spec in evaluation_tasks(mine)] == ["trec", "my-data"]
    assert [spec.name for spec in find(replace(mine, mixture="trec+my-data-trec"))] == ["my-data"]
