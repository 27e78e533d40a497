"""Fetching from addresses of people's: where it never leads, however long or large the answer, whatever DNS says."""

import socket
import ssl
import threading
from datetime import UTC, datetime, timedelta
from itertools import chain, repeat
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from config.base import safe_http
from config.base.safe_http import AddressRefused, FetchError, Rules, TooLarge, TooSlow
from tests.loopback import Answer, serving, whole

PICTURE = b"the bytes of a picture"


def rules(*answers: list[str], **options: object) -> Rules:
    """Rules for `pictures.test`, which DNS calls `answers`, one after the other and the last for ever."""
    given = chain(answers, repeat(answers[-1])) if answers else repeat(["127.0.0.1"])
    merged = {
        "hosts": ["pictures.test"],
        "bytes": 100_000,
        "seconds": 5.0,
        "is_loopback_allowed": True,
        "resolve": lambda _host, _port: next(given),
    } | options
    return Rules(**merged)  # type: ignore[arg-type]


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "fetched"


def test_what_an_allowed_host_gives_is_written(target: Path) -> None:
    with serving(whole(PICTURE)) as server:
        came_from = safe_http.fetch(f"http://pictures.test:{server.port}/a/fox.png?size=2", target, rules())

    assert target.read_bytes() == PICTURE
    assert came_from == f"http://pictures.test:{server.port}/a/fox.png?size=2"
    (request,) = server.asked
    assert request.startswith("GET /a/fox.png?size=2 HTTP/1.1\r\n")
    assert f"Host: pictures.test:{server.port}\r\n" in request
    assert "cookie" not in request.lower()
    assert "authorization" not in request.lower()


@pytest.mark.parametrize(
    "address",
    [
        "http://pictures.test/fox.png",
        "ftp://pictures.test/fox.png",
        "file:///etc/passwd",
        "https://elsewhere.test/fox.png",
        "https://pictures.test.elsewhere.test/fox.png",
        "https://pictures.test@elsewhere.test/fox.png",
        "https://me:secret@pictures.test/fox.png",
        "https://elsewhere.test\\@pictures.test/fox.png",
        "https://pictures.test:8443/fox.png",
        "https://127.0.0.1/fox.png",
        "https://[::1]/fox.png",
        "https://[/fox.png",
        "https:///fox.png",
        "fox.png",
        "",
    ],
)
def test_an_address_that_is_not_on_the_list_is_refused_before_anything_is_asked(address: str, target: Path) -> None:
    def never(_host: str, _port: int) -> list[str]:
        raise AssertionError("DNS was asked")

    with pytest.raises(AddressRefused):
        safe_http.fetch(address, target, rules(is_loopback_allowed=False, resolve=never))
    assert not target.exists()


@pytest.mark.parametrize(
    ("host", "is_on"),
    [
        ("pictures.test", True),
        ("PICTURES.test.", True),
        ("a.photos.test", True),
        ("a.b.photos.test", True),
        ("photos.test", False),
        ("evilphotos.test", False),
        ("xpictures.test", False),
    ],
)
def test_a_star_stands_for_all_hosts_below_one(host: str, is_on: bool) -> None:
    assert safe_http.is_listed(host, ["pictures.test", "*.Photos.test"]) is is_on


PRIVATE = [
    *("127.0.0.1", "127.8.8.8", "10.0.0.1", "172.16.3.4", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0"),  # noqa: S104
    *("0.1.2.3", "192.0.0.8", "192.0.2.1", "198.18.0.1", "198.51.100.7", "203.0.113.9", "224.0.0.1", "239.1.1.1"),
    *("240.0.0.1", "255.255.255.255", "::1", "::", "::ffff:127.0.0.1", "::ffff:93.184.216.34", "::7f00:1"),
    *("64:ff9b::7f00:1", "64:ff9b:1::1", "2002:7f00:1::", "2001:0:7f00:1::", "2001:db8::1", "fc00::1", "fd12::1"),
    *("fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1", "fd00:ec2::254", "100::1", "nonsense", ""),
]


@pytest.mark.parametrize("address", PRIVATE)
def test_private_and_special_addresses_are_not_public(address: str) -> None:
    assert not safe_http.is_public(address)


@pytest.mark.parametrize("address", ["93.184.216.34", "1.1.1.1", "2606:4700:4700::1111", "2a00:1450:4001:82a::200e"])
def test_addresses_of_the_public_network_are(address: str) -> None:
    assert safe_http.is_public(address)


@pytest.mark.parametrize("found", [["10.0.0.7"], ["169.254.169.254"], ["127.0.0.1", "10.0.0.7"], ["::ffff:127.0.0.1"]])
def test_a_listed_host_that_leads_to_a_private_address_is_refused(found: list[str], target: Path) -> None:
    with serving(whole(PICTURE)) as server, pytest.raises(AddressRefused):
        safe_http.fetch(f"http://pictures.test:{server.port}/", target, rules(found))

    assert server.asked == []
    assert not target.exists()


def test_loopback_is_refused_in_production(target: Path) -> None:
    with pytest.raises(AddressRefused):
        safe_http.fetch("https://pictures.test/", target, rules(["127.0.0.1"], is_loopback_allowed=False))


@pytest.mark.parametrize(
    "location",
    [
        "http://elsewhere.test/fox.png",
        "http://169.254.169.254/latest/meta-data/",
        "//elsewhere.test/fox.png",
        "file:///etc/passwd",
        "gopher://pictures.test/",
    ],
)
def test_a_redirect_to_a_host_that_is_not_listed_is_refused(location: str, target: Path) -> None:
    with serving(whole(b"", "302 Found", Location=location)) as server, pytest.raises(AddressRefused):
        safe_http.fetch(f"http://pictures.test:{server.port}/", target, rules())
    assert not target.exists()


def test_a_redirect_within_the_list_is_followed_and_judged_by_a_new_look_up(target: Path) -> None:
    moved = whole(b"", "301 Moved", Location="/there")
    with serving(moved, whole(PICTURE)) as server:
        safe_http.fetch(f"http://pictures.test:{server.port}/here", target, rules())
        assert target.read_bytes() == PICTURE
        assert server.asked[1].startswith("GET /there ")

    target.unlink()
    with serving(moved, whole(PICTURE)) as server, pytest.raises(AddressRefused):
        safe_http.fetch(f"http://pictures.test:{server.port}/here", target, rules(["127.0.0.1"], ["10.0.0.7"]))
    assert len(server.asked) == 1
    assert not target.exists()


def test_more_than_three_redirects_are_refused(target: Path) -> None:
    moved = whole(b"", "307 Temporary Redirect", Location="/on")
    with serving(*[moved] * 4, whole(PICTURE)) as server, pytest.raises(AddressRefused):
        safe_http.fetch(f"http://pictures.test:{server.port}/", target, rules())
    assert len(server.asked) == 4


def test_dns_that_changes_after_the_check_changes_nothing(target: Path) -> None:
    asked: list[str] = []

    def changing(host: str, _port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["10.0.0.7"]

    with serving(whole(PICTURE)) as server:
        safe_http.fetch(f"http://pictures.test:{server.port}/", target, rules(resolve=changing))

    assert asked == ["pictures.test"], "what was judged is what was connected to"
    assert target.read_bytes() == PICTURE


def endless(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        connection.sendall(bytes(65536))


def drip(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    while not stop.wait(0.05):
        connection.sendall(b".")


def drip_headers(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    while not stop.wait(0.05):
        connection.sendall(b".")


def silence(_connection: socket.socket) -> None:
    stop.wait(10)


stop = threading.Event()


@pytest.mark.parametrize("answer", [endless, whole(bytes(100_001))], ids=["without end", "announced"])
def test_a_body_that_is_too_large_is_cut_off(answer: bytes | Answer, target: Path) -> None:
    with serving(answer) as server, pytest.raises(TooLarge):
        safe_http.fetch(f"http://pictures.test:{server.port}/", target, rules())
    assert not target.exists() or target.stat().st_size <= 100_000


@pytest.mark.parametrize("answer", [drip, drip_headers, silence])
def test_a_body_that_comes_too_slowly_is_given_up(answer: Answer, target: Path) -> None:
    stop.clear()
    with serving(answer) as server:
        with pytest.raises(TooSlow):
            safe_http.fetch(f"http://pictures.test:{server.port}/", target, rules(seconds=0.4))
        stop.set()


@pytest.mark.parametrize(
    "answer",
    [
        whole(b"not here", "404 Not Found"),
        whole(b"", "302 Found", Location="http://[broken"),
        b"this is not HTTP\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\nshort",
        b"",
    ],
)
def test_an_answer_without_a_picture_is_told_as_such(answer: bytes, target: Path) -> None:
    with serving(answer) as server, pytest.raises(FetchError) as caught:
        safe_http.fetch(f"http://pictures.test:{server.port}/", target, rules())
    assert str(caught.value)


def test_a_host_that_nobody_knows_is_told_as_such(target: Path) -> None:
    def unknown(_host: str, _port: int) -> list[str]:
        raise socket.gaierror(-2, "Name or service not known")

    with pytest.raises(FetchError):
        safe_http.fetch("https://pictures.test/", target, rules(resolve=unknown))


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """Key and certificate of `pictures.test`, signed by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "pictures.test")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(subject_name=name, issuer_name=name, public_key=key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("pictures.test")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = tmp_path / "certificate.pem"
    path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return path


def test_tls_names_the_host_although_an_address_is_connected_to(
    certificate: Path, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(safe_http, "_trust", lambda: ssl.create_default_context(cafile=certificate))
    with serving(whole(PICTURE), certificate=certificate) as server:
        safe_http.fetch(f"https://pictures.test:{server.port}/", target, rules())

    assert server.asked[0] == "SNI pictures.test"
    assert target.read_bytes() == PICTURE


def test_a_certificate_that_nobody_vouches_for_is_refused(certificate: Path, target: Path) -> None:
    with serving(whole(PICTURE), certificate=certificate) as server, pytest.raises(FetchError):
        safe_http.fetch(f"https://pictures.test:{server.port}/", target, rules())
    assert not target.exists()
