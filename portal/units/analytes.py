"""What a unit alone does not say of an analyte: its molar mass, its charge, and HbA1c's two scales.

Facts for converting between mass, substance and equivalents. The molar masses are sums of the
standard atomic weights of IUPAC's Commission on Isotopic Abundances and Atomic Weights (2021) over
the molecules' formulas. What laboratories count differs for three: urea nitrogen is two nitrogen
atoms per molecule of urea, phosphate is counted as phosphorus, and triglycerides as triolein.
"""

from decimal import Decimal


def _by_code(table: dict[str, str]) -> dict[str, Decimal]:
    return {code: Decimal(fact) for codes, fact in table.items() for code in codes.split()}


# g/mol by the analyte's LOINC codes: in serum, plasma, blood or urine, by mass or by substance.
MOLAR_MASSES = _by_code(
    {
        # Glucose C6H12O6
        "2345-7 2339-0 2340-8 1558-6 41653-7 15074-8 14749-6 14771-0 2350-7": "180.156",
        # Cholesterol C27H46O: total, HDL, LDL, VLDL, all but HDL
        "2093-3 14647-2 2085-9 14646-4 2089-1 13457-7 18262-6 22748-8 39469-2": "386.66",
        "2091-7 13458-5 43396-1 70204-3": "386.66",
        # Triglycerides as triolein C57H104O6
        "2571-8 3043-7 14927-8": "885.45",
        # Creatinine C4H7N3O, and what is divided by it: albumin/creatinine in urine
        "2160-0 38483-4 14682-9 2161-8 14683-7 9318-7 14959-1 32294-1": "113.12",
        # Urea nitrogen (N2), urea CH4N2O
        "3094-0 6299-2 14937-7": "28.014",
        "3091-6 22664-7": "60.056",
        # Uric acid C5H4N4O3
        "3084-1 14933-6": "168.11",
        # Bilirubin C33H36N4O6: total, direct, indirect
        "1975-2 14631-6 1968-7 14629-0 1971-1 14630-8": "584.67",
        # Calcium, total and ionised; magnesium; phosphorus; iron
        "17861-6 2000-8 49765-1 1995-0 1994-3": "40.078",
        "19123-9 2601-3": "24.305",
        "2777-1 14879-1": "30.974",
        "2498-4 14798-3": "55.845",
        # Lactate C3H6O3
        "2524-7 32693-4": "90.078",
        # 25-hydroxyvitamin D3 C27H44O2, cobalamin C63H88CoN14O14P, folic acid C19H19N7O6
        "1989-3 14635-7": "400.65",
        "2132-9 14685-2": "1355.4",
        "2284-8 14732-2": "441.40",
        # Cortisol C21H30O5, testosterone C19H28O2, estradiol C18H24O2
        "2143-6 14675-3": "362.47",
        "2986-8 14913-8": "288.43",
        "2243-4 14715-7": "272.39",
        # Thyroxine C15H11I4NO4 (free, total), triiodothyronine C15H12I3NO4
        "3024-7 14920-3 3026-2 14921-1": "776.87",
        "3051-0 14928-6 3053-6 14930-2": "650.98",
    }
)

# Charges: how many equivalents are in a mole.
CHARGES = _by_code(
    {
        # Sodium, potassium, chloride, bicarbonate and total carbon dioxide, anion gap, lithium
        "2951-2 2947-0 2823-3 6298-4 2075-0 2069-3 1963-8 2028-9 20565-8": "1",
        "33037-3 10466-1 1863-0 14334-7": "1",
        # Calcium, magnesium
        "17861-6 2000-8 49765-1 1995-0 1994-3 19123-9 2601-3": "2",
    }
)

# Haemoglobin A1c: percent as NGSP standardises it, mmol/mol as the IFCC does. The two are no
# fractions of the same thing; the NGSP's master equation leads from one to the other.
HBA1C = frozenset({"4548-4", "17856-6", "59261-8", "4549-2"})
NGSP_SLOPE, NGSP_OFFSET = Decimal("0.09148"), Decimal("2.152")
