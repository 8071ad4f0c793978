"""Which SSDs keep what they have acknowledged when power fails, told by their model.

No SSD says of itself whether it has the capacitors. The patterns are model numbers of vendors' data sheets, as
smartmontools' drive database spells them, and of OpenZFS' list of drives with hardware power loss protection
(Performance and Tuning, Hardware). Names of products in parentheses. What is not listed is unknown, never guessed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

#: Words that some firmware puts before the model number.
_VENDORS = re.compile(r"^(ATA|NVMe|SAMSUNG|INTEL|SOLIDIGM|MICRON|KINGSTON|TOSHIBA|KIOXIA|SEAGATE|WDC)\s+", re.I)

#: Capacities as Samsung's data centre models spell them; client models of the same series have 128, 256, 512, 1T0.
_SAMSUNG_SIZES = r"(120|240|480|960|1T6|1T9|3T2|3T8|6T4|7T6|15T|30T)"

_PROTECTED = (
    r"MZ7(LM|KM|LH|L3|KH|WD|GE)" + _SAMSUNG_SIZES,  # PM863(a), SM863(a), PM883, PM893/PM897, SM883, SM843T, SM853T
    r"MZ(QL2|QLB|QLW|1LB|1L2|1LW)",  # PM9A3, PM983, PM963
    r"MZ(WLJ|PLJ|WLL|PLL|WLR|WLO|ILS|ILT|ILG)",  # PM1733/5, PM1725, PM1743, PM1633, PM1643
    r"SSD (845DC|883 DCT|983 DCT)",
    r"SSDSC(2B|1N)[ABX]",  # Intel DC S3500, S3510, S3520, S3610, S3700, S3710
    r"SSDSC(2K|KK)[BG]",  # S4500, S4510, S4600, S4610
    r"SSDPE(DM|2M)[DEX]",  # P3500, P3600, P3700
    r"SSDPE2K[XE]|SSDPED[KV][XE]",  # P4500, P4510, P4600, P4610
    r"SSDPF2K[XE]|SSDPF2NV",  # P5500, P5510, P5520, P5600, P5620, P5316
    r"SSDP(E21K|ED1K|F21Q)",  # Optane P4800X, P5800X
    r"MICRON 5(100|200|210|300|300HC|400) |MTFDDA[KV](240|480|960|1T9|3T8|7T6)(T[CDG]|QDE)",
    r"MICRON (7300|7400|7450|7500|9100|9200|9300|9400|9550) ",
    r"MTFDK(CC|CB|BA|BG|CE)(400|480|800|960|1T[69]|3T[28]|7T6)T[FD]",  # Micron 7300 … 7500 without their name
    r"(M500DC|M510DC) ",
    r"DELL (DC|ENT) NVME",  # Dell sells several vendors' data centre models so
    r"SEDC(500|600|1000|1500|2000|3000)",  # Kingston DC500 … DC3000ME; DC400 and DC450R have none in hardware
    r"XA(240|480|960|1920|3840|7680)[LMS]E|XF1230",  # Seagate Nytro
    r"THNSN8|THNSNJ[0-9]+PCS|KHK6|PX0[45]S",  # Toshiba HK4, HK3, HK6, PX04, PX05
    r"K(CD[5678]|CM[567]|PM[567]|XD[567])",  # Kioxia CD, CM, PM, XD
    r"WUS[345][BC]|HUSM[HMR]|WUSTR",  # Ultrastar DC SN640, SN840, SS300, SS530
)

_UNPROTECTED = (
    r"SSD (750|8[3-7]0|9[5-9]0|91[0-9]0)\b(?! DCT)",  # Samsung, client
    r"MZ(VL|VP|VK|V[A-Z]|NLN|7LN|7TE|7TD|NTY)",  # Samsung PM9A1, SM951, PM871, PM851 …
    r"(CRUCIAL )?CT[0-9]+(MX|BX|M5|P[1-9]|T[57])",  # the protection of MX and M5 is for data at rest only
    r"(MICRON (1100|1300|2[0-9]{3}|3[0-9]{3}) )?MTFD(DAK|DAV)(256|512|1T0|2T0)(TBN|TDL)|MICRON (2|3)[0-9]{3} ",
    r"SSDSC(2[BC]W|2CT|2K[FW]|KKW|2MH)|SSDPEK[KN]",  # Intel 330, 520, 53x, 540, 545s, 510, 600p, 660p, 670p
    r"S(A400|A2000|UV|KC|NV|FYR|HFS|VP)[0-9DS]",  # Kingston A400, UV, KC, NV, Fury
    r"WDS[0-9]+[GT]|WD (BLUE|GREEN|RED SA|BLACK)|PC SN[0-9]+",
    r"SANDISK (SSD PLUS|SDSSD|ULTRA)|SDSSD",
    r"(SHGP31|SHPP41|HFS[0-9]+G[0-9]TNF|HFM[0-9]+GD)",  # SK hynix Gold, Platinum, client
    r"KBG[3-6]|KXG[5-8]|EXCERIA|THNSNJ[0-9]+G|Q300|TR[12]00",  # Kioxia and Toshiba, client
    r"(CORSAIR|FORCE MP|ADATA|XPG|SPCC|PATRIOT|PNY|SABRENT|TEAM|LEXAR|GIGABYTE|NETAC|APACER AS|INTENSO|OCZ)",
)


def _any_of(patterns: Iterable[str]) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{pattern})" for pattern in patterns), re.IGNORECASE)


_WITH = _any_of(_PROTECTED)
_WITHOUT = _any_of(_UNPROTECTED)


def power_loss_protection(model: str) -> bool | None:
    """Whether an SSD of this model survives power loss with all that it acknowledged; None where it is not known.

    `model` is as udev and smartctl(8) give it; underscores count as blanks.
    """
    spaced = model.replace("_", " ").strip()
    for name in (spaced, _VENDORS.sub("", spaced)):
        if _WITH.match(name):
            return True
        if _WITHOUT.match(name):
            return False
    return None
