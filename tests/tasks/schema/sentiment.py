"""Samples: a text and its sentiment."""

from tests.tasks.schema.classified import answer, each_split
from tests.tasks.schema.judgements import MELD_FILES, MELD_ROWS
from tests.tasks.schema.sample import Sample, split_by_hash

TRAIN_TEST = ("train", "test")
_SHOP = 'cat,label,review\n水果,1,"苹果很甜，会再买"\n计算机,0,风扇太吵\n酒店,1,\n'
_ASPECTS = (
    "Location#Transportation,Location#Downtown,Location#Easy_to_find,Service#Queue,Service#Hospitality,"
    "Service#Parking,Service#Timely,Price#Level,Price#Cost_effective,Price#Discount,Ambience#Decoration,"
    "Ambience#Noise,Ambience#Space,Ambience#Sanitary,Food#Portion,Food#Taste,Food#Appearance,Food#Recommend"
)
_UNRATED = ",".join(["-2"] * 18)
_RATED = ",".join({3: "-1", 15: "1"}.get(number, "-2") for number in range(18))
_TERMS = (
    '<aspectTerms><aspectTerm from="4" polarity="positive" term="soup" to="8"/>'
    '<aspectTerm from="22" polarity="negative" term="waiter" to="28"/></aspectTerms>'
)
_CATEGORIES = (
    '<aspectCategories><aspectCategory category="food" polarity="positive"/>'
    '<aspectCategory category="staff" polarity="negative"/></aspectCategories>'
)


def _mams(folder: str, judged: str, *expected: tuple) -> Sample:
    text = "<text>The soup was hot, the waiter cold.</text>"
    names = {split: f"MAMS-{folder}/raw/{file}.xml" for split, file in (("train", "train"), ("validation", "val"))}
    names["test"] = f"MAMS-{folder}/raw/test.xml"
    content = f'<?xml version="1.0" encoding="utf-8"?><sentences><sentence>{text}{judged}</sentence></sentences>'
    return each_split(content, *expected, names=names)


SAMPLES = {
    "sst5": each_split(
        [
            {"text": "a warm , patient little film .", "label": 4, "label_text": "very positive"},
            {"text": "it has an ending .", "label": 2, "label_text": "neutral"},
        ],
        answer("a warm , patient little film .", "very positive"),
        answer("it has an ending .", "neutral"),
    ),
    "imdb": each_split(
        [
            {"text": "I left after ten minutes.<br /><br />Dreadful.", "label": "neg"},
            {"text": "The best ferry film ever.", "label": "pos"},
        ],
        answer("I left after ten minutes. Dreadful.", "negative"),
        answer("The best ferry film ever.", "positive"),
        splits=TRAIN_TEST,
    ),
    "rotten_tomatoes": each_split(
        [{"text": "clumsy and long .", "label": "neg"}, {"text": "a small wonder .", "label": "pos"}],
        answer("clumsy and long .", "negative"),
        answer("a small wonder .", "positive"),
    ),
    "yelp_polarity": each_split(
        [{"text": "Cold soup.\\nRude waiter.", "label": "1"}, {"text": "Lovely terrace.", "label": "2"}],
        answer("Cold soup. Rude waiter.", "negative"),
        answer("Lovely terrace.", "positive"),
        splits=TRAIN_TEST,
    ),
    "yelp_stars": each_split(
        [
            {"label": "1 star", "text": "Never again."},
            {"label": "2 star", "text": "Meh."},
            {"label": "5 stars", "text": "Perfect pie."},
        ],
        answer("Never again.", "1 star"),
        answer("Meh.", "2 stars"),
        answer("Perfect pie.", "5 stars"),
        splits=TRAIN_TEST,
    ),
    "amazon_polarity": each_split(
        [
            {"label": "positive", "title": "Sturdy", "content": "The ladder holds two people."},
            {"label": "negative", "title": "", "content": "It broke."},
        ],
        answer("Sturdy The ladder holds two people.", "positive"),
        answer("It broke.", "negative"),
        splits=TRAIN_TEST,
    ),
    "amazon_reviews_multi.en": each_split(
        [{"text": "Broken\n\nIt came in two parts.", "label": 0}, {"text": "Fine\n\nDoes its job.", "label": 3}],
        answer("Broken\n\nIt came in two parts.", "1 star"),
        answer("Fine\n\nDoes its job.", "4 stars"),
        folder="en",
    ),
    "amazon_reviews_multi.zh": each_split(
        [{"text": "坏了\n\n收到时就是两半。", "label": 0}, {"text": "很好\n\n家人都喜欢。", "label": 4}],
        answer("坏了\n\n收到时就是两半。", "一星"),
        answer("很好\n\n家人都喜欢。", "五星"),
        folder="zh",
    ),
    "app_reviews": split_by_hash(
        "train.jsonl",
        [
            {"package_name": "org.example.tides", "review": "Shows the tides well", "date": "May 3 2016", "star": 5},
            {"package_name": "org.example.tides", "review": "crashes", "date": "May 4 2016", "star": 1},
        ],
        answer("Shows the tides well", "5 stars"),
        answer("crashes", "1 star"),
    ),
    "financial_phrasebank": split_by_hash(
        "Sentences_50Agree.txt",
        "Sales of boats rose by a fifth .@positive\nWrite to ir@boats.example for the report .@neutral\n",
        answer("Sales of boats rose by a fifth .", "positive"),
        answer("Write to ir@boats.example for the report .", "neutral"),
    ),
    "twitter_finance_sentiment": each_split(
        [{"text": "$BOAT cut to sell", "label": 0}, {"text": "$BOAT opens at nine", "label": 2}],
        answer("$BOAT cut to sell", "bearish"),
        answer("$BOAT opens at nine", "neutral"),
        splits=("train", "validation"),
    ),
    "tweet_sentiment_extraction": each_split(
        [
            {"id": "c1", "text": " off to the beach, yay", "label": 2, "label_text": "positive"},
            {"id": "c2", "text": "on the bus", "label": 1, "label_text": "neutral"},
        ],
        answer(" off to the beach, yay", "positive"),
        answer("on the bus", "neutral"),
        splits=TRAIN_TEST,
    ),
    "tweet_eval.sentiment": each_split(
        [{"text": "@user see you on Friday", "label": "neutral"}, {"text": "worst ferry ever", "label": "negative"}],
        answer("@user see you on Friday", "neutral"),
        answer("worst ferry ever", "negative"),
        folder="sentiment",
    ),
    "meld.sentiment": each_split(
        MELD_ROWS, answer("Oh no, the cake!", "negative"), answer("It is Tuesday.", "neutral"), names=MELD_FILES
    ),
    "poem_sentiment": each_split(
        [
            {"id": 0, "verse_text": "the grey gull sank with the sun", "label": "negative"},
            {"id": 1, "verse_text": "and there were three of them", "label": "no_impact"},
            {"id": 2, "verse_text": "sweet was the grief of parting", "label": "mixed"},
        ],
        answer("the grey gull sank with the sun", "negative"),
        answer("and there were three of them", "no impact"),
        answer("sweet was the grief of parting", "mixed"),
    ),
    "waimai_10k": split_by_hash(
        "waimai_10k.csv",
        'label,review\n1,"送得快,饭还热"\n0,汤全洒了\n',
        answer("送得快,饭还热", "好评"),
        answer("汤全洒了", "差评"),
    ),
    "weibo_senti_100k": split_by_hash(
        "train.jsonl",
        [{"label": 1, "review": "周末去海边[嘻嘻]"}, {"label": 0, "review": "又要加班[泪]"}],
        answer("周末去海边[嘻嘻]", "正面"),
        answer("又要加班[泪]", "负面"),
    ),
    "online_shopping_10_cats.sentiment": split_by_hash(
        "online_shopping_10_cats.csv", _SHOP, answer("苹果很甜，会再买", "正面"), answer("风扇太吵", "负面"), None
    ),
    "online_shopping_10_cats.product": split_by_hash(
        "online_shopping_10_cats.csv", _SHOP, answer("苹果很甜，会再买", "水果"), answer("风扇太吵", "计算机"), None
    ),
    "asap.stars": each_split(
        f'id,review,star,{_ASPECTS}\n11,"面很好吃，\\\\n就是等位太久",4.0,{_UNRATED}\n12,不会再来,1.0,{_UNRATED}\n',
        answer("面很好吃， 就是等位太久", "四星"),
        answer("不会再来", "一星"),
        names={"train": "train.csv", "validation": "dev.csv", "test": "test.csv"},
    ),
    "asap.aspects": each_split(
        f"id,review,star,{_ASPECTS}\n11,面很好吃，等位太久,4.0,{_RATED}\n12,不会再来,1.0,{_UNRATED}\n",
        answer("面很好吃，等位太久\t对“排队时间”的评价是什么？", "负面"),
        answer("面很好吃，等位太久\t对“口味”的评价是什么？", "正面"),
        names={"train": "train.csv", "validation": "dev.csv", "test": "test.csv"},
    ),
    "mams.terms": _mams("ATSA", _TERMS, ("The soup was hot, the waiter cold.", {"aspect": ("soup", "waiter")})),
    "mams.term_sentiment": _mams(
        "ATSA",
        _TERMS,
        answer("The soup was hot, the waiter cold.\twhat is the sentiment about soup?", "positive"),
        answer("The soup was hot, the waiter cold.\twhat is the sentiment about waiter?", "negative"),
    ),
    "mams.categories": _mams("ACSA", _CATEGORIES, answer("The soup was hot, the waiter cold.", "food", "staff")),
    "mams.category_sentiment": _mams(
        "ACSA",
        _CATEGORIES,
        answer("The soup was hot, the waiter cold.\twhat is the sentiment about food?", "positive"),
        answer("The soup was hot, the waiter cold.\twhat is the sentiment about staff?", "negative"),
    ),
    "douban_book_review": each_split(
        "label\ttext_a\n1\t一口气读完的小说\n0\t翻译得太差\n",
        answer("一口气读完的小说", "正面"),
        answer("翻译得太差", "负面"),
        names={"train": "train.tsv", "validation": "dev.tsv", "test": "test.tsv"},
    ),
}
