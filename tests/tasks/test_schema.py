"""Tasks without a pack of published files, on small files in their true form; what was counted in published ones."""

from dataclasses import replace
from pathlib import Path

import pytest

from seqgpt_jax.atomic import TEMPLATES, Instance, clean_text
from seqgpt_jax.data.raw.sources import Files
from seqgpt_jax.data.raw.task_spec import RecordError, Skipped
from seqgpt_jax.tasks import TASKS
from seqgpt_jax.tasks.declarations import EVIDENCE, task_specs
from seqgpt_jax.tasks.validation.contradictions import MOST_CONTRADICTIONS
from tests.tasks import prompts_page, schema
from tests.tasks.records import json_lines, write
from tests.tasks.schema.sample import Sample
from tests.tasks.test_real_files import DATA, contradictions

SPECS = {name: spec for name, spec in TASKS.items() if name in schema.SAMPLES}


def read_sample(task: str, folder: Path) -> dict[str, list[Instance | None]]:
    """Split -> its instances, None for what is skipped, read from the sample's files."""
    spec, sample = SPECS[task], schema.SAMPLES[task]
    for name, content in sample.files.items():
        write(folder, name, content if isinstance(content, str) else json_lines(*content))
    found = {}
    for split, names in spec.splits.items():
        items = list(spec.read(split, tuple(folder / name for name in names)))
        assert all(isinstance(item, Instance | Skipped) for item in items), items
        assert len({item.id for item in items}) == len(items), [item.id for item in items]
        found[split] = [item if isinstance(item, Instance) else None for item in items]
    return found


def test_every_unverified_task_has_a_sample():
    assert SPECS.keys() == schema.SAMPLES.keys()
    assert not [name for name, spec in TASKS.items() if spec.verified == "schema" and name not in SPECS]
    assert all(isinstance(sample, Sample) for sample in schema.SAMPLES.values())


@pytest.mark.parametrize("task", sorted(SPECS))
def test_samples_give_what_they_must(task, tmp_path):
    found, expected = read_sample(task, tmp_path), dict(schema.SAMPLES[task].expected)
    assert expected, "a sample without expectations proves nothing"

    def plain(items):
        return [item and (item.text, {label: tuple(spans) for label, spans in item.gold.items()}) for item in items]

    if "+" in expected:
        joined = plain([item for items in found.values() for item in items])
        assert sorted(map(repr, joined)) == sorted(map(repr, expected.pop("+")))
    for split, instances in expected.items():
        assert plain(found[split]) == list(instances), split


def test_pairs_outside_of_inference_and_reading_are_declared(tmp_path):
    declared = {name for name, spec in TASKS.items() if spec.pairs}
    assert declared == {"asap.aspects", "mams.term_sentiment", "mams.category_sentiment"}
    composed = set()
    for number, (name, spec) in enumerate(SPECS.items()):
        if spec.atom == "cls" and spec.family not in ("NLI", "MRC"):
            items = [item for items in read_sample(name, tmp_path / str(number)).values() for item in items if item]
            composed |= {name for item in items if "\t" in item.text}
    assert composed == declared & SPECS.keys()


@pytest.mark.parametrize("task", sorted(SPECS))
def test_labels_and_spans_of_the_samples_fit_the_contract(task, tmp_path):
    spec = SPECS[task]
    instances = [item for items in read_sample(task, tmp_path).values() for item in items if item is not None]
    assert instances
    assert {item.atom for item in instances} == {spec.atom}
    for item in instances:
        assert item.gold or spec.atom == "ext"
        for label, spans in item.gold.items():
            if spec.family != "MRC":  # questions may need cleaning, names of our own choice must not
                assert TEMPLATES["chinese"].clean_label(label) == label
            assert all(clean_text(span) in clean_text(item.text) for span in spans)


# ---- what was counted in published files


def test_evidence_is_of_files_whose_digests_are_known():
    assert len({TASKS[name].dataset.name for name in EVIDENCE}) >= 48
    for name, counted in EVIDENCE.items():
        spec = TASKS[name]
        assert spec.verified == "files"
        assert counted.items() <= dict(spec.sizes).items()
        assert isinstance(spec.source, Files), name
        for file in {file for split in counted for file in spec.splits[split]}:
            assert spec.source.files[file].sha256, f"{name}: {file}"


def test_sizes_that_contradict_the_evidence_are_refused():
    (wrong,) = (replace(TASKS["hwu64"].dataset, sizes={"train": 3}),)
    with pytest.raises(ValueError, match=r"task hwu64: other sizes are declared of train"):
        task_specs(wrong)


@pytest.mark.parametrize("task", sorted(EVIDENCE))
def test_published_files_give_what_was_counted(task):
    spec, read = TASKS[task], []
    for split, number in EVIDENCE[task].items():
        paths = [DATA / spec.dataset.name / name for name in spec.splits[split]]
        if all(path.exists() for path in paths):
            found = list(spec.read(split, tuple(paths)))
            assert not [item for item in found if isinstance(item, RecordError)]
            read_as = [item for item in found if isinstance(item, Instance)]
            assert len(read_as) == number
            assert contradictions(read_as) <= MOST_CONTRADICTIONS * number or spec.dataset.contradictions
            read.append(split)
    if not read:
        pytest.skip(f"no real data: {DATA / spec.dataset.name}")


def test_the_page_of_prompts_is_what_the_samples_give():
    made = "make it anew: python -m tests.tasks.prompts_page > docs/prompts.md"
    assert (Path(__file__).parents[2] / "docs/prompts.md").read_text(encoding="utf-8") == prompts_page.page(), made
