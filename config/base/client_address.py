"""Where a request came from, seen past the proxies that are ours."""

import ipaddress

from django.conf import settings
from django.http import HttpRequest

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
# What one customer of an IPv6 provider is given at least: all of it counts as one visitor.
_IPV6_PREFIX = 64


def client_address(request: HttpRequest) -> Address | None:
    """Return the visitor's address; None when the server knows none (a Unix socket).

    With n trusted proxies it is the n-th last entry of `X-Forwarded-For`: what stands before that is the visitor's own
    word. A request that brings fewer entries did not come through them all, so its connection is believed.
    """
    proxies: int = settings.ALLAUTH_TRUSTED_PROXY_COUNT
    hops = request.META.get("HTTP_X_FORWARDED_FOR", "").split(",") if proxies else []
    told = hops[-proxies] if len(hops) >= proxies > 0 else ""
    return _parse(told) or _parse(request.META.get("REMOTE_ADDR", ""))


def visitor_name(request: HttpRequest) -> str:
    """Return what limits count a visitor by: the address, of IPv6 the network."""
    address = client_address(request)
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((address, _IPV6_PREFIX), strict=False).network_address)
    return str(address or "unknown")


def _parse(text: str) -> Address | None:
    try:
        return ipaddress.ip_address(text.strip())
    except ValueError:
        return None
