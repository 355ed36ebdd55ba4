"""Names of what certificates mention by number: parts of names, algorithms, curves, purposes, keys."""

from __future__ import annotations

_DS = "2.5.4."
_PKCS9 = "1.2.840.113549.1.9."
_PILOT = "0.9.2342.19200300.100.1."
ATTRIBUTES = {
    **{
        _DS + number: word
        for number, word in {
            "3": "CN",
            "4": "SN",
            "5": "serialNumber",
            "6": "C",
            "7": "L",
            "8": "ST",
            "9": "STREET",
            "10": "O",
            "11": "OU",
            "12": "title",
            "13": "description",
            "15": "businessCategory",
            "16": "postalAddress",
            "17": "postalCode",
            "18": "postOfficeBox",
            "20": "telephoneNumber",
            "41": "name",
            "42": "GN",
            "43": "initials",
            "44": "generationQualifier",
            "45": "x500UniqueIdentifier",
            "46": "dnQualifier",
            "51": "houseIdentifier",
            "65": "pseudonym",
            "72": "role",
            "97": "organizationIdentifier",
            "98": "countryCode3c",
            "100": "dnsName",
        }.items()
    },
    _PKCS9 + "1": "emailAddress",
    _PKCS9 + "2": "unstructuredName",
    _PKCS9 + "7": "challengePassword",
    _PKCS9 + "8": "unstructuredAddress",
    _PKCS9 + "14": "extensionRequest",
    _PILOT + "1": "UID",
    _PILOT + "3": "mail",
    _PILOT + "25": "DC",
    _PILOT + "44": "uniqueIdentifier",
    "1.3.6.1.4.1.311.60.2.1.1": "jurisdictionL",
    "1.3.6.1.4.1.311.60.2.1.2": "jurisdictionST",
    "1.3.6.1.4.1.311.60.2.1.3": "jurisdictionC",
    "1.2.643.100.1": "OGRN",
    "1.2.643.100.3": "SNILS",
    "1.2.643.100.5": "OGRNIP",
    "1.2.643.3.131.1.1": "INN",
}
"""Parts of names, as openssl and RFC 4514 write them."""

PURPOSES = {
    **{
        f"1.3.6.1.5.5.7.3.{number}": word
        for number, word in {
            1: "serverAuth",
            2: "clientAuth",
            3: "codeSigning",
            4: "emailProtection",
            5: "ipsecEndSystem",
            6: "ipsecTunnel",
            7: "ipsecUser",
            8: "timeStamping",
            9: "OCSPSigning",
            17: "ipsecIKE",
            21: "secureShellClient",
            22: "secureShellServer",
        }.items()
    },
    "2.5.29.37.0": "anyExtendedKeyUsage",
    "1.3.6.1.4.1.311.2.1.21": "msCodeInd",
    "1.3.6.1.4.1.311.2.1.22": "msCodeCom",
    "1.3.6.1.4.1.311.10.3.3": "msSGC",
    "1.3.6.1.4.1.311.20.2.2": "msSmartcardLogin",
    "2.16.840.1.113730.4.1": "nsSGC",
}

_SEC = {
    "prime256v1": "1.2.840.10045.3.1.7",
    **dict(
        zip(
            ["prime192v1", "prime192v2", "prime192v3", "prime239v1", "prime239v2", "prime239v3"],
            (f"1.2.840.10045.3.1.{number}" for number in range(1, 7)),
            strict=True,
        )
    ),
    **{
        name: f"1.3.132.0.{number}"
        for name, number in {
            "sect163k1": 1,
            "sect163r1": 2,
            "sect239k1": 3,
            "sect113r1": 4,
            "sect113r2": 5,
            "secp112r1": 6,
            "secp112r2": 7,
            "secp160r1": 8,
            "secp160k1": 9,
            "secp256k1": 10,
            "sect163r2": 15,
            "sect283k1": 16,
            "sect283r1": 17,
            "sect131r1": 22,
            "sect131r2": 23,
            "sect193r1": 24,
            "sect193r2": 25,
            "sect233k1": 26,
            "sect233r1": 27,
            "secp128r1": 28,
            "secp128r2": 29,
            "secp160r2": 30,
            "secp192k1": 31,
            "secp224k1": 32,
            "secp224r1": 33,
            "secp384r1": 34,
            "secp521r1": 35,
            "sect409k1": 36,
            "sect409r1": 37,
            "sect571k1": 38,
            "sect571r1": 39,
        }.items()
    },
}
_BRAINPOOL = [f"brainpoolP{bits}{kind}1" for bits in (160, 192, 224, 256, 320, 384, 512) for kind in "rt"]
_BINARY = {
    1: "c2pnb163v1",
    2: "c2pnb163v2",
    3: "c2pnb163v3",
    4: "c2pnb176v1",
    5: "c2tnb191v1",
    6: "c2tnb191v2",
    7: "c2tnb191v3",
    10: "c2pnb208w1",
    11: "c2tnb239v1",
    12: "c2tnb239v2",
    13: "c2tnb239v3",
    16: "c2pnb272w1",
    17: "c2pnb304w1",
    18: "c2tnb359v1",
    19: "c2pnb368w1",
    20: "c2tnb431r1",
}
CURVES = {
    **{oid: name for name, oid in _SEC.items()},
    **{f"1.3.36.3.3.2.8.1.1.{number}": name for number, name in enumerate(_BRAINPOOL, start=1)},
    **{f"1.2.840.10045.3.0.{number}": name for number, name in _BINARY.items()},
    **{f"2.23.43.1.4.{number}": f"wap-wsg-idm-ecid-wtls{number}" for number in (1, *range(3, 13))},
    "1.2.156.10197.1.301": "sm2",
}
"""Elliptic curves, as openssl calls them."""

_SHA3 = ("sha3-224", "sha3-256", "sha3-384", "sha3-512")
_NIST = "2.16.840.1.101.3.4.3."
_SLH = [f"slh-dsa-{hash_}-{size}{speed}" for hash_ in ("sha2", "shake") for size in (128, 192, 256) for speed in "sf"]
SIGNATURES = {
    "1.2.840.113549.1.1.2": ("rsa", "md2"),
    "1.2.840.113549.1.1.3": ("rsa", "md4"),
    "1.2.840.113549.1.1.4": ("rsa", "md5"),
    "1.3.14.3.2.2": ("rsa", "md4"),
    "1.3.14.3.2.3": ("rsa", "md5"),
    "1.3.14.3.2.4": ("rsa", "md4"),
    "1.3.14.3.2.15": ("rsa", "sha"),
    "1.3.14.3.2.29": ("rsa", "sha1"),
    "1.3.36.3.3.1.2": ("rsa", "ripemd160"),
    "1.3.36.3.3.1.3": ("rsa", "ripemd128"),
    "1.3.36.3.3.1.4": ("rsa", "ripemd256"),
    "2.5.8.3.100": ("rsa", "mdc2"),
    "1.2.156.10197.1.504": ("rsa", "sm3"),
    "1.2.840.113549.1.1.5": ("rsa", "sha1"),
    "1.2.840.113549.1.1.10": ("rsa", "rsa-pss"),
    "1.2.840.113549.1.1.11": ("rsa", "sha256"),
    "1.2.840.113549.1.1.12": ("rsa", "sha384"),
    "1.2.840.113549.1.1.13": ("rsa", "sha512"),
    "1.2.840.113549.1.1.14": ("rsa", "sha224"),
    "1.2.840.113549.1.1.15": ("rsa", "sha512-224"),
    "1.2.840.113549.1.1.16": ("rsa", "sha512-256"),
    **{f"{_NIST}{13 + number}": ("rsa", name) for number, name in enumerate(_SHA3)},
    "1.2.840.10045.4.1": ("ec", "sha1"),
    **{f"1.2.840.10045.4.3.{n}": ("ec", name) for n, name in enumerate(("sha224", "sha256", "sha384", "sha512"), 1)},
    **{f"{_NIST}{9 + number}": ("ec", name) for number, name in enumerate(_SHA3)},
    **{
        f"0.4.0.127.0.7.1.1.4.1.{n}": ("ec", f"plain-ecdsa-{name}")
        for n, name in enumerate(("sha1", "sha224", "sha256", "sha384", "sha512", "ripemd160"), 1)
    },
    "1.2.156.10197.1.501": ("sm2", "sm2-with-sm3"),
    "1.2.840.10040.4.3": ("dsa", "sha1"),
    "1.3.14.3.2.27": ("dsa", "sha1"),
    "1.3.14.3.2.13": ("dsa", "sha"),
    **{f"{_NIST}{n}": ("dsa", name) for n, name in enumerate(("sha224", "sha256", "sha384", "sha512", *_SHA3), 1)},
    "1.3.101.112": ("ed25519", ""),
    "1.3.101.113": ("ed448", ""),
    "1.3.101.114": ("ed25519ph", "ed25519ph"),
    "1.3.101.115": ("ed448ph", "ed448ph"),
    "1.3.6.1.4.1.11591.15.1": ("ed25519", "ed25519"),
    "1.2.643.2.2.3": ("gost2001", "gost2001"),
    "1.2.643.2.2.4": ("gost94", "gost94"),
    "1.2.643.7.1.1.3.2": ("gost2012_256", "gost2012_256"),
    "1.2.643.7.1.1.3.3": ("gost2012_512", "gost2012_512"),
    **{f"{_NIST}{n}": (f"ml-dsa-{size}",) * 2 for n, size in ((17, 44), (18, 65), (19, 87))},
    **{f"{_NIST}{n}": (name, name) for n, name in enumerate(_SLH, start=20)},
    **{f"{_NIST}{n}": (f"hash-ml-dsa-{size}-sha512",) * 2 for n, size in ((32, 44), (33, 65), (34, 87))},
    "1.3.6.1.5.5.7.6.30": ("rsa", "rsa-pss-shake128"),
    "1.3.6.1.5.5.7.6.31": ("rsa", "rsa-pss-shake256"),
    "1.3.6.1.5.5.7.6.32": ("ec", "ecdsa-shake128"),
    "1.3.6.1.5.5.7.6.33": ("ec", "ecdsa-shake256"),
    "1.2.840.113549.1.9.16.3.17": ("hss-lms", "hss-lms"),
    "1.3.6.1.4.1.2.267.7.4.4": ("dilithium2", "dilithium2"),
    "1.3.6.1.4.1.2.267.7.6.5": ("dilithium3", "dilithium3"),
    "1.3.6.1.4.1.2.267.7.8.7": ("dilithium5", "dilithium5"),
    "1.3.9999.3.6": ("falcon512", "falcon512"),
    "1.2.410.200004.1.21": ("kcdsa", "kcdsa"),
}
"""Signature algorithms: the family of key that makes them, and the word that tells which one it is."""

KEYS = {
    "1.2.840.113549.1.1.1": "rsa",
    "2.5.8.1.1": "rsa",
    "1.2.840.113549.1.1.10": "rsa-pss",
    "1.2.840.113549.1.1.7": "rsa-oaep",
    "1.2.840.10045.2.1": "ec",
    "1.3.132.1.12": "ecdh",
    "1.3.132.1.13": "ecmqv",
    "1.2.840.10040.4.1": "dsa",
    "1.3.14.3.2.12": "dsa",
    "1.3.14.3.2.13": "dsa",
    "1.2.840.10046.2.1": "dh",
    "1.2.840.113549.1.3.1": "dh",
    "1.3.101.110": "x25519",
    "1.3.101.111": "x448",
    "1.3.101.112": "ed25519",
    "1.3.101.113": "ed448",
    "1.2.643.2.2.19": "gost2001",
    "1.2.643.2.2.20": "gost94",
    "1.2.643.7.1.1.1.1": "gost2012_256",
    "1.2.643.7.1.1.1.2": "gost2012_512",
    "1.2.156.10197.1.301": "sm2",
    **{f"2.16.840.1.101.3.4.4.{n}": f"ml-kem-{size}" for n, size in ((1, 512), (2, 768), (3, 1024))},
    **{oid: family for oid, (family, _) in SIGNATURES.items() if family not in ("rsa", "ec", "dsa")},
}
"""Kinds of public keys, in the same words as the families of SIGNATURES."""
FAMILIES = {"rsa-pss": "rsa", "ecdh": "ec"}
"""Kinds of keys that make the signatures of another family."""


def dotted(content: bytes) -> str:
    """Return an object identifier's content as its numbers: "2.5.4.3"; what is cut off is left out."""
    numbers: list[int] = []
    value, open_ = 0, False
    for byte in content:
        value, open_ = value << 7 | byte & 0x7F, bool(byte & 0x80)
        if not open_:
            numbers.append(value)
            value = 0
    if not numbers:
        return ""
    first = min(numbers[0] // 40, 2)
    return ".".join(str(one) if one < 1 << 128 else "(huge)" for one in (first, numbers[0] - 40 * first, *numbers[1:]))


def signature_word(oid: str) -> str:
    """Return how a signature algorithm is called: "md5", "sm2-with-sm3", its number where no name is known."""
    family, word = SIGNATURES.get(oid, ("", ""))
    return word or family or oid or "an algorithm without a number"
