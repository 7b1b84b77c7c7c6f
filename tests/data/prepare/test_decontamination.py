"""What counts as the same text, and that nothing that does is missed."""

import json
import os
import random
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqgpt_jax.atomic import families
from seqgpt_jax.console.leak_report import write_leak_report
from seqgpt_jax.data.prepare import decontamination
from seqgpt_jax.data.prepare.decontamination import (
    NEAR,
    PIECE,
    SHORT,
    Leak,
    LeakIndex,
    SeenTexts,
    bare_text,
    leaking,
    normalized,
)
from seqgpt_jax.data.prepare.leak_report import leak_report

ENGLISH = (
    "The old ferry left the harbour at dawn with forty crates of oranges on board, and nobody on the quay "
    "remembered that its captain had sold the boat to a bank in Trieste the week before."
)
CHINESE = (
    "老船長在黎明時分離開了港口，船上裝著四十箱橙子，碼頭上沒有人記得他上個星期已經把這艘船賣給了的里雅斯特的一家銀行。"
)
SIMPLIFIED = (
    "老船长在黎明时分离开了港口，船上装着四十箱橙子，码头上没有人记得他上个星期已经把这艘船卖给了的里雅斯特的一家银行。"
)
MORE_ENGLISH = (
    " Insurers from Ghent asked for a full list of the cargo, which three customs officers had burned by mistake. "
    "Six months later a diver found the anchor near a lighthouse that no map of the coast had ever shown!"
)
MORE_CHINESE = (
    "保险公司要求提供完整的货物清单，可是三名海关官员误将它烧掉了。"
    "半年以后一个潜水员在灯塔附近找到了锚，地图上从未标出过那座灯塔！"
)
NOISE = st.text(
    st.sampled_from(" \t\n　.,;:!?'\"-()[]{}*/…。，、！？：；“”‘’（）《》【】·—～\u200b\u00a0\u0301"), max_size=6
)


def full_width(text: str) -> str:
    return "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else "\u3000" if c == " " else c for c in text)


@pytest.mark.parametrize(
    ("train", "evaluation"),
    [
        pytest.param("play some jazz", "play some jazz", id="equal"),
        pytest.param("play some jazz", " play\tsome \njazz ", id="whitespace"),
        pytest.param("play some jazz", "play, some jazz!", id="punctuation"),
        pytest.param("请播放爵士乐", "请播放“爵士乐”。", id="chinese punctuation"),
        pytest.param("play 3 songs", full_width("play 3 songs"), id="width"),
        pytest.param("play some jazz", "PLAY Some Jazz", id="case"),
        pytest.param("请打开台湾地图", "請打開臺灣地圖", id="traditional"),
        pytest.param("a cafe\u0301 in Rome", "a café in Rome", id="composed accents"),
        pytest.param(CHINESE, SIMPLIFIED, id="long traditional"),
    ],
)
def test_what_differs_in_form_alone_is_exact(train, evaluation) -> None:
    assert LeakIndex([("e", evaluation)]).find("t", train) == [Leak("t", "e", "exact", 1.0)]
    assert LeakIndex([("e", train)]).find("t", evaluation) == [Leak("t", "e", "exact", 1.0)]


@pytest.mark.parametrize(
    ("train", "evaluation"),
    [
        pytest.param(ENGLISH.replace("oranges", "lemons"), ENGLISH, id="one word"),
        pytest.param(ENGLISH.removesuffix(" the week before."), ENGLISH, id="cut"),
        pytest.param("Reuters: " + ENGLISH.upper(), ENGLISH, id="prefix"),
        pytest.param(CHINESE.replace("橙子", "柠檬"), SIMPLIFIED, id="one chinese word"),
    ],
)
def test_one_changed_word_in_a_long_text_is_near(train, evaluation) -> None:
    (leak,) = LeakIndex([("other", "an unrelated text of some length, " * 3), ("e", evaluation)]).find("t", train)
    assert (leak.evaluation_id, leak.kind) == ("e", "near")
    assert NEAR <= leak.similarity < 1


@pytest.mark.parametrize(
    ("train", "evaluation"),
    [
        ("play some jazz", "play some rock"),
        ("set an alarm for seven in the morning", "set an alarm for eleven in the morning"),
        ("明天北京天气怎么样", "明天南京天气怎么样"),
        (ENGLISH, ENGLISH[::-1]),
        (ENGLISH, CHINESE),
        ("?!", "…"),
        ("", ""),
    ],
)
def test_different_texts_are_no_leak(train, evaluation) -> None:
    assert LeakIndex([("e", evaluation)]).find("t", train) == []


@pytest.mark.parametrize(
    ("sentence", "changed", "before", "after"),
    [
        (ENGLISH, ENGLISH.replace("oranges", "lemons"), "It rained. ", MORE_ENGLISH),
        (CHINESE, SIMPLIFIED.replace("橙子", "柠檬"), "下雨了。", MORE_CHINESE),
    ],
)
def test_a_text_that_is_a_sentence_of_a_longer_one_leaks_whichever_is_trained_on(
    sentence, changed, before, after
) -> None:
    longer = before + sentence + after
    for train, evaluation in ((sentence, longer), (longer, sentence)):
        assert LeakIndex([("e", evaluation)]).find("t", train) == [Leak("t", "e", "sentence", 1.0)]
    for train, evaluation in ((changed, longer), (longer, changed)):
        (leak,) = LeakIndex([("e", evaluation)]).find("t", train)
        assert (leak.kind, NEAR <= leak.similarity < 1) == ("sentence", True)
        assert "that is all of one of them" in str(leak)


def test_two_long_texts_may_share_a_sentence() -> None:
    assert LeakIndex([("e", CHINESE + ENGLISH)]).find("t", ENGLISH + MORE_ENGLISH) == []


def test_short_texts_are_compared_exactly_only() -> None:
    words = " ".join(f"word{number}" for number in range(40))
    for limit, found in ((SHORT - 8, 0), (SHORT + 64, 1)):
        text = normalized(words)[:limit]
        assert len(LeakIndex([("e", text)]).find("t", text + "x")) == found


def test_similarity_is_the_share_of_pieces_and_the_most_similar_comes_first() -> None:
    first, second = ENGLISH.replace("oranges", "lemons"), ENGLISH.replace("Trieste", "Lisbon").replace("forty", "ten")
    found = LeakIndex([("b", second), ("a", first), ("a2", first), ("same", ENGLISH)]).find("t", ENGLISH)
    assert [leak.evaluation_id for leak in found] == ["same", "a", "a2", "b"]
    pieces = [{key[i : i + 6] for i in range(len(key) - 5)} for key in (normalized(ENGLISH), normalized(first))]
    assert found[1].similarity == len(pieces[0] & pieces[1]) / len(pieces[0] | pieces[1])


def similarity(a: str, b: str) -> float:
    """Jaccard similarity of all pieces, straight from its definition."""
    a, b = ({key[k : k + PIECE] for k in range(len(key) - PIECE + 1)} for key in (normalized(a), normalized(b)))
    return len(a & b) / len(a | b)


def from_a_template(number: int, words: int, seed: int) -> list[str]:
    """Texts of so many words, a third of which are of their own in some and none in others."""
    chance = random.Random(seed)

    def word() -> str:
        return "".join(chance.choices("abcdefghijklmnopqrstuvwxyz", k=chance.randint(2, 9)))

    template = [word() for _ in range(words)]
    shares = [chance.uniform(0, 0.33) for _ in range(number)]
    return [" ".join(word() if chance.random() < share else old for old in template) for share in shares]


@pytest.mark.parametrize(("number", "words", "seed"), [(60, 20, 0), (60, 40, 1), (40, 200, 2), (16, 400, 3)])
def test_all_near_texts_of_a_template_are_found_and_no_others(number, words, seed) -> None:
    texts = from_a_template(number, words, seed)
    first, second = texts[: number // 2], texts[number // 2 :]
    index = LeakIndex([(str(n), text) for n, text in enumerate(first)])
    near = {(n, m): similarity(a, b) for n, a in enumerate(first) for m, b in enumerate(second)}
    near = {pair: value for pair, value in near.items() if value >= NEAR}
    assert 0 < len(near) < len(first) * len(second)
    leaks = [(int(leak.evaluation_id), m, leak.similarity) for m, b in enumerate(second) for leak in index.find("t", b)]
    assert {(n, m): value for n, m, value in leaks} == near
    seen, kept = SeenTexts(), []
    for text in texts:
        repeats = any(similarity(text, other) >= NEAR for other in kept)
        assert seen.seen(text) == repeats
        if not repeats:
            kept.append(text)


def test_few_texts_of_a_template_are_compared_piece_by_piece(monkeypatch) -> None:
    compared = []
    jaccard = decontamination._jaccard
    monkeypatch.setattr(decontamination, "_jaccard", lambda *sets: compared.append(1) or jaccard(*sets))
    chance = random.Random(0)

    def name() -> str:
        return "".join(chance.choices("abcdefghijklmnopqrstuvwxyz", k=14))

    texts = [
        f"Thank you for your order of a {name()}; the parcel will reach you within a few days." for _ in range(300)
    ]
    assert 0.5 < similarity(*texts[:2]) < NEAR
    seen = SeenTexts()
    assert not any(map(seen.seen, texts))
    assert len(compared) < 300  # of 44,850 pairs


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_sentence_counts_not_the_question_about_it(language) -> None:
    text, one, other = (
        ("中国队在雅典赢了比赛。", "中国队", "雅典") if language == "zh" else ("Ada met Bob.", "Ada", "Bob")
    )
    instances = [
        families.entity_typing("1", text, one, ["x"], language),
        families.relation_typing("2", text, one, other, ["x"], language),
        families.event_typing("3", text, other, ["x"], language),
    ]
    for instance in instances:
        assert text in instance.text != text
        assert bare_text(instance) == text
        assert LeakIndex([("e", text)]).find("t", bare_text(instance)) == [Leak("t", "e", "exact", 1.0)]
    assert bare_text(families.classification("4", text, ["x"])) == text


@pytest.mark.parametrize(
    ("text", "spans", "language"),
    [
        ("中国队在雅典赢了中国女排。", ("中国女排", "中国队"), "zh"),
        ("李和平和王中去了中和。", ("李和平", "王中"), "zh"),
        ("A song called Spring in Paris came out in May.", ("Spring in Paris", "May"), "en"),
        ("Salt and Pepper played in Spring in Paris?", ("Salt and Pepper", "Spring in Paris"), "en"),
    ],
)
def test_spans_may_hold_the_words_of_the_question(text, spans, language) -> None:
    assert bare_text(families.entity_typing("1", text, spans[0], ["x"], language)) == text
    assert bare_text(families.relation_typing("2", text, *spans, ["x"], language)) == text


def test_a_question_of_a_user_stays_as_it_is() -> None:
    for text in ("what is the event type of a wedding in Spain?", "他和我的关系是什么？"):
        assert bare_text(families.classification("1", text, ["x"])) == text


@given(st.text())
def test_normalising_twice_changes_nothing(text) -> None:
    assert normalized(normalized(text)) == normalized(text)


def test_every_character_stands_for_characters_that_stand_for_themselves() -> None:
    moved = [code for code in range(sys.maxunicode + 1) if normalized(once := normalized(chr(code))) != once]
    assert moved == []


@given(st.lists(st.tuples(st.text(max_size=8), NOISE)), NOISE)
def test_inserted_spaces_and_punctuation_change_nothing(parts, start) -> None:
    noisy = start + "".join(word + noise for word, noise in parts)
    assert normalized(noisy) == normalized("".join(word for word, _ in parts))


def test_leaking_keeps_the_worst_leak_of_each_training_text_and_tells_how_far_it_is() -> None:
    evaluation = [("e/test/1", ENGLISH), ("e/test/2", ENGLISH.replace("oranges", "lemons"))]
    train = [("t/train/1", ENGLISH.replace("oranges", "lemons")), ("t/train/2", CHINESE), ("t/train/3", ENGLISH + "!")]
    told = []
    found = leaking(iter(train), iter(evaluation), lambda *word: told.append(word))
    assert found == {
        "t/train/1": Leak("t/train/1", "e/test/2", "exact", 1.0),
        "t/train/3": Leak("t/train/3", "e/test/1", "exact", 1.0),
    }
    assert told == [("evaluation texts", 2, 2), ("training texts", 3, 3)]
    assert str(found["t/train/3"]) == "the text of e/test/1"
    assert str(Leak("t", "e/test/1", "near", 0.876)) == "nearly the text of e/test/1 (similarity 0.88)"


def test_report_counts_by_pair_of_tasks_and_holds_no_text(tmp_path) -> None:
    lemons = ENGLISH.replace("oranges", "lemons")
    train = [("a.x/train/1", ENGLISH), ("a.x/train/2", "yes"), ("b/train/1", lemons), ("b/train/2", CHINESE)]
    evaluation = [("a.x/test/1", "Yes."), ("a.x/test/2", ENGLISH), ("c/test/1", lemons), ("c/test/2", "no")]
    report = leak_report(train, evaluation)
    assert report.summary() == (
        "3 of 4 training instances leak: 3 exactly, 0 nearly, 0 by a sentence. 3 of 4 evaluation instances are tainted."
    )
    pairs = {key: (pair.kinds["exact"], pair.kinds["near"], pair.evaluation) for key, pair in report.pairs.items()}
    assert pairs == {
        ("a.x", "a.x"): (2, 0, {"a.x/test/1", "a.x/test/2"}),
        ("a.x", "c"): (0, 1, {"c/test/1"}),
        ("b", "c"): (1, 0, {"c/test/1"}),
        ("b", "a.x"): (0, 1, {"a.x/test/2"}),
    }
    write_leak_report(report, tmp_path / "out" / "leaks.json", "the command")
    written = json.loads((tmp_path / "out" / "leaks.json").read_text(encoding="utf-8"))
    assert written["leaking"] == {"exact": 3, "near": 0, "sentence": 0}
    assert written["evaluation_tasks"] == {
        "a.x": {"instances": 2, "tainted": 2},
        "c": {"instances": 2, "tainted": 1},
    }
    first = written["pairs"][0]
    assert (first["train"], first["exact"], first["evaluation_instances"]) == ("a.x", 2, 2)
    assert first["examples"][0] == {
        "train_id": "a.x/train/1",
        "evaluation_id": "a.x/test/2",
        "kind": "exact",
        "similarity": 1.0,
    }
    for path in (tmp_path / "out").iterdir():
        assert "ferry" not in path.read_text(encoding="utf-8")
    assert "| a.x | 2 | 2 | 100.0% |" in (tmp_path / "out" / "leaks.md").read_text(encoding="utf-8")


def test_the_same_leaks_whatever_the_hash_seed() -> None:
    code = (
        "from seqgpt_jax.data.prepare.decontamination import leaking\n"
        "words = [f'w{n * n % 97}' for n in range(400)]\n"
        "texts = [(f'e/{n}', ' '.join(words[n:n + 40])) for n in range(200)]\n"
        "near = [(f't/{n}', text + ' more words') for n, (_, text) in enumerate(texts)]\n"
        "print(leaking(near, texts))\n"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code],
            env=os.environ | {"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("0", "1", "2")
    }
    assert len(outputs) == 1
    assert outputs.pop().count("'near'") > 100
