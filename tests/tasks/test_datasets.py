"""The fields and label names of single data sets, on small records in their true form."""

import json

import pytest

from seqgpt_jax.atomic import Instance
from seqgpt_jax.data.task_spec import RecordError, Skipped
from seqgpt_jax.tasks.readers.delimited import delimited
from seqgpt_jax.tasks.readers.fields import sentence_pair
from seqgpt_jax.tasks.readers.record import reader
from tests.tasks.records import FAMILIES, json_lines, read, read_all, write

# ---- the shapes of single data sets


def test_labels_of_the_simple_tables(tmp_path):
    def labels(task: str, text: str) -> list[set[str]]:
        return [set(item.gold) for item in read_all(task, write(tmp_path, "file", text))][:2]

    assert labels("trec", "ABBR:exp What is it ?\nNUM:count How many ?\n") == [{"abbreviation"}, {"number"}]
    assert labels("ag_news", '"3","Title","a\\team"\n') == [{"business"}]
    assert labels("goemotions", "text\t2,27\tid\n")[0] == {"anger", "neutral"}
    assert labels("thucnews_10", "标题\t8\n")[0] == {"游戏"}
    assert labels("sst2", "fine film\t1\n")[0] == {"positive"}
    assert labels("banking77", "text,category\nwhy?,reverted_card_payment?\n")[0] == {"reverted card payment"}
    assert labels("afqmc", "甲\t乙\t1\n")[0] == {"相同"}
    assert labels("snli", "premise\thypothesis\tlabel\na\tb\t2\n")[0] == {"contradiction"}


def test_ag_news_text(tmp_path):
    (item,) = read("ag_news", write(tmp_path, "a.csv", '"4","Race","A second\\team"\n'), split="test")
    assert item.text == "Race A second team"


def test_named_lists_of_pairs(tmp_path):
    document = {"train": [["hi", "greeting"]], "oos_train": [["x", "oos"]], "val": [["a", "w2"]], "oos_val": []}
    path = write(tmp_path, "data.json", json.dumps(document))
    assert read("clinc150", path) == [
        Instance("data.json:train:1", "cls", "hi", {"greeting": ()}),
        Instance("data.json:oos_train:1", "cls", "x", {"out of scope": ()}),
    ]
    with pytest.raises(RecordError, match="no list 'test'; there are train"):
        read("clinc150", path, split="test")


def test_smp2019(tmp_path):
    row = {"text": "打开微信", "domain": "app", "intent": "LAUNCH", "slots": {"name": "微信"}}
    path = write(tmp_path, "train.json", json.dumps([row]))
    assert [dict(item.gold) for item in read_all("smp2019.domain", path)] == [{"应用": ()}]
    assert [dict(item.gold) for item in read_all("smp2019.intent", path)] == [{"启动应用": ()}]
    assert [dict(item.gold) for item in read_all("smp2019.slots", path)] == [{"名称": ("微信",)}]


def test_free_types_of_one_mention_join(tmp_path):
    row = {"sentence": "引进中国内地", "mention": "中国", "label_types": ["国家"]}
    path = write(tmp_path, "a.json", json_lines(row, row | {"label_types": ["地区", "国家"]}))
    (item,) = read_all("cfet", path)
    assert (item.text, list(item.gold)) == ("引进中国内地中中国的实体类型是什么？", ["国家", "地区"])


def test_character_spans_are_checked(tmp_path):
    row = {"text": "浙商银行叶老桂", "label": {"name": {"叶老桂": [[4, 6]]}, "company": {"浙商银行": [[0, 3]]}}}
    (item,) = read("cluener", write(tmp_path, "a.json", json_lines(row)))
    assert item.gold == {"公司": ("浙商银行",), "姓名": ("叶老桂",)}
    row["label"]["name"]["叶老桂"] = [[3, 5]]
    with pytest.raises(RecordError, match=r"a\.json:1: characters 3 to 5 are not '叶老桂'"):
        read("cluener", write(tmp_path, "a.json", json_lines(row)))


def squad(*passages: dict) -> str:
    return json.dumps({"version": "1", "data": [{"paragraphs": [passage]} for passage in passages]}, ensure_ascii=False)


def test_reading(tmp_path):
    def question(id: str, *texts: str) -> dict:
        return {"id": id, "question": f"{id}?", "answers": [{"text": text, "answer_start": 0} for text in texts]}

    passage = {"context": "踢爆。", "qas": [question("a", "爆", "踢爆", "踢爆"), question("b")]}
    passage["qas"].append(question("c", "踢爆") | {"question": " "})
    found = read_all("xquad.zh", write(tmp_path, "x.json", squad(passage)))
    assert found == [
        Instance("x.json:a", "ext", "踢爆。", {"a?": ("踢爆",)}, ("a?",)),
        Instance("x.json:b", "ext", "踢爆。", {"b?": ()}, ("b?",)),
        Skipped("x.json:c", "empty_question"),
    ]
    with pytest.raises(RecordError, match=r"y\.json:1: not SQuAD"):
        read("xquad.en", write(tmp_path, "y.json", "[]"))


def test_a_passage_and_its_translation_share_a_split(tmp_path):
    def passages(context: str) -> str:
        asked = ([{"id": f"q{i}", "question": "?", "answers": []}] for i in range(40))
        return squad(*({"context": f"{context} {i}", "qas": qas} for i, qas in enumerate(asked)))

    for split in ("train", "validation", "test"):
        english = read("xquad.en", write(tmp_path, "en.json", passages("passage")), split=split)
        chinese = read("xquad.zh", write(tmp_path, "zh.json", passages("段落")), split=split)
        assert [item.text.split()[1] for item in english] == [item.text.split()[1] for item in chinese]


def test_triples(tmp_path):
    def triple(predicate: str, types: dict, values: dict) -> dict:
        return {
            "subject": "张三",
            "subject_type": "人物",
            "predicate": predicate,
            "object": values,
            "object_type": types,
        }

    row = {
        "text": "张三1990年在甲剧中饰演李四，也是其导演",
        "spo_list": [
            triple("饰演", {"@value": "人物", "inWork": "影视作品"}, {"@value": "李四", "inWork": "甲剧"}),
            triple("生日", {"@value": "Date"}, {"@value": "1990年"}),
            triple("配音", {"@value": "人物"}, {"@value": "李四"}),
        ],
    }
    path = write(tmp_path, "a.json", json_lines(row))
    (spans,) = read("duie.spans", path)
    assert spans.gold == {"人物": ("张三", "李四"), "影视作品": ("甲剧",), "日期": ("1990年",)}
    assert [(item.id, item.text, set(item.gold)) for item in read("duie.typing", path)] == [
        ("a.json:1/0", f"{row['text']}中张三和李四的关系是什么？", {"饰演", "配音"}),
        ("a.json:1/1", f"{row['text']}中张三和1990年的关系是什么？", {"生日"}),
    ]


def test_relations_of_a_pair_join_and_unknown_yields(tmp_path):
    text = "甲\t乙\tunknown\t甲与乙合并\n\n甲\t乙\t合并\t甲与乙合并\n\n乙\t甲\tunknown\t甲与乙合并\n"
    assert [(item.id, set(item.gold)) for item in read("finre", write(tmp_path, "t.txt", text))] == [
        ("t.txt:1", {"合并"}),
        ("t.txt:5", {"无关系"}),
    ]


def test_token_events(tmp_path):
    event = {"text": "launched", "start": 1, "end": 2, "event_type": "Process_start"}
    party = {"text": "party", "start": 3, "end": 4, "event_type": "Social_event"}
    row = {"id": 1, "tokens": ["They", "launched", "a", "party"], "events": [party, event]}
    path = write(tmp_path, "test.json", json.dumps([row]))
    (spans,) = read("maven_ed.triggers", path, split="test")
    assert list(spans.gold.items()) == [("process start event", ("launched",)), ("social gathering event", ("party",))]
    typed = read("maven_ed.typing", path, split="test")
    assert [(item.text, set(item.gold)) for item in typed] == [
        ("what is the event type of launched in They launched a party?", {"process start"}),
        ("what is the event type of party in They launched a party?", {"social gathering"}),
    ]
    row["events"][0]["start"] = 2
    with pytest.raises(RecordError, match="tokens 2 to 4 are 'a party', not 'party'"):
        read("maven_ed.triggers", write(tmp_path, "bad.json", json.dumps([row])), split="test")


def test_text_events(tmp_path):
    def event(kind: str, trigger: str, *arguments: tuple[str, str]) -> dict:
        values = [{"role": role, "argument": argument} for role, argument in arguments]
        return {"event_type": kind, "trigger": trigger, "arguments": values}

    kind = "组织关系-裁员"
    found = [event(kind, "裁员", ("裁员方", "雀巢")), event(kind, "裁员", ("裁员方", "甲"))]
    row = {"text": "雀巢裁员4000人，甲也裁员", "event_list": found}
    schema = {"event_type": kind, "role_list": [{"role": "裁员方"}, {"role": "裁员人数"}]}
    events_path = write(tmp_path, "dev.json", json_lines(row))
    schema_path = write(tmp_path, "schema.json", json_lines(schema))
    assert [item.gold for item in read_all("duee.triggers", events_path)] == [{"裁员事件": ("裁员",)}]
    (typed,) = read_all("duee.typing", events_path)
    assert (typed.text, set(typed.gold)) == (f"{row['text']}中裁员的事件类型是什么？", {"裁员"})
    assert read_all("duee.arguments", events_path, schema_path) == [
        Instance("dev.json:1/0", "ext", row["text"], {"裁员方": ("雀巢", "甲")}, ("裁员方", "裁员人数"))
    ]
    row["event_list"][0]["arguments"][0]["role"] = "地点"
    with pytest.raises(RecordError, match=r"roles \['地点'\] are not in the schema of 组织关系-裁员: 裁员方, 裁员人数"):
        read_all("duee.arguments", write(tmp_path, "bad.json", json_lines(row)), schema_path)


def test_asked_types_are_the_labels_of_a_passage(tmp_path):
    def row(kind: str, output: list[str]) -> dict:
        return {"input": "In May", "tagName": kind, "output": json.dumps(output)}

    path = write(tmp_path, "a.jsonl", json_lines(row("month", ["May"]), row("court", [])))
    assert read_all("pile_ner_slimer", path) == [
        Instance("a.jsonl:1", "ext", "In May", {"month": ("May",)}, ("month", "court"))
    ]


def test_predicted_entities(tmp_path):
    row = {"id": "0", "text": "北京到上海", "prediction": [{"北京": "城市"}, {"上海": "城市"}]}
    (item,) = read("sky_ner_zh", write(tmp_path, "a.jsonl", json_lines(row)))
    assert (item.gold, item.labels) == ({"城市": ("北京", "上海")}, ())


def test_sentence_pairs_without_a_mark_for_missing_labels_keep_all(tmp_path):
    path = write(tmp_path, "a.tsv", "a\tb\tc\np\th\t-\n")
    (item,) = read(reader(delimited("\t"), sentence_pair("a", "b", "c")), path)
    assert item.gold == {"-": ()}


# ---- declarations


def test_names_are_unique_and_declared_with_licence_and_source():
    specs = [spec for module in FAMILIES for spec in module.TASKS]
    assert len({spec.name for spec in specs}) == len(specs)
    assert all(spec.licence and spec.source for spec in specs)
