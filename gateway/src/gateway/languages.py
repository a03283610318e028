"""The language that `Accept-Language` asks for (RFC 9110, 12.5.4; tags of RFC 5646)."""

import re
from functools import lru_cache

UNASKED = "en"
_LONGEST = 1000
"""Characters of the header that are read; browsers send a tenth of it."""
_WANTED = re.compile(
    r"\s*([a-z]{2})(?:-[a-z]{3})?(?:-([a-z]{4}))?(?:-([a-z]{2}|[0-9]{3}))?(?:-[a-z0-9]{1,8})*"
    r"\s*(?:;\s*q\s*=\s*(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)\s*)?",
    re.IGNORECASE,
)
_REGIONS = {"zh-hans": "CN", "zh-hant": "TW", "es-419": "MX"}
"""Where what is asked for by script, or for all of Latin America, is told."""


def accepted_language(header: str) -> str:
    """The language wanted most, the first of equals, as `en` or `pt-BR`; `en` if there is none."""
    if len(header) > _LONGEST:
        # Of what is cut through, the weight may be missing.
        header = header[:_LONGEST].rpartition(",")[0]
    return _accepted(header)


@lru_cache(1024)
def _accepted(header: str) -> str:
    language, most = UNASKED, 0.0
    for told in header.split(","):
        found = _WANTED.fullmatch(told)
        if found is None:
            continue
        code, script, region, weight = found.groups(default="")
        wanted = float(weight or 1)
        if wanted > most:
            if not region.isalpha():
                region = _REGIONS.get(f"{code}-{region or script}".lower(), "")
            language, most = code.lower() + (f"-{region.upper()}" if region else ""), wanted
    return language
