"""Samples: what a text is about."""

from tests.tasks.schema.classified import answer, each_split
from tests.tasks.schema.sample import Sample, split_by_hash

TRAIN_TEST = ("train", "test")
FEWCLUE = {"train": "train_few_all.json", "validation": "dev_few_all.json", "test": "test_public.json"}
_PAPERS = [
    {
        "doc_id": f"csl-{number}",
        "title": title,
        "abstract": abstract,
        "keywords": keywords,
        "category": category,
        "category_eng": english,
        "discipline": discipline,
        "discipline_eng": "",
    }
    for number, (title, abstract, keywords, category, english, discipline) in enumerate(
        (
            ("桥梁振动测量", "本文测量了一座小桥的振动。", ["桥梁", "振动"], "工学", "Engineering", "土木工程"),
            ("稻田施肥试验", "文章比较了三种肥料。", ["水稻"], "农学", "Agriculture", "作物学"),
        )
    )
]
_TITLES = "How do I sort a range of cells?\nPure function or monad here\nTheme shows no header\n"

SAMPLES = {
    "dbpedia_14": each_split(
        [
            {"label": "MeanOfTransportation", "title": "Blue Heron", "content": " The Blue Heron was a river ferry."},
            {"label": "Village", "title": "Oakmere", "content": " Oakmere is a village by a lake."},
        ],
        answer("Blue Heron  The Blue Heron was a river ferry.", "mean of transportation"),
        answer("Oakmere  Oakmere is a village by a lake.", "village"),
        splits=TRAIN_TEST,
    ),
    "yahoo_answers": each_split(
        [
            {
                "id": 0,
                "topic": "Family & Relationships",
                "question_title": "How do I make up with my cousin?",
                "question_content": "We quarrelled over a bicycle.",
                "best_answer": "Say sorry first.",
            },
            {
                "id": 1,
                "topic": "Health",
                "question_title": "Is cold water bad for teeth?",
                "question_content": "",
                "best_answer": "No.",
            },
        ],
        answer("How do I make up with my cousin? We quarrelled over a bicycle.", "family and relationships"),
        answer("Is cold water bad for teeth?", "health"),
        splits=TRAIN_TEST,
    ),
    "newsgroups_20": each_split(
        [
            {"text": "My goalie mask broke on Sunday.", "label": 10, "label_text": "rec.sport.hockey"},
            {"text": "", "label": 5, "label_text": "comp.windows.x"},
            {"text": "Which orbit did the probe take?", "label": 14, "label_text": "sci.space"},
        ],
        answer("My goalie mask broke on Sunday.", "hockey"),
        None,
        answer("Which orbit did the probe take?", "space"),
        splits=TRAIN_TEST,
    ),
    "bbc_news": each_split(
        [{"text": "shares in the ferry firm rose", "label": 1, "label_text": "business"}],
        answer("shares in the ferry firm rose", "business"),
        splits=TRAIN_TEST,
    ),
    "stackoverflow_titles": Sample(
        {"title_StackOverflow.txt": _TITLES, "label_StackOverflow.txt": "5\n19\n1\n"},
        {
            "+": [
                answer("How do I sort a range of cells?", "Excel"),
                answer("Pure function or monad here", "Haskell"),
                answer("Theme shows no header", "WordPress"),
            ]
        },
    ),
    "arxiv_subjects": each_split(
        [
            {"text": "We prove a theorem on finite rings.\nProof.", "label": "math.AC"},
            {"text": "A camera that counts geese.", "label": "cs.CV"},
        ],
        answer("We prove a theorem on finite rings.\nProof.", "commutative algebra"),
        answer("A camera that counts geese.", "computer vision"),
        folder="no_ref",
    ),
    "patent_sections": each_split(
        [
            {"text": "a loom with two shuttles", "label": "Textiles; Paper"},
            {
                "text": "a burner for ovens",
                "label": "Mechanical Engineering; Lightning; Heating; Weapons; Blasting",
            },
            {"text": "a method", "label": "General tagging of new or cross-sectional technology"},
        ],
        answer("a loom with two shuttles", "textiles and paper"),
        answer("a burner for ovens", "mechanical engineering and lighting and heating and weapons and blasting"),
        answer("a method", "general tagging of new or cross-sectional technology"),
        folder="abstract",
    ),
    "medical_abstracts": each_split(
        "condition_label,medical_abstract\n"
        '4,"Blood pressure fell, as the ""new"" drug was given."\n1,Growth of a tumour.\n',
        answer('Blood pressure fell, as the "new" drug was given.', "cardiovascular diseases"),
        answer("Growth of a tumour.", "neoplasms"),
        names={"train": "medical_tc_train.csv", "test": "medical_tc_test.csv"},
    ),
    "ledgar": each_split(
        [
            {"text": "The tenant shall hear of it in writing.", "label": "Notices"},
            {"text": "Neither party bribes.", "label": "Anti-Corruption Laws"},
        ],
        answer("The tenant shall hear of it in writing.", "notices"),
        answer("Neither party bribes.", "anti-corruption laws"),
        folder="ledgar",
    ),
    "scotus": each_split(
        [{"text": "The court holds that the tax was due.", "label": "12"}],
        answer("The court holds that the tax was due.", "federal taxation"),
        folder="scotus",
    ),
    "twitter_finance_topics": each_split(
        [{"text": "Dock workers $DCK get a raise", "label": 2}, {"text": "Gold climbs", "label": 10}],
        answer("Dock workers $DCK get a raise", "company and product news"),
        answer("Gold climbs", "gold, metals and materials"),
        splits=("train", "validation"),
    ),
    "iflytek": each_split(
        [
            {"label": "3", "label_des": "租车", "sentence": "按小时租一辆车，\u2028还车方便。"},
            {"label": "2", "label_des": "免费WIFI", "sentence": "一键连接附近的网络。"},
        ],
        answer("按小时租一辆车，\u2028还车方便。", "租车"),
        answer("一键连接附近的网络。", "免费WIFI"),
        names={"train": "train.json", "test": "dev.json"},
    ),
    "csldcp": each_split(
        [
            {"content": "本文讨论古城墙的修复。", "label": "建筑学", "id": 7},
            {"content": "本文整理了馆藏书目。", "label": "图书馆、情报与档案管理", "id": 8},
            {"content": "牛群的疫苗试验。", "label": "畜牧学/兽医学", "id": 9},
        ],
        answer("本文讨论古城墙的修复。", "建筑学"),
        answer("本文整理了馆藏书目。", "图书馆、情报与档案管理"),
        answer("牛群的疫苗试验。", "畜牧学/兽医学"),
        names=FEWCLUE,
    ),
    "toutiao_titles": split_by_hash(
        "toutiao_cat_data.txt",
        "10001_!_103_!_news_sports_!_小镇足球赛今晚开打_!_足球,小镇\n"
        "10002_!_114_!_stock_!_港口公司股价上涨_!_\n"
        "10003_!_116_!_news_game_!_这款新游戏怎么样？_!_游戏\n",
        answer("小镇足球赛今晚开打", "体育"),
        answer("港口公司股价上涨", "股票"),
        answer("这款新游戏怎么样？", "电竞"),
    ),
    "csl.category": split_by_hash("csl.jsonl", _PAPERS, answer("桥梁振动测量", "工学"), answer("稻田施肥试验", "农学")),
    "csl.discipline": split_by_hash(
        "csl.jsonl",
        _PAPERS,
        answer("本文测量了一座小桥的振动。", "土木工程"),
        answer("文章比较了三种肥料。", "作物学"),
    ),
    "cail2018": each_split(
        [
            {
                "fact": "被告人某甲偷走一辆自行车。",
                "relevant_articles": [264],
                "accusation": ["盗窃"],
                "punish_of_money": 1000.0,
                "criminals": ["某甲"],
                "death_penalty": False,
                "imprisonment": 6.0,
                "life_imprisonment": False,
            },
            {
                "fact": "被告人某乙私藏并出售枪支，又打伤一人。",
                "relevant_articles": [125, 234],
                "accusation": ["非法[制造、买卖、运输、储存]枪支", "故意伤害"],
                "punish_of_money": 0.0,
                "criminals": ["某乙"],
                "death_penalty": False,
                "imprisonment": 36.0,
                "life_imprisonment": False,
            },
        ],
        answer("被告人某甲偷走一辆自行车。", "盗窃"),
        answer("被告人某乙私藏并出售枪支，又打伤一人。", "非法制造、买卖、运输、储存枪支", "故意伤害"),
    ),
    "chip_ctc": each_split(
        '[{"id": "s1", "label": "Age", "text": "年满十八岁"}, '
        '{"id": "s2", "label": "Pharmaceutical Substance or Drug", "text": "近期服用过阿司匹林"}]',
        answer("年满十八岁", "年龄"),
        answer("近期服用过阿司匹林", "药物"),
        names={"train": "CHIP-CTC_train.json", "test": "CHIP-CTC_dev.json"},
    ),
}
