"""Language of a text: English or Chinese."""

import re

CHINESE = re.compile("[\u3400-\u4dbf\u4e00-\u9fff]")
CHINESE_SHARE = 0.2
"""Of the letters of a Chinese text, at least so many are Chinese characters."""


def language_of(text: str) -> str:
    """ "zh" where at least a fifth of the letters of a text are Chinese characters, else "en".

    >>> language_of("Ada left 杭州 for Turin"), language_of("Ada离开了杭州")
    ('en', 'zh')
    """
    return "zh" if len(CHINESE.findall(text)) >= CHINESE_SHARE * sum(map(str.isalpha, text)) > 0 else "en"
