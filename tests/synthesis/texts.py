"""Texts of two languages, any number, all different."""

import json
import random
from pathlib import Path

_NAMES = "Ada Emmy Alan Grace Kurt Rosalind Niels Lise Hedy Carl Sofia Blaise"
_CITIES = "Turin Vienna Zurich Oslo Lisbon Prague Dublin Krakow Bergen Malmo Delft"
_THINGS = "algebra chemistry topology music medicine navigation optics botany poetry statistics logic geology"
_ZH = "历史 地理 物理 化学 音乐 医学 航海 光学 植物 诗歌 统计 逻辑 地质 天文 建筑 绘画 哲学 数学"
_ZH_CITIES = "杭州 北京 上海 成都 西安 南京 武汉 广州 苏州 长沙 青岛 厦门"


def text(number: int) -> str:
    """The text of a number: every fifth is Chinese."""
    rng = random.Random(number)
    cities, zh = _CITIES.split(), _ZH_CITIES.split()
    if number % 5 == 4:
        words = rng.sample(_ZH.split(), 6)
        return (
            f"第{number}位学者在{rng.choice(zh)}研究{words[0]}和{words[1]}，后来前往{rng.choice(zh)}教授{words[2]}。"
            f"他的著作讨论了{words[3]}与{words[4]}之间的关系，并影响了{words[5]}的发展。"
        )
    a, b = rng.sample(_NAMES.split(), 2)
    words = rng.sample(_THINGS.split(), 6)
    return (
        f"{a} number {number} studied {words[0]} and {words[1]} in {rng.choice(cities)} before moving to "
        f"{rng.choice(cities)}. There {b} taught {words[2]} for {rng.randrange(2, 40)} years, and wrote about "
        f"{words[3]}, {words[4]} and {words[5]}."
    )


def write_texts(path: Path, number: int) -> Path:
    """JSON Lines of so many texts."""
    lines = (json.dumps({"text": text(i)}, ensure_ascii=False) for i in range(number))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path
