"""What a laboratory's flags say of a value (HL7 table 0078, FHIR's ObservationInterpretation)."""

from collections.abc import Iterable

from portal.results.states import Abnormality

# Table 0078 (v2.5.1 to v2.8). Beyond an instrument's limits, changed for the worse or markedly,
# detected, reactive, resistant, or not to be decided: somebody should look. Susceptible means that
# the drug works. B (better) and quality marks say nothing of the value itself and are not here.
_ABNORMALITY = {
    Abnormality.CRITICAL: ("HH", "LL", "AA"),
    Abnormality.ABNORMAL: (
        *("H", "L", "A", "HU", "LU", "H>", "L<", ">", "<", "HX", "LX", "U", "D", "W"),
        *("R", "I", "NS", "SDD", "SYN-R", "POS", "DET", "RR", "WR", "IND", "E", "EX", "CAR"),
        "TOX",
    ),
    Abnormality.NORMAL: ("N", "S", "VS", "MS", "SYN-S", "NEG", "ND", "NR", "EXP"),
}
ABNORMALITY = {flag: level for level, flags in _ABNORMALITY.items() for flag in flags}
# What interpretations say that came as words instead of codes.
ABNORMALITY |= {
    **dict.fromkeys(
        (
            *("CRITICAL", "CRITICAL HIGH", "CRITICAL LOW", "CRITICALLY HIGH", "CRITICALLY LOW"),
            *("CRITICAL ABNORMAL", "PANIC", "PANIC HIGH", "PANIC LOW"),
        ),
        Abnormality.CRITICAL,
    ),
    **dict.fromkeys(("HIGH", "LOW", "ABNORMAL", "POSITIVE", "DETECTED"), Abnormality.ABNORMAL),
    "NORMAL": Abnormality.NORMAL,
}
# From what is certainly as expected to the gravest: what nobody could judge is worse than normal.
SEVERITY = (
    Abnormality.NORMAL,
    Abnormality.UNKNOWN,
    Abnormality.ABNORMAL,
    Abnormality.CRITICAL,
)
_BY_WEIGHT = (Abnormality.CRITICAL, Abnormality.ABNORMAL, Abnormality.NORMAL)


def by_flags(flags: Iterable[str]) -> Abnormality:
    """The gravest that the laboratory's flags say."""
    said = {ABNORMALITY.get(flag.upper()) for flag in flags}
    return next((level for level in _BY_WEIGHT if level in said), Abnormality.UNKNOWN)


def gravest(levels: Iterable[Abnormality]) -> Abnormality:
    """The gravest of several: normal only where each is, and unknown where there are none."""
    return max(levels, key=SEVERITY.index, default=Abnormality.UNKNOWN)
