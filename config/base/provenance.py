"""How a made picture says that it was made: C2PA (a signed manifest) and IPTC's digital source type in XMP.

What is said is the kind of making and who signs for it; never the prompt, nor who asked. All of it works offline.
"""

import io
import json
import os
import shutil
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr  # it writes XML, and reads none  # nosec B406

import c2pa
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

GENERATOR = "Darkroom"
# By rules alone, learnt from nothing: what the local studio does. It is not passed off as AI, nor AI as it.
ALGORITHMIC = "algorithmicMedia"
# By a model that was trained on samples.
TRAINED = "trainedAlgorithmicMedia"
# The words of IPTC's vocabulary that fit what we make; for edits of a person's own picture there are others.
SOURCE_TYPES = (
    ALGORITHMIC,
    TRAINED,
    "algorithmicallyEnhanced",
    "compositeSynthetic",
    "compositeWithTrainedAlgorithmicMedia",
    "digitalCreation",
)
VOCABULARY = "http://cv.iptc.org/newscodes/digitalsourcetype/"
# A certificate of our own is good for so long; what it signed stays readable afterwards.
LIFETIME = timedelta(days=3650)
KEY_USAGES = (
    *("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement"),
    *("key_cert_sign", "crl_sign", "encipher_only", "decipher_only"),
)
# What a provider's manifest may say for us to pass it on.
HARMLESS_ASSERTIONS = ("c2pa.actions", "c2pa.hash.", "c2pa.soft-binding")
HARMLESS_ACTION = {"action", "when", "softwareAgent", "digitalSourceType"}
# Thumbnails and a second reading would double the time, and we hold the picture itself.
SETTINGS = {"builder": {"thumbnail": {"enabled": False}}, "verify": {"verify_after_sign": False}}


def xmp_packet(source_type: str) -> bytes:
    """The XMP that names the digital source type. `ValueError` for what the vocabulary has not."""
    return (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description rdf:about="" xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" '
        f"Iptc4xmpExt:DigitalSourceType={quoteattr(_term(source_type))}/></rdf:RDF></x:xmpmeta>"
    ).encode()


@dataclass(frozen=True, slots=True)
class Identity:
    """Who signs: the chain of certificates, the signer's first, and its private key; both PEM."""

    certificates: str
    key: str


def sign(path: Path, *, mime: str, source_type: str, identity: Identity, parent: Path | None = None) -> None:
    """Put a signed manifest into a finished picture or video, in place. Raises `c2pa.C2paError`, `OSError`.

    `parent` is the provider's own file of the same type where its manifest is to be kept as an ingredient.
    """
    manifest = _manifest(path, mime, source_type, action="c2pa.transcoded" if parent else "c2pa.created")
    signed = path.with_name(f"signed-{path.name}")
    with (
        c2pa.Context(settings=c2pa.Settings.from_dict(SETTINGS)) as context,
        c2pa.Builder.from_json(manifest, context) as builder,
        _signer(identity) as signer,
        path.open("rb") as source,
        signed.open("w+b") as target,
    ):
        if parent:
            # The library itself then says first that the parent was opened.
            builder.set_intent(c2pa.C2paBuilderIntent.EDIT)
            with parent.open("rb") as made:
                builder.add_ingredient({"title": "made", "relationship": "parentOf"}, mime, made)
        builder.sign(signer, mime, source, target)
    signed.replace(path)


def sign_apart(path: Path, *, mime: str, source_type: str, identity: Identity) -> bytes:
    """A signed manifest for a file that has no place for one, to be kept beside it; it names the hash of the file.

    Raises `c2pa.C2paError`, `OSError`.
    """
    with (
        c2pa.Context(settings=c2pa.Settings.from_dict(SETTINGS)) as context,
        c2pa.Builder.from_json(_manifest(path, mime, source_type, action="c2pa.created"), context) as builder,
        _signer(identity) as signer,
        path.open("rb") as source,
        io.BytesIO() as unchanged,
    ):
        builder.set_no_embed()
        return bytes(builder.sign(signer, mime, source, unchanged))


def _manifest(path: Path, mime: str, source_type: str, *, action: str) -> str:
    """What our manifests say, as JSON."""
    told = {"action": action, "digitalSourceType": _term(source_type), "softwareAgent": {"name": GENERATOR}}
    return json.dumps(
        {
            "claim_generator_info": [{"name": GENERATOR}],
            "title": f"{path.stem}{path.suffix}",
            "format": mime,
            "assertions": [{"label": "c2pa.actions.v2", "data": {"actions": [told]}}],
        }
    )


def has_harmless_manifest(path: Path, mime: str) -> bool:
    """Whether a provider's file carries a manifest that may be passed on.

    Only what names the kind of making may: a free text could be the prompt, metadata a place, and a thumbnail is the
    picture without our watermark.
    """
    try:
        with path.open("rb") as stream:
            reader = c2pa.Reader.try_create(mime, stream)
            if reader is None:
                return False
            with reader:
                told = json.loads(reader.json())
    except (c2pa.C2paError, OSError, ValueError):
        return False
    return all(_is_harmless(manifest) for manifest in told["manifests"].values())


def _is_harmless(manifest: dict[str, Any]) -> bool:
    assertions = manifest.get("assertions", [])
    if "thumbnail" in manifest or any("thumbnail" in row for row in manifest.get("ingredients", [])):
        return False
    if not all(row["label"].startswith(HARMLESS_ASSERTIONS) for row in assertions):
        return False
    actions = (
        action
        for row in assertions
        if row["label"].startswith("c2pa.actions")
        for action in row["data"].get("actions", [])
    )
    return all(set(action) <= HARMLESS_ACTION for action in actions)


def load_identity(*, certificates: str, key: str, folder: Path) -> Identity:
    """The operator's identity, each part as PEM or as the path of a PEM file; without one our own, kept in `folder`."""
    return _given_identity(certificates, key) if certificates and key else _own_identity(folder)


@lru_cache(maxsize=4)
def _given_identity(certificates: str, key: str) -> Identity:
    """`ValueError` when the key is not the certificate's: nobody would believe what it signs."""
    identity = Identity(_pem(certificates), _pem(key))
    private = serialization.load_pem_private_key(identity.key.encode(), password=None)
    if x509.load_pem_x509_certificate(identity.certificates.encode()).public_key() != private.public_key():
        raise ValueError("C2PA_KEY is not the key of C2PA_CERT")
    return identity


@lru_cache(maxsize=4)
def _own_identity(folder: Path) -> Identity:
    """Made at first use. Readers show its signer as unknown, and still notice any change to the picture."""
    if not (folder / "key.pem").exists():
        made = make_identity()
        folder.parent.mkdir(parents=True, exist_ok=True)
        room = Path(tempfile.mkdtemp(dir=folder.parent, prefix=".c2pa-"))
        (room / "certificate.pem").write_text(made.certificates)
        (room / "key.pem").touch(mode=0o600)
        (room / "key.pem").write_text(made.key)
        try:
            # One step: of several workers that begin at once, one wins and all use what it made.
            os.rename(room, folder)  # noqa: PTH104 - `Path.rename` is the same; this one says so in its name
        except OSError:
            shutil.rmtree(room)
    return Identity((folder / "certificate.pem").read_text(), (folder / "key.pem").read_text())


def make_identity() -> Identity:
    """A signer's certificate under an authority of its own, as C2PA wants it; the authority's key is forgotten."""
    authority_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    of_authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key())
    authority = (
        _certificate("Darkroom local authority", authority_key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage("key_cert_sign"), critical=True)
        .sign(authority_key, hashes.SHA256())
    )
    signer = (
        _certificate("Darkroom local signer", key.public_key())
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage("digital_signature"), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), critical=False)
        .add_extension(of_authority, critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    chain = b"".join(row.public_bytes(serialization.Encoding.PEM) for row in (signer, authority))
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return Identity(chain.decode(), private.decode())


def _certificate(subject: str, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    """What both certificates have in common."""
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .issuer_name(_name("Darkroom local authority"))
        .subject_name(_name(subject))
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + LIFETIME)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _usage(only: str) -> x509.KeyUsage:
    return x509.KeyUsage(**dict.fromkeys(KEY_USAGES, False) | {only: True})


def _name(common: str) -> x509.Name:
    return x509.Name(
        [x509.NameAttribute(NameOID.ORGANIZATION_NAME, GENERATOR), x509.NameAttribute(NameOID.COMMON_NAME, common)]
    )


def _pem(text: str) -> str:
    return text.replace("\\n", "\n") if text.startswith("-----BEGIN") else Path(text).read_text()


def _signer(identity: Identity) -> c2pa.Signer:
    info = c2pa.C2paSignerInfo(
        alg=_algorithm(identity.key),
        sign_cert=identity.certificates.encode(),
        private_key=identity.key.encode(),
        ta_url=None,
    )
    return c2pa.Signer.from_info(info)


def _algorithm(key: str) -> c2pa.C2paSigningAlg:
    """The algorithm that goes with a private key. `ValueError` for a kind that C2PA does not sign with."""
    private = serialization.load_pem_private_key(key.encode(), password=None)
    if isinstance(private, ed25519.Ed25519PrivateKey):
        return c2pa.C2paSigningAlg.ED25519
    if isinstance(private, rsa.RSAPrivateKey):
        return c2pa.C2paSigningAlg.PS256
    if isinstance(private, ec.EllipticCurvePrivateKey) and private.curve.key_size in (256, 384, 521):
        by_size = {256: c2pa.C2paSigningAlg.ES256, 384: c2pa.C2paSigningAlg.ES384, 521: c2pa.C2paSigningAlg.ES512}
        return by_size[private.curve.key_size]
    raise ValueError("C2PA_KEY is an EC, RSA or Ed25519 key")


def _term(source_type: str) -> str:
    if source_type not in SOURCE_TYPES:
        raise ValueError(f"{source_type} is no digital source type that fits what we make")
    return VOCABULARY + source_type
