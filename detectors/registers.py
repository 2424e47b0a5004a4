"""What is known of registers and territories: how numbers are written, where a title holds. Pure data."""

from __future__ import annotations

import re

NUMBERS = {  # register and kind of right: normalised form, what to say
    ("USPTO", "trademark"): (  # complaint-platforms.md, A.2
        re.compile(r"\d{7}"),
        "a USPTO registration number has 7 digits (shorter ones start with zeros); 8 digits are an application's "
        "serial number, which is no registration",
    ),
    ("USPTO", "design"): (
        re.compile(r"(US)?D0?\d{6,7}(S1?)?"),
        "a US design patent's number is D and 6 or 7 digits, such as D912,345",
    ),
    ("USPTO", "patent"): (
        re.compile(r"(US)?\d{7,8}(B[12])?"),
        "a US patent's number has 7 or 8 digits; 11 digits are a published application, which is no patent",
    ),
    ("EUIPO", "trademark"): (re.compile(r"W?\d{8,9}"), "an EU trade mark's number has 9 digits"),
    ("EUIPO", "design"): (
        re.compile(r"0?\d{8,9}\d{4}"),
        "an EU design's number has 9 digits and 4 behind a hyphen, such as 008123456-0001",
    ),
    # A Chinese patent is ZL, the year and serial, whose kind stands first in the serial: 1, 2 or 3 (8 and 9 by PCT).
    ("CNIPA", "patent"): (
        re.compile(r"(ZL|CN)?(\d{2}|\d{4})[18]\d{5,7}[0-9X]"),
        "a Chinese invention's number is ZL, year, 1 or 8, serial and check digit, such as ZL 2020 1 0123456.7",
    ),
    ("CNIPA", "utility_model"): (
        re.compile(r"(ZL|CN)?(\d{2}|\d{4})[29]\d{5,7}[0-9X]"),
        "a Chinese utility model's number is ZL, year, 2 or 9, serial and check digit, such as ZL 2020 2 0123456.7",
    ),
    ("CNIPA", "design"): (
        re.compile(r"(ZL|CN)?(\d{2}|\d{4})3\d{5,7}[0-9X]"),
        "a Chinese design's number is ZL, year, 3, serial and check digit, such as ZL 2020 3 0123456.7",
    ),
}

_OFFICES = (  # a national or regional register, and where its titles hold
    "USPTO:US USCO:US EUIPO:EU CNIPA:CN CTMO:CN NCAC:CN CPCC:CN UKIPO:GB DPMA:DE INPI:FR JPO:JP KIPO:KR BOIP:BX "
    "CIPO:CA OEPM:ES UIBM:IT IMPI:MX TIPO:TW HKIPD:HK IPOS:SG ROSPATENT:RU"
)
TERRITORIES = dict(pair.split(":") for pair in _OFFICES.split())
WITHOUT_UTILITY_MODELS = frozenset({"USPTO", "UKIPO", "CIPO", "EUIPO", "BOIP", "IPOS"})

_CODES = (  # ISO 3166-1 alpha-2
    "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ CA "
    "CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA "
    "GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP "
    "KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS "
    "MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS "
    "RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW "
    "TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW"
)
COUNTRIES = frozenset(_CODES.split())
REGIONS = frozenset({"EU", "WO", "BX"})  # European Union, international, Benelux
