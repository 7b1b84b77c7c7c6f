"""The names of the coarse types, for all data sets that use them."""

COARSE = {"LOC": "location", "MISC": "miscellaneous", "ORG": "organization", "PER": "person"}
COARSE_ZH = {"LOC": "地名", "ORG": "机构名", "PER": "人名"}
