"""The fields and label names of single data sets, on small records in their true form."""

import json

import pytest

from seqgpt_jax.atomic import Instance
from seqgpt_jax.data.raw.task_spec import RecordError, Skipped
from seqgpt_jax.tasks import TASKS
from seqgpt_jax.tasks.readers.delimited import delimited
from seqgpt_jax.tasks.readers.fields import sentence_pair
from seqgpt_jax.tasks.readers.record import reader
from tests.tasks.records import json_lines, read, read_all, write

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
    broken = document | {"train": [["hi", "greeting"], ["hi"], ["bye", "w3"]]}
    _, error, *rest = TASKS["clinc150"].read("train", (write(tmp_path, "broken.json", json.dumps(broken)),))
    assert str(error).endswith("broken.json:2: [utterance, intent] was expected in broken.json:train:2, found ['hi']")
    assert [item.id for item in rest] == ["broken.json:train:3", "broken.json:oos_train:1"]


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
    # Events of one type and trigger are asked together.
    roles = ("裁员事件的裁员方", "裁员事件的裁员人数")
    assert read_all("duee.arguments", events_path, schema_path) == [
        Instance("dev.json:1/0", "ext", row["text"], {roles[0]: ("雀巢", "甲")}, roles)
    ]
    # Those with other triggers are asked by them.
    row["event_list"][1]["trigger"] = "也裁员"
    path = write(tmp_path, "two.json", json_lines(row))
    assert [(item.id, item.gold) for item in read_all("duee.arguments", path, schema_path)] == [
        ("two.json:1/0", {"裁员事件“裁员”的裁员方": ("雀巢",)}),
        ("two.json:1/1", {"裁员事件“也裁员”的裁员方": ("甲",)}),
    ]
    row["event_list"][0]["arguments"][0]["role"] = "地点"
    with pytest.raises(RecordError, match=r"roles \['地点'\] are not in the schema of 裁员: 裁员方, 裁员人数"):
        read_all("duee.arguments", write(tmp_path, "bad.json", json_lines(row)), schema_path)


def test_few_shot_pairs_are_named_by_their_tokens(tmp_path):
    row = {"tokens": ["Old", "Bridge", " ", "spans", "the", "Ure"], "h": ["old bridge", "Q1", [[0, 1]]]}
    document = {"P177": [row | {"t": ["ure", "Q2", [[5], [3]]]}]}
    (item,) = read("fewrel.wiki", write(tmp_path, "a.json", json.dumps(document)), split="test")
    asked = "what is the relation between Old Bridge and Ure in Old Bridge spans the Ure?"
    sentence, mentions = "Old Bridge spans the Ure", ("Old Bridge", "Ure")
    assert item == Instance("a.json:1", "cls", asked, {"crosses": ()}, source_text=sentence, mentions=mentions)
    with pytest.raises(RecordError, match=r"a\.json:1: label 'P1' has no name"):
        read("fewrel.wiki", write(tmp_path, "a.json", json.dumps({"P1": document["P177"]})), split="test")


def test_triples_of_tokens(tmp_path):
    row = {
        "tokens": ["Ana", "Roy", "leads", "Ulm", "."],
        "spo_list": [["Ulm", "leaderName", "Ana Roy"], ["Ulm", "elevationAboveTheSeaLevel_(in_metres)", "Ana Roy"]],
        "spo_details": [
            [3, 4, "None-label", "leaderName", 0, 2, "None-label"],
            [3, 4, "None-label", "elevationAboveTheSeaLevel_(in_metres)", 0, 2, "None-label"],
        ],
        "pos_tags": ["NNP"] * 5,
    }
    path = write(tmp_path, "train.json", json.dumps([row]))
    assert read("webnlg_re.spans", path) == [
        Instance("train.json:1", "ext", "Ana Roy leads Ulm.", {"entity": ("Ana Roy", "Ulm")}, ("entity",))
    ]
    (typed,) = read("webnlg_re.typing", path)
    assert set(typed.gold) == {"leader name", "elevation above the sea level in metres"}
    row["spo_details"][0][4] = 1
    with pytest.raises(RecordError, match="the details of 'Ulm', leaderName, 'Ana Roy' name other tokens"):
        read("webnlg_re.typing", write(tmp_path, "bad.json", json.dumps([row])))


def test_relations_of_sanwen_have_chinese_names(tmp_path):
    text = "荷\t塘\tLocated\t荷在塘中\n荷\t塘\tNear\t荷在塘中\n塘\t荷\tunknown\t荷在塘中\n"
    assert [set(item.gold) for item in read("sanwen", write(tmp_path, "t.txt", text))] == [
        {"位于", "邻近"},
        {"无关系"},
    ]


def casie(content: str, *events: tuple[str, str, list[tuple[str, str]]], shift: int = 0) -> str:
    def span(text: str) -> dict:
        start = content.index(text) + shift
        return {"startOffset": start, "endOffset": start + len(text), "index": "T1", "text": text}

    found = [
        {
            "index": "E1",
            "type": "Attack",
            "subtype": kind,
            "realis": "Actual",
            "nugget": span(trigger),
            "argument": [span(text) | {"type": "Person", "role": {"type": role}} for role, text in arguments],
        }
        for kind, trigger, arguments in events
    ]
    hopper = [{"relation": "Same", "index": 0, "events": found}]
    return json.dumps({"sourcefile": "1.txt", "info": {}, "content": content, "cyberevent": {"hopper": hopper}})


@pytest.mark.parametrize("shift", [0, 1])
def test_documents_are_asked_by_sentence(tmp_path, shift):
    content = "Mr. Lee was blackmailed by a gang.  He paid. The gang hid. </text>"
    arguments = [("Victim", "Mr. Lee"), ("Attacker", "a gang"), ("Attacker", "The gang")]
    document = casie(content, ("Ransom", "paid", []), ("Ransom", "blackmailed", arguments), shift=shift)
    folder = write(tmp_path, "annotation/7.json", document).parent
    first = "Mr. Lee was blackmailed by a gang."
    assert read("casie.triggers", folder, split="test") == [
        Instance("7.json/0", "ext", first, {"ransom event": ("blackmailed",)}),
        Instance("7.json/1", "ext", "He paid.", {"ransom event": ("paid",)}),
        Instance("7.json/2", "ext", "The gang hid.", {}),
    ]
    assert [item.id for item in read("casie.typing", folder, split="test")] == ["7.json/0/0", "7.json/1/0"]
    found = read("casie.arguments", folder, split="test")
    assert [item.gold for item in found if isinstance(item, Instance)] == [
        {"victim of the ransom event": ("Mr. Lee",), "attacker of the ransom event": ("a gang",)},
        {},
    ]
    assert [item for item in found if isinstance(item, Skipped)] == [
        Skipped(
            "7.json/0/elsewhere0",
            "argument_elsewhere",
            "attacker 'The gang' of 'blackmailed' stands in another sentence",
        )
    ]


def test_documents_with_wrong_places_are_errors(tmp_path):
    folder = write(tmp_path, "annotation/7.json", casie("He paid.", ("Ransom", "paid", []), shift=3)).parent
    with pytest.raises(RecordError, match=r"7\.json:1: characters 6 to 10 are not 'paid'"):
        read("casie.triggers", folder, split="test")


def test_documents_of_finance(tmp_path):
    arguments = [{"role": "上市公司", "argument": "山海"}, {"role": "环节", "argument": "筹备上市"}]
    event = {"event_type": "公司上市", "trigger": "IPO", "arguments": arguments}
    row = {"id": "1", "title": "山海将IPO", "text": "山海已递交\n招股书。", "event_list": [event]}
    roles = [{"role": "上市公司"}, {"role": "环节", "enum_items": ["筹备上市", "正式上市"]}]
    events_path = write(tmp_path, "dev.json", json_lines(row, {"id": "2", "title": "无", "text": "无事"}))
    schema_path = write(tmp_path, "schema.json", json_lines({"event_type": "公司上市", "role_list": roles}))
    text = "山海将IPO\n山海已递交\n招股书。"
    assert sorted(map(repr, read_all("duee_fin.triggers", events_path))) == sorted(
        map(
            repr,
            [
                Instance("dev.json:1", "ext", text, {"公司上市事件": ("IPO",)}),
                Instance("dev.json:2", "ext", "无\n无事"),
            ],
        )
    )
    assert read_all("duee_fin.arguments", events_path, schema_path) == [
        Instance("dev.json:1/0", "ext", text, {"公司上市事件的上市公司": ("山海",)}, ("公司上市事件的上市公司",))
    ]
    assert read_all("duee_fin.stage", events_path, schema_path) == [
        Instance(
            "dev.json:1/0",
            "cls",
            f"{text}中IPO的环节是什么？",
            {"筹备上市": ()},
            ("筹备上市", "正式上市"),
            source_text=text,
            mentions=("IPO",),
        )
    ]


def test_columns_of_a_table(tmp_path):
    table = "| City | Mood | Price |\n| --- | --- | --- |\n| Rome | glad | N/A |\n| Bari | sad | 9 |"
    row = {"instruction": "?", "text": "Rome was happy, Bari sad: 9.", "table": table, "source": ""}
    assert read("odie", write(tmp_path, "a.json", json.dumps([row])), split="test") == [
        Skipped("a.json:1/label1", "not_in_text", "answers for 'Mood' are not words of the text"),
        Instance("a.json:1", "ext", row["text"], {"City": ("Rome", "Bari"), "Price": ("9",)}, ("City", "Price")),
    ]


def test_tables_of_the_training_set_are_on_lines(tmp_path):
    table = "| City | Mood |\n| --- | --- |\n| Rome | glad |"
    row = {"instruction": "?", "domain": "travel", "text": "Rome was glad.", "category": "fixed_header", "table": table}
    row["messages"] = [{"role": "assistant", "content": table}]
    path = write(tmp_path, "training_data.jsonl", json_lines(row))
    assert list(TASKS["odie"].read("train", (path,))) == [
        Instance("training_data.jsonl:1", "ext", row["text"], {"City": ("Rome",), "Mood": ("glad",)}, ("City", "Mood"))
    ]


@pytest.mark.parametrize(
    ("table", "found"),
    [
        ("| City | Mood |\n| --- | --- |\n| Rome |", "broken_table"),
        ("| City |", "broken_table"),
        ("| City | |\n| --- | --- |\n| Rome | glad |", "empty_label"),
        # Two columns of one name are one.
        ("| Word | Word |\n| --- | --- |\n| Rome | glad |", {"Word": ("Rome", "glad")}),
        ("| City | Mood |\n| --- | --- |", "broken_table"),
    ],
)
def test_tables_that_are_broken_are_counted(tmp_path, table, found):
    row = {"text": "Rome was glad.", "table": table}
    first, *_ = read("odie", write(tmp_path, "a.json", json.dumps([row])), split="test")
    assert (first.reason if isinstance(first, Skipped) else first.gold) == found


def test_instructions_of_one_text_join(tmp_path):
    def row(schema: list, output: dict) -> dict:
        instruction = {"instruction": "抽取", "schema": schema, "input": "甲在乙城裁员"}
        return {"task": "?", "source": "?", "instruction": json.dumps(instruction), "output": json.dumps(output)}

    def of(task: str, *rows: dict) -> list[Instance]:
        (item,) = read(task, write(tmp_path, "RE/train.json", json_lines(*rows)))
        return item

    entities = of("iepile_samples.entities", row(["人物"], {"人物": []}), row(["地点"], {"地点": ["乙城"]}))
    assert (entities.gold, entities.labels) == ({"地点": ("乙城",)}, ("人物", "地点"))
    triggers = of("iepile_samples.triggers", row(["组织-裁员", "交往-会见"], {"组织-裁员": ["裁员"], "交往-会见": []}))
    assert (triggers.gold, triggers.labels) == ({"裁员事件": ("裁员",)}, ("裁员事件", "会见事件"))
    schema = [{"event_type": "组织-裁员", "trigger": True, "arguments": ["裁员方", "时间"]}]
    event = {"trigger": "裁员", "arguments": {"裁员方": "甲", "时间": "NAN"}}
    arguments = of("iepile_samples.arguments", row(schema, {"组织-裁员": [event]}))
    roles = ("裁员事件的裁员方", "裁员事件的时间")
    assert (arguments.gold, arguments.labels) == ({roles[0]: ("甲",)}, roles)
    relations = of(
        "iepile_samples.relations",
        row(["位于"], {"位于": [{"head": "甲", "tail": "乙城"}]}),
        row([{"subject_type": "人", "predicate": "作者", "object_type": "书"}], {"作者": []}),
        row([{"entity_type": "人", "attributes": ["籍贯"]}], {"人": {"甲": {"籍贯": "乙城"}}}),
    )
    assert relations.text == "甲在乙城裁员中甲和乙城的关系是什么？"
    assert (set(relations.gold), relations.labels) == ({"位于", "籍贯"}, ("位于", "作者", "籍贯"))


def test_asked_types_are_the_labels_of_a_passage(tmp_path):
    def row(kind: str, output: list[str]) -> dict:
        return {"input": "In May", "tagName": kind, "output": json.dumps(output)}

    path = write(tmp_path, "a.jsonl", json_lines(row("month", ["May"]), row("court", [])))
    assert read_all("pile_ner_slimer", path) == [
        Instance("a.jsonl:1", "ext", "In May", {"month": ("May",)}, ("month", "court"))
    ]
    # Asked again, with a definition say: the answers of both.
    path = write(tmp_path, "a.jsonl", json_lines(row("month", ["May"]), row("court", []), row("month", [])))
    assert read_all("pile_ner_slimer", path) == [
        Instance("a.jsonl:1", "ext", "In May", {"month": ("May",)}, ("month", "court"))
    ]


def test_sentence_pairs_without_a_mark_for_missing_labels_keep_all(tmp_path):
    path = write(tmp_path, "a.tsv", "a\tb\tc\np\th\t-\n")
    (item,) = read(reader(delimited("\t"), sentence_pair("a", "b", "c")), path)
    assert item.gold == {"-": ()}
