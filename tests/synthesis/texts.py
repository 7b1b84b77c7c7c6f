"""Texts of two languages, any number, all different."""

import json
import random
import sys
from pathlib import Path

_NAMES = "Ada Emmy Alan Grace Kurt Rosalind Niels Lise Hedy Carl Sofia Blaise"
_CITIES = "Turin Vienna Zurich Oslo Lisbon Prague Dublin Krakow Bergen Malmo Delft"
_WORDS = """
the of to in that with from this they which about after before under between against during without because
river bridge harbour winter summer garden market letter answer question machine engine window mountain island forest
village teacher doctor painter sailor farmer lawyer singer writer pilot baker history science theory method number
measure weather journey festival library museum hospital station factory company council parliament treaty border
carried opened closed painted repaired visited described measured counted followed crossed watched promised returned
ancient modern northern southern wooden silver narrow bright quiet famous foreign early heavy simple careful public
"""
_ZH = (
    "历史 地理 物理 化学 音乐 医学 航海 光学 植物 诗歌 统计 逻辑 地质 天文 建筑 绘画 哲学 数学 经济 法律"
    " 桥梁 港口 冬天"
    " 花园 市场 "
    "机器 窗户 高山 岛屿 森林 村庄 老师 医生 画家 水手 农民 律师 歌手 作家 天气 旅行 节日 博物馆 医院 车站"
    " 工厂 公司 条约"
    " 边界 的 了 在 和 从 "
    "打开 关闭 修理 访问 描述 测量 跟随 穿过 观看 返回 古老 现代 北方 南方 安静 著名 早期 简单 公共 仔细"
)
_ZH_CITIES = "杭州 北京 上海 成都 西安 南京 武汉 广州 苏州 长沙 青岛 厦门"


def text(number: int) -> str:
    """The text of a number: every fifth is Chinese. Few words are shared, so that no two are alike."""
    rng = random.Random(number)
    if number % 5 == 4:
        words = rng.choices(_ZH.split(), k=40)
        city = rng.choice(_ZH_CITIES.split())
        return f"第{number}位学者在{city}研究{words[0]}。{''.join(words[1:20])}。{''.join(words[20:])}。"
    words = rng.choices(_WORDS.split(), k=30)
    name, city = rng.choice(_NAMES.split()), rng.choice(_CITIES.split())
    return (
        f"{name} {number} studied {words[0]} and {words[1]} in {city}. {' '.join(words[2:16]).capitalize()}. "
        f"{' '.join(words[16:]).capitalize()}."
    )


def write_texts(path: Path, number: int) -> Path:
    """JSON Lines of so many texts."""
    lines = (json.dumps({"text": text(i)}, ensure_ascii=False) for i in range(number))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


if __name__ == "__main__":
    write_texts(Path(sys.argv[1]), int(sys.argv[2]))
