"""Commercial use under the licenses of data sets, as far as their names in the catalogue show it. No legal advice."""

import re
from typing import Literal

# A word of these forbids, or leaves to the owner, what is not research.
_RESTRICTED = re.compile(
    r"non-?commercial|\bNC\b|research|academic|education|fair use|on request|registration|\bLDC|agreement|polic(y|ies)"
    r"|\bterms\b",
    re.IGNORECASE,
)
_OPEN = re.compile(
    r"\bCC[ -]?(BY|0)|\bMIT\b|Apache|\bBSD\b|\bGPL|\bODbL|\bODC|CDLA|public domain|any purpose", re.IGNORECASE
)


def commercial_use(license: str) -> Literal["allowed", "restricted", "unknown"]:
    """Whether a license, as the catalogue writes it, lets data be used commercially.

    >>> commercial_use("CC BY-SA 4.0"), commercial_use("CC BY-NC 4.0"), commercial_use("unknown")
    ('allowed', 'restricted', 'unknown')
    """
    if _RESTRICTED.search(license):
        return "restricted"
    return "allowed" if _OPEN.search(license) else "unknown"
