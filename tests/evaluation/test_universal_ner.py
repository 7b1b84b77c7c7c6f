"""UniversalNER's zero-shot table as a command, with a tiny untrained model: on written files and on the real ones."""

import json
import os
from pathlib import Path

import pytest

from seqgpt_jax import evaluate
from seqgpt_jax.data.raw.files import DataNotFound
from seqgpt_jax.evaluation.evaluator import EvaluateConfig, instances_to_ask
from seqgpt_jax.evaluation.trained_before import notes, trained_before
from tests.evaluation.records import spans, write_store
from tests.evaluation.test_script import model  # noqa: F401 (a fixture)
from tests.evaluation.test_trained_before import data, store, tasks

_BESIDE = Path(__file__).parents[2].parent / "shared" / "datasets"
DATA = Path(os.environ.get("SEQGPT_DATA_DIR", _BESIDE))
# Folder -> the text of each of its files, and their names.
CROSSNER, MIT = ("train.txt", "dev.txt", "test.txt"), ("train", "valid", "test")
FILES = {
    "crossner/politics": (
        "Ann\tB-politician\nmet\tO\nthe\tO\nGreens\tB-politicalparty\n\n"
        "Brexit\tB-misc\nwon\tO\nin\tO\nRome\tB-location\n\n",
        CROSSNER,
    ),
    "crossner/music": ("Bob\tB-musicalartist\nsang\tO\nfolk\tB-musicgenre\n\n", CROSSNER),
    "mit_restaurant": ("cheap:B-Price sushi:B-Cuisine nearby:B-Location <=> <NULL>\n", MIT),
}


def run(model: Path, folder: Path, out: Path, *flags: str) -> dict:  # noqa: F811
    argv = [f"--model={model}", "--gin_file=eval_universal_ner.gin", f"--output={out}"]
    argv += [f"--gin.Prepare.data_dir='{folder}'", f"--gin.Prepare.output_dir='{out / 'prepared'}'"]
    argv += ["--gin.Evaluate.resamples=20", "--gin.Decode.max_new_tokens=64"]
    assert evaluate.main([*argv, *flags]) == 0
    return json.loads((out / "scores.json").read_text(encoding="utf-8"))


def asked(out: Path) -> list[list[str]]:
    """The queries of each prompt."""
    lines = (out / "predictions.jsonl").read_text(encoding="utf-8").splitlines()
    prompts = [prompt for line in lines for prompt in json.loads(line)["prompts"]]
    return [prompt.split("\n")[1].removeprefix("抽取: ").split("，") for prompt in prompts]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, (text, files) in FILES.items():
        (tmp_path / "datasets" / name).mkdir(parents=True)
        for file in files:
            (tmp_path / "datasets" / name / file).write_text(text, encoding="utf-8")
    return tmp_path / "datasets"


def test_the_table_of_the_sets_that_are_there(model, folder, tmp_path, capsys) -> None:  # noqa: F811
    out = tmp_path / "scores"
    numbers = run(model, folder, out)
    names = ("crossner.music", "crossner.politics", "mit_restaurant")
    of_tasks = {task: one for of_data in numbers["datasets"] for task, one in of_data["atomic_tasks"].items()}
    assert tuple(sorted(of_tasks)) == names
    # One label a prompt, each of the set for every text, and CrossNER's class for the rest is none of them.
    assert all(len(queries) == 1 for queries in asked(out))
    politics, music = ("location", "political party", "politician"), ("musical artist", "music genre")
    expected = [*politics, *politics, *music, "cuisine", "location", "price"]
    assert sorted(query for (query,) in asked(out)) == sorted(expected)
    mean = numbers["field_metrics"]["universal_ner_f1"]
    values = [of_tasks[name]["field_metrics"]["universal_ner_f1"]["value"] for name in names]
    assert (mean["value"], mean["tasks"]) == (pytest.approx(sum(values) / 3), 3)
    captured = capsys.readouterr()
    for page in (captured.out, (out / "report.md").read_text(encoding="utf-8").replace("\\", "")):
        said = " ".join(page.split())
        assert "universal_ner_f1" in said
        assert "mean of 3 tasks" in said
        assert "not in these scores, as files were missing" in said
        assert "(part of crossner, mit_movie)" in said
        assert "by Evaluate.without_labels: miscellaneous" in said


def test_no_set_at_all_is_an_error_that_names_the_files(model, tmp_path) -> None:  # noqa: F811
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataNotFound, match=r"crossner/politics/train\.txt"):
        run(model, tmp_path / "empty", tmp_path / "scores")


def test_labels_that_no_extraction_asks_cannot_be_left_out(tmp_path) -> None:
    one = write_store(tmp_path / "store", [spans("ner/test/0#0", {"person": ("text",), "rest": ()})])
    two = write_store(tmp_path / "other", [spans("other/test/0#0", {"rest": ("text",)})])
    (instance,) = instances_to_ask([one, two], EvaluateConfig(records=None, without_labels=("rest",)))
    record = instance.record
    assert (record.labels, record.answers, record.target) == (("person",), (("text",),), "person: text\n")
    assert instance.candidates == 1
    with pytest.raises(ValueError, match=r"no extraction of these data asks others; .*without_labels=\(\)"):
        instances_to_ask([one], EvaluateConfig(records=None, without_labels=("rest", "others")))
    with pytest.raises(ValueError, match=r"must be a list, such as \('rest',\)"):
        EvaluateConfig(without_labels="rest")
    with pytest.raises(ValueError, match=r"leave out Evaluate\.without_labels"):
        EvaluateConfig(without_labels=("rest",), end_to_end=True)
    with pytest.raises(ValueError, match=r"must be one of accuracy, .*, not 'uner'"):
        EvaluateConfig(metric="uner")


def test_what_was_trained_on_is_no_zero_shot_score() -> None:
    trained = data("mit_movie", "snips.slots")
    assert trained_before(trained, [store("mit_movie", "crossner.ai")], tasks) == []
    found = trained_before(trained, [store("mit_movie", "crossner.ai")], tasks, zero_shot=True)
    assert [one.task for one in found] == ["mit_movie"]
    (note,) = notes(found, False)
    assert note == (
        "not to be trusted: mit_movie: no zero-shot score, as the model was trained on it; "
        "train a model without them, NAME-mit_movie."
    )


@pytest.mark.skipif(not (DATA / "crossner").is_dir(), reason=f"no real data: {DATA} has no folder crossner")
def test_on_the_real_files(model, tmp_path) -> None:  # noqa: F811
    out = tmp_path / "scores"
    numbers = run(model, DATA, out, "--gin.Evaluate.records=1")
    there = {"crossner." + path.parent.name for path in (DATA / "crossner").glob("*/test.txt")}
    there |= {name for name in ("mit_movie", "mit_restaurant") if (DATA / name / "test").is_file()}
    of_tasks = {task: one for of_data in numbers["datasets"] for task, one in of_data["atomic_tasks"].items()}
    assert of_tasks.keys() == there
    # UniversalNER's tests have as many types.
    types = {"politics": 8, "science": 16, "music": 12, "literature": 11, "ai": 13}
    expected = sum(types[name.removeprefix("crossner.")] for name in there if name.startswith("crossner."))
    expected += 12 * ("mit_movie" in there) + 8 * ("mit_restaurant" in there)
    assert (numbers["overall"]["prompts"], len(asked(out))) == (expected, expected)
    assert numbers["field_metrics"]["universal_ner_f1"]["tasks"] == len(there)
