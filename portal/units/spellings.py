"""What laboratories write where UCUM is meant, brought to UCUM.

Whole units as people and older systems spell them, so that `K/uL` is thousands and no kelvins.
"""

import re

_BODY_SURFACE = "mL/min/{1.73_m2}"

_MASSES = {"g": "g", "gm": "g", "mg": "mg", "mgm": "mg", "ug": "ug", "mcg": "ug", "ng": "ng"}
# By what was sent, in lower case and without spaces.
_UNITS = {
    # Per cent by weight and volume, as laboratories wrote before the decilitre: not UCUM's percent.
    **{
        f"{mass}{volume}": f"{ucum}/dL"
        for mass, ucum in _MASSES.items()
        for volume in ("%", "/100ml", "/100cc")
    },
    "mmhg": "mm[Hg]",
    "inhg": "[in_i'Hg]",
    "cmh2o": "cm[H2O]",
    "s": "s",
    "sec": "s",
    "secs": "s",
    "second": "s",
    "seconds": "s",
    "mins": "min",
    "minutes": "min",
    "hr": "h",
    "hrs": "h",
    "hours": "h",
    "days": "d",
    "mm/hr": "mm/h",
    "mm/hour": "mm/h",
    "bpm": "/min",
    "beats/min": "/min",
    "breaths/min": "/min",
    "percent": "%",
    "pct": "%",
    "degc": "Cel",
    "°c": "Cel",
    "celsius": "Cel",
    "degf": "[degF]",
    "°f": "[degF]",
    "lb": "[lb_av]",
    "lbs": "[lb_av]",
    "inch": "[in_i]",
    "inches": "[in_i]",
    "cumm": "mm3",
    "mosm/kg": "mosm/kg",
    "mosm/l": "mosm/L",
    "ml/min/1.73": _BODY_SURFACE,
    "ml/min/1.73m2": _BODY_SURFACE,
    "ml/min/1.73m^2": _BODY_SURFACE,
    "ml/min/1.73/m2": _BODY_SURFACE,
    "ml/min/1.73sqm": _BODY_SURFACE,
    "ml/min/{1.73m2}": _BODY_SURFACE,
}
# Upper case throughout is common where old systems send; these stay what they are.
_ANY_CASE = (
    "g/dL g/L mg/dL mg/L mg/mL ug/dL ug/L ug/mL ng/dL ng/mL pg/mL mmol/L umol/L nmol/L pmol/L "
    "meq/L U/L U/mL fL pg mL/min mg/g mmol/mol kU/L"
)
_UNITS |= {unit.lower(): unit for unit in _ANY_CASE.split()}
_INTERNATIONAL = re.compile(r"([mukMUK]?)(?:IU|iU|iu)(?![\]A-Za-z])(.*)\Z")

# Counts per volume: what is counted is left out, the multiplier is a power of ten.
_MULTIPLIERS = {
    "": "",
    "cells": "",
    "k": "10*3",
    "th": "10*3",
    "thou": "10*3",
    "thousand": "10*3",
    "m": "10*6",
    "mil": "10*6",
    "mill": "10*6",
    "million": "10*6",
}
_VOLUMES = {"ul": "uL", "mcl": "uL", "mm3": "mm3", "mm^3": "mm3", "cumm": "mm3", "cmm": "mm3"}
_POWER = re.compile(r"[x*]?10(?:\*\*|[*^e]|(?=\())\(?(\d{1,2})\)?(.*)\Z", re.IGNORECASE)
_LOOKS = str.maketrans(
    {
        "µ": "u",
        "μ": "u",
        "\N{MULTIPLICATION SIGN}": "x",
        "²": "2",
        "³": "^3",
        "⁶": "^6",
        "⁹": "^9",
        "¹": "^1",
    }
)


def to_ucum(unit: str) -> str:
    """The UCUM code that a spelling stands for; what is not known comes back as it was."""
    bare = "".join(unit.translate(_LOOKS).split())
    power = _POWER.match(bare)
    if power:
        return f"10*{int(power[1])}{_per_volume(power[2])}"
    low = bare.lower()
    if low in _UNITS:
        return _UNITS[low]
    counted, slash, volume = low.partition("/")
    if slash and counted in _MULTIPLIERS and volume in _VOLUMES:
        return f"{_MULTIPLIERS[counted]}/{_VOLUMES[volume]}"
    return _arbitrary(bare)


def _per_volume(rest: str) -> str:
    volume = rest.removeprefix("/").lower()
    return f"/{_VOLUMES[volume]}" if volume in _VOLUMES else rest


def _arbitrary(bare: str) -> str:
    """International units without their brackets, micrograms as `mcg`."""
    international = _INTERNATIONAL.match(bare)
    if international:
        return f"{international[1].replace('K', 'k').replace('U', 'u')}[IU]{international[2]}"
    return re.sub(r"\bmc(?=[gL]\b)", "u", re.sub(r"\bm[eE]q\b", "meq", bare))
