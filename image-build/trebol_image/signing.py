"""The image's own key: the kernel modules that Debian does not sign are signed with it.

Under Secure Boot the kernel loads a module only where a key vouches for it that the machine's owner enrolled (MOK,
machine owner key). The private key stays in the store, or where its owner has it; only the certificate leaves it.
"""

from __future__ import annotations

import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from trebol_common.errors import BadInput, Refused, TrebolError
from trebol_common.files import write_text
from trebol_common.run import CommandFailed, Runner
from trebol_image.inputs import hash_text

#: Module signing only: shim takes no boot loader and no kernel that is signed with such a key (shim's
#: OBJ_create("1.3.6.1.4.1.2312.16.1.2", "modsign-eku")).
_EXTENSIONS = """\
[req]
prompt = no
string_mask = utf8only
distinguished_name = name
x509_extensions = module_signing

[name]
CN = Trebol module signing key

[module_signing]
basicConstraints = critical,CA:FALSE
keyUsage = digitalSignature
extendedKeyUsage = 1.3.6.1.4.1.2312.16.1.2,codeSigning
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
"""
#: A certificate that ends stops no module from loading, but MokManager and people wonder.
_DAYS = 36500
_HINT = "give both: --signing-key KEY.pem --signing-certificate CERTIFICATE.pem"

#: A private key in PEM, with the beginning of its content: programs that can read keys hold the bare first line.
_PRIVATE = re.compile(rb"-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----\s+[A-Za-z0-9+/=]{40}")


@dataclass(frozen=True)
class SigningKey:
    """A private key and its certificate, both PEM."""

    key: Path
    certificate: Path

    @property
    def id(self) -> str:
        """What a layer's inputs say of it: the certificate's hash."""
        return hash_text(self.certificate.read_text(encoding="utf-8"))


def signing_key(
    folder: Path, runner: Runner, *, key: Path | None = None, certificate: Path | None = None
) -> SigningKey:
    """The key that was given, or the one in `folder` (of the store), made where there is none yet.

    Raises BadInput for a key or certificate that cannot be used, and Refused for a key that others can read.
    """
    if (key is None) != (certificate is None):
        raise BadInput("a key for signing goes with its certificate", where="--signing-key", hint=_HINT)
    if key is not None and certificate is not None:
        chosen = SigningKey(key, certificate)
    else:
        chosen = SigningKey(folder / "mok.key", folder / "mok.pem")
        if not chosen.key.exists() and not chosen.certificate.exists():
            make_key(chosen, runner)
    require_usable(chosen, runner)
    return chosen


def make_key(chosen: SigningKey, runner: Runner) -> None:
    """Make a key pair; the folder is for its owner alone."""
    folder = chosen.key.parent
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    settings = folder / "openssl.cnf"
    write_text(settings, _EXTENSIONS)
    fresh = SigningKey(folder / "mok.key.part", folder / "mok.pem.part")
    # RSA 2048, as the keys that Debian's dkms makes: shim of old machines knows no other.
    runner.run(
        [
            "openssl", "req", "-new", "-x509", "-newkey", "rsa:2048", "-nodes", "-sha256", "-days", str(_DAYS),
            "-config", settings, "-keyout", fresh.key, "-out", fresh.certificate,
        ]
    )  # fmt: skip
    settings.unlink()
    fresh.key.chmod(0o600)
    fresh.certificate.rename(chosen.certificate)
    fresh.key.rename(chosen.key)


def require_usable(chosen: SigningKey, runner: Runner) -> None:
    """Raise BadInput where key and certificate cannot be read or do not belong together, Refused where others can
    read the key."""
    for path in (chosen.key, chosen.certificate):
        if not path.is_file():
            raise BadInput("is missing", where=str(path), hint=_HINT)
    if chosen.key.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise Refused("the signing key can be read by others", where=str(chosen.key), hint=f"chmod 600 {chosen.key}")
    # An empty passphrase: a key that wants another one is told so, instead of asking in the middle of a build.
    of_key = _public(["openssl", "pkey", "-in", chosen.key, "-passin", "pass:", "-pubout"], chosen.key, runner)
    of_certificate = _public(
        ["openssl", "x509", "-in", chosen.certificate, "-noout", "-pubkey"], chosen.certificate, runner
    )
    if of_key != of_certificate:
        raise BadInput(f"does not belong to the key {chosen.key}", where=str(chosen.certificate), hint=_HINT)


def _public(command: list[str | Path], path: Path, runner: Runner) -> str:
    try:
        return runner.run(command).stdout
    except CommandFailed as error:
        raise BadInput(
            "cannot be used for signing", where=str(path), hint="PEM, and a key without a passphrase"
        ) from error


def write_der(chosen: SigningKey, path: Path, runner: Runner) -> None:
    """Write the certificate as DER, the form in which it is enrolled (mokutil(1))."""
    runner.run(["openssl", "x509", "-in", chosen.certificate, "-outform", "DER", "-out", path])
    path.chmod(0o644)


def is_certificate(content: bytes) -> bool:
    """Whether this is one whole DER value of the length that a certificate has: SEQUENCE, length in two bytes.

    Source: X.690 8.1.3.5.
    """
    return content[:2] == b"\x30\x82" and int.from_bytes(content[2:4], "big") == len(content) - 4


def holds_private_key(content: bytes) -> bool:
    """Whether a private key in PEM is in there."""
    return _PRIVATE.search(content) is not None


def private_keys(tree: Path) -> Iterator[Path]:
    """Every file below `tree` that holds a private key."""
    for path in sorted(tree.rglob("*")):
        if path.is_file() and not path.is_symlink() and holds_private_key(path.read_bytes()):
            yield path


def require_no_private_key(tree: Path) -> None:
    """Raise TrebolError where a layer's tree holds a private key: whoever has the medium could sign modules."""
    for path in private_keys(tree):
        raise TrebolError("a private key would get into the image", where=f"/{path.relative_to(tree)}")
