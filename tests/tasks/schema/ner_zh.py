"""Samples of the NER tasks in Chinese."""

import json

from tests.tasks.schema.columns import columns, everywhere
from tests.tasks.schema.sample import Sample, split_by_hash

ROWS = ("train.jsonl", "validation.jsonl", "test.jsonl")
TXT = ("train.txt", "dev.txt", "test.txt")
BMES = ("train.char.bmes", "dev.char.bmes", "test.char.bmes")
NEWS = [
    {"id": "0", "tokens": list("陈某到南江"), "ner_tags": ["B-PER", "I-PER", "O", "B-LOC", "I-LOC"]},
    {"id": "1", "tokens": list("下雨"), "ner_tags": ["O", "O"]},
]
NEWS_INSTANCES = (("陈某到南江", {"人名": ("陈某",), "地名": ("南江",)}), ("下雨", {}))
TALK = {
    "10001": {
        "diagnosis": "小儿感冒",
        "self_report": "孩子咳嗽",
        "dialogue": [
            {
                "sentence_id": "1",
                "speaker": "医生",
                "sentence": "咳嗽吗",
                "dialogue_act": "Request-Symptom",
                "BIO_label": "B-Symptom I-Symptom O",
                "symptom_norm": ["咳嗽"],
                "symptom_type": ["1"],
            },
            {
                "sentence_id": "2",
                "speaker": "患者",
                "sentence": "查了血",
                "dialogue_act": "Inform-Existing_Examination_and_Treatment",
                "BIO_label": "B-Medical_Examination I-Medical_Examination I-Medical_Examination",
                "symptom_norm": [],
                "symptom_type": [],
            },
        ],
        "report": [],
        "implicit_info": {"Symptom": {"咳嗽": "1"}},
        "explicit_info": {"Symptom": ["咳嗽"]},
    }
}

SAMPLES: dict[str, Sample] = {
    "msra_ner": everywhere(
        NEWS, ("msra_ner/train.jsonl", "msra_ner/test.jsonl"), *NEWS_INSTANCES, splits=("train", "test")
    ),
    "people_daily": everywhere(NEWS, [f"peoples_daily_ner/{name}" for name in ROWS], *NEWS_INSTANCES),
    "wikiann.zh": everywhere(
        [
            {
                "tokens": list("白石河"),
                "ner_tags": ["B-LOC", "I-LOC", "I-LOC"],
                "langs": ["zh"] * 3,
                "spans": ["LOC: 白 石 河"],
            }
        ],
        [f"zh/{name}" for name in ROWS],
        ("白石河", {"地名": ("白石河",)}),
    ),
    "multinerd.zh": everywhere(
        [{"tokens": list("灰狼在月球"), "ner_tags": [7, 8, 0, 11, 12], "lang": "zh"}],
        ("train/train_zh.jsonl", "val/val_zh.jsonl", "test/test_zh.jsonl"),
        ("灰狼在月球", {"动物": ("灰狼",), "天体": ("月球",)}),
    ),
    "multiconer2.zh": everywhere(
        "# id 9a\tdomain=zh\n他 _ _ O\n吃 _ _ O\n米 _ _ B-Food\n粉 _ _ I-Food\n",
        ("zh_train.conll", "zh_dev.conll", "zh_test.conll"),
        ("他吃米粉", {"食物": ("米粉",)}),
    ),
    "ontonotes4_zh": everywhere(
        columns("在/O 南/B-GPE 江/M-GPE 市/E-GPE 的/O 她/S-PER", "好/O", separator=" "),
        BMES,
        ("在南江市的她", {"行政区名": ("南江市",), "人名": ("她",)}),
        ("好", {}),
    ),
    "youku_ner": everywhere(
        columns("王/B-PER 甲/I-PER 《/O 夜/B-TELEVISION 雨/I-TELEVISION 》/O 2/B-MISC", "花/O 絮/O", separator=" "),
        TXT,
        ("王甲《夜雨》2", {"人名": ("王甲",), "影视节目": ("夜雨",), "其他实体": ("2",)}),
        ("花絮", {}),
    ),
    "ecommerce_ner": everywhere(
        columns("青/B-HPPX 木/I-HPPX ,/O 茶/B-HCCX 杯/I-HCCX x/B-XH 1/I-XH", "包/O 邮/O", separator=" "),
        TXT,
        ("青木,茶杯x1", {"品牌": ("青木",), "商品": ("茶杯",), "型号": ("x1",)}),
        ("包邮", {}),
    ),
    "boson_ner": split_by_hash(
        "origindata.txt",
        "{{time:昨天}}，{{company_name:青木公司}}在{{location:南江}}卖{{product_name:《茶》}}。\n没有实体。\n"
        "{{time:{{time:本周}}}}\\n在{{location:南江}}。\n没有{{product_name:实体}}。\n",
        (
            "昨天，青木公司在南江卖《茶》。",
            {"时间": ("昨天",), "公司名": ("青木公司",), "地点": ("南江",), "产品名": ("《茶》",)},
        ),
        ("没有实体。", {}),
        ("本周 在南江。", {"时间": ("本周",), "地点": ("南江",)}),
        None,  # a paragraph that was there before, marked in another way
    ),
    "literature_ner": everywhere(
        columns("我/B_Person 的/O 老/B_Location 屋/I_Location", "雨/B_Thing", separator=" "),
        ("train.txt", "validation.txt", "test.txt"),
        ("我的老屋", {"人物": ("我",), "地点": ("老屋",)}),
        ("雨", {"事物": ("雨",)}),
    ),
    "ccks2021_address": everywhere(
        columns("南/B-city 江/E-city 白/B-road 石/I-road 路/E-road 7/B-roadno 号/E-roadno 旁/S-assist", separator=" "),
        ("train.conll", "dev.conll"),
        (
            "南江白石路7号旁",
            {"城市": ("南江",), "道路": ("白石路",), "门牌号": ("7号",), "辅助定位词": ("旁",)},
        ),
        splits=("train", "validation"),
    ),
    "cmeee": everywhere(
        json.dumps(
            [
                {
                    "text": "肺部感染可用药",
                    "entities": [
                        {"start_idx": 0, "end_idx": 1, "type": "bod", "entity": "肺部"},
                        {"start_idx": 0, "end_idx": 3, "type": "dis", "entity": "肺部感染"},
                    ],
                },
                {"text": "无", "entities": []},
            ]
        ),
        ("CMeEE_train.json", "CMeEE_dev.json"),
        ("肺部感染可用药", {"身体部位": ("肺部",), "疾病": ("肺部感染",)}),
        ("无", {}),
        splits=("train", "validation"),
    ),
    "ccks2019_ner": everywhere(
        [
            {
                "originalText": "患者因腹痛做胃切除术。",
                "entities": [
                    {"label_type": "手术", "overlap": 0, "start_pos": 6, "end_pos": 10},
                    {"label_type": "解剖部位", "overlap": 0, "start_pos": 3, "end_pos": 4},
                ],
            }
        ],
        ("subtask1_training_part1.txt", "subtask1_training_part2.txt", "subtask1_test_set_with_answer.json"),
        ("患者因腹痛做胃切除术。", {"解剖部位": ("腹",), "手术": ("胃切除术",)}),
        splits=("test",),
    ),
    "imcs21_ner": everywhere(
        json.dumps(TALK),
        ("IMCS_train.json", "IMCS_dev.json"),
        ("咳嗽吗", {"症状": ("咳嗽",)}),
        ("查了血", {"检查": ("查了血",)}),
        splits=("train", "validation"),
    ),
}
