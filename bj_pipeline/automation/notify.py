"""Sending alerts through Apprise, to the addresses that the installation names.

What belongs here: reading the addresses, sending an alert to each of them, again if it did not go
out, and keeping their secrets (tokens in paths and queries, passwords) out of whatever is said
about it. What does not: what an alert says (:mod:`.alerts`) and what it is sent for
(:mod:`.alert_sensors`).

A target is told apart by its position and kind, such as ``2 wecombot``: a corrected address takes
the place of the wrong one, and nothing that is stored or shown can be traced back to a token.
"""

import logging
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from time import monotonic
from typing import Any
from urllib.parse import quote, unquote

from pydantic import BaseModel, Field
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from bj_pipeline import given
from bj_pipeline.automation.alerts import DIGEST, Alert, digest
from bj_pipeline.counted import counted
from bj_pipeline.errors import ConfigurationError
from bj_pipeline.settings import Settings

SECONDS = 10.0
"""How long one message may take; Dagster gives a sensor's tick about a minute."""
ATTEMPTS = 30
"""Ticks in which an alert is tried before it is given up: with one a minute, half an hour."""
_BUDGET_SECONDS = 30.0
"""For the messages of one tick; what is left is sent at the next one."""
_AT_ONCE = 50
_BETWEEN_URLS = re.compile(r"[\s,;]+(?=[A-Za-z][A-Za-z0-9+.-]*://)")
_HIDDEN = "***"
_SHORTEST_SECRET = 3
_WORD = 8
"""A part of an address that is shorter may be a plain word, which texts are full of."""


@dataclass(frozen=True)
class Target:
    """One receiver of alerts.

    Attributes:
        label: Position and kind, free of secrets.
        url: Apprise URL; never shown.
    """

    label: str
    url: str = field(repr=False)


def targets(settings: Settings) -> tuple[Target, ...]:
    """The receivers: ``BJ_ALERT_URLS`` first, then those of ``BJ_ALERT_URLS_FILE``.

    The file is read anew each time, so that a secret can be changed without a restart.

    Raises:
        ConfigurationError: The file cannot be read.
    """
    text = settings.alert_urls.get_secret_value() + "\n" + _file_text(settings)
    lines = [line.strip() for line in text.splitlines()]
    kept = " ".join(line for line in lines if not line.startswith("#"))
    urls = [url.strip(" ,;") for url in _BETWEEN_URLS.split(kept)]
    return tuple(
        Target(f"{position} {_kind(url)}", url)
        for position, url in enumerate(filter(None, urls), start=1)
    )


def _file_text(settings: Settings) -> str:
    path = settings.alert_urls_file
    if path is None:
        return ""
    try:
        return given.content(path).decode()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"BJ_ALERT_URLS_FILE cannot be read ({type(error).__name__}): {path.name}"
        ) from None


def _kind(url: str) -> str:
    """The scheme; a text without one may be a bare token, which is not repeated."""
    scheme, found, _ = url.partition("://")
    return scheme.lower() if found and len(scheme) < _WORD * 2 else "?"


class Parcel(BaseModel):
    """An alert on its way.

    Attributes:
        title: What is known of it, should nothing else be found when it is written.
        attempts: Ticks in which it was tried in vain.
        delivered: Labels of the targets that have it.
        about: What it tells of, so that it can be told anew should it be given up.
    """

    title: str
    attempts: int = 0
    delivered: list[str] = Field(default_factory=list)
    about: list[str] = Field(default_factory=list)


def deliver(
    outbox: dict[str, Parcel],
    write: Callable[[str], Alert],
    receivers: Sequence[Target],
    ui_url: str,
) -> tuple[list[str], list[Parcel]]:
    """Send what waits to each receiver that does not have it yet.

    A receiver that does not take a message is left alone until the next tick, and the message goes
    to the end of the queue, so that one that is never taken does not hold up the others.

    Args:
        outbox: Alerts on their way, in order; those that are done with are taken out.
        write: Writes the alert of a key.
        receivers: Where alerts go.
        ui_url: Address of the Dagster UI.

    Returns:
        What to say in the tick, and what was given up.
    """
    until = monotonic() + _BUDGET_SECONDS
    waiting = {key: write(key) for key in list(outbox)[:_AT_ONCE]}
    told: list[str] = []
    in_vain: set[str] = set()
    given_up: list[Parcel] = []
    for receiver in receivers:
        todo = [key for key in waiting if receiver.label not in outbox[key].delivered]
        for keys, alert in _messages(todo, waiting, ui_url):
            if monotonic() > until:
                told.append("No time left in this tick: the rest is sent at the next one.")
                break
            reason = send(receiver, alert)
            if reason:
                told.append(f"Not sent to {receiver.label}: {alert.title} ({reason})")
                in_vain.update(keys)
                break
            for key in keys:
                outbox[key].delivered.append(receiver.label)
            told.append(f"Sent to {receiver.label}: {alert.title}")
    labels = {receiver.label for receiver in receivers}
    for key in sorted(waiting, key=in_vain.__contains__):
        parcel = outbox.pop(key)
        parcel.attempts += key in in_vain
        missing = sorted(labels - set(parcel.delivered))
        if missing and parcel.attempts < ATTEMPTS:
            outbox[key] = parcel
        elif missing:
            given_up.append(parcel)
            told.append(
                f"Given up after {ATTEMPTS} attempts ({', '.join(missing)}): {parcel.title}"
            )
    if outbox:
        left = counted(len(outbox), "alert")
        told.append(f"Waiting to be sent: {left}, each tried up to {ATTEMPTS} times.")
    return told, given_up


def _messages(
    keys: Sequence[str], written: Mapping[str, Alert], ui_url: str
) -> Iterator[tuple[Sequence[str], Alert]]:
    if len(keys) > DIGEST:
        yield keys, digest([written[key] for key in keys], ui_url)
    else:
        yield from (([key], written[key]) for key in keys)


def send(target: Target, alert: Alert) -> str:
    """Send an alert to one target; never raises.

    Returns:
        Nothing if it went out, else why it did not, free of secrets.
    """
    try:
        return _send(target, alert)
    except Exception as error:  # noqa: BLE001 - an alert must not break what it tells of
        return type(error).__name__


def _send(target: Target, alert: Alert) -> str:
    apprise = _apprise()
    asset = apprise.AppriseAsset(
        app_id="bj_pipeline", app_desc="bj_pipeline", async_mode=False, service_timeout=SECONDS
    )
    # One object a message: Apprise sleeps between two messages of the same object.
    receiver = apprise.Apprise(asset=asset)
    if not receiver.add(target.url):
        return "address not understood"
    result = receiver.notify(
        title=alert.title,
        body=alert.body,
        body_format=apprise.NotifyFormat.TEXT,
        notify_type=alert.kind,
    )
    return "" if result else redact(_reason(result), _parts(target.url))


def _reason(result: Any) -> str:
    said = [
        log.message for one in result.results for attempt in one.attempts for log in attempt.logs
    ]
    return said[-1] if said else "not accepted"


def _apprise() -> Any:
    """The library; what it and its HTTP client log holds whole addresses, so nobody gets it."""
    import apprise  # noqa: PLC0415 - takes two seconds; only a message needs it

    logger = logging.getLogger("apprise")
    logger.propagate = False
    logger.handlers = [logging.NullHandler()]
    client = logging.getLogger("urllib3")
    client.setLevel(max(client.getEffectiveLevel(), logging.WARNING))
    return apprise


def redact(text: str, secrets: Iterable[str]) -> str:
    """Hide secrets in a text, the longest first, so that no rest of one remains."""
    for secret in sorted(set(secrets), key=len, reverse=True):
        if len(secret) >= _SHORTEST_SECRET:
            text = text.replace(secret, _HIDDEN)
    return text


def known_secrets(settings: Settings) -> frozenset[str]:
    """What an error may have picked up and an alert must not pass on."""
    known = {
        settings.tushare_token.get_secret_value(),
        settings.database_url,
        _password(settings.database_url),
    }
    for target in targets(settings):
        known |= {part for part in _parts(target.url) if len(part) >= _WORD}
        # Not the server's name, which the addresses in an alert may hold too.
        known -= {_host(target.url)}
    return frozenset(known - {""})


def _password(database_url: str) -> str:
    try:
        return str(make_url(database_url).password or "") if database_url else ""
    except ArgumentError:
        return ""


def _host(url: str) -> str:
    """The name of a server; empty where an address has a token in its place."""
    rest = re.split(r"[/?#]", url.partition("://")[2])[0]
    host = rest.rpartition("@")[2].partition(":")[0]
    return host if "." in host or host == "localhost" else ""


def _parts(url: str) -> frozenset[str]:
    """Every part of an address, as written, decoded and encoded: which is secret depends on it."""
    raw = {url, *re.split(r"[/?#&=:@]+", url)}
    return frozenset(
        form
        for part in raw
        for form in (part, unquote(part), quote(unquote(part), safe=""))
        if form
    )
