"""Sending alerts: real messages through Apprise to servers on this machine."""

import email
import email.policy
import logging
import socket

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

from bj_pipeline.automation import notify
from bj_pipeline.automation.alerts import MAX_BYTES, Alert
from bj_pipeline.automation.notify import Parcel, Target
from bj_pipeline.errors import ConfigurationError
from bj_pipeline.settings import Settings
from bj_pipeline_tests.sources.vendor_server import Response, VendorServer

ALERT = Alert("【失败】第 65 期", ("原因：＊ST云创",), ("运行：http://ui.example/runs/1",))
SECRETS = ("pass-w0rd%2Fplanted", "pass-w0rd/planted", "t0ken-planted", "p4th-planted")
UI = "http://ui.example"


@pytest.fixture
def server():
    with VendorServer() as server:
        server.answer(lambda _: True, "ok")
        yield server


def webhook(server, path="/hook"):
    host = server.url.removeprefix("http://")
    return f"json://ops:pass-w0rd%2Fplanted@{host}{path}/p4th-planted?-token=t0ken-planted"


@pytest.fixture
def closed_port():
    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]


class Mailbox:
    """Keeps what an SMTP server receives."""

    def __init__(self):
        self.mails = []

    async def handle_DATA(self, _server, _session, envelope):  # noqa: N802 - aiosmtpd's name
        self.mails.append(email.message_from_bytes(envelope.content, policy=email.policy.default))
        return "250 OK"


def smtp(port, handler, **options):
    return Controller(handler, hostname="127.0.0.1", port=port, **options)


def test_a_webhook_receives_title_body_and_kind(server):
    assert notify.send(Target("1 json", webhook(server)), ALERT) == ""
    (request,) = server.requests
    assert request.json["title"] == ALERT.title
    assert request.json["message"] == ALERT.body
    assert request.json["type"] == "failure"
    assert request.params == {"token": "t0ken-planted"}


def test_a_mail_is_readable_and_nothing_in_it_is_taken_for_html(closed_port):
    mailbox = Mailbox()
    target = Target(
        "1 mailto", f"mailto://127.0.0.1:{closed_port}?from=bj@a.example&to=ops@a.example"
    )
    with_markup = Alert(ALERT.title, ("第一行 <b>x</b>", "第二行"), ALERT.links)
    controller = smtp(closed_port, mailbox)
    controller.start()
    try:
        assert notify.send(target, with_markup) == ""
    finally:
        controller.stop()
    (mail,) = mailbox.mails
    assert mail["Subject"] == ALERT.title
    assert "ops@a.example" in mail["To"]
    # Plain text: nothing in it is markup.
    assert mail.get_content_type() == "text/plain"
    assert mail.get_content().splitlines() == with_markup.body.splitlines()


def test_a_mail_server_that_refuses_the_password_is_told_without_the_password(closed_port):
    def refuse(*_):
        return AuthResult(success=False, handled=False)

    url = (
        f"mailto://ops:pass-w0rd%2Fplanted@127.0.0.1:{closed_port}"
        "?from=bj@a.example&to=ops@a.example&mode=insecure"
    )
    mailbox = Mailbox()
    controller = smtp(closed_port, mailbox, authenticator=refuse, auth_require_tls=False)
    controller.start()
    try:
        reason = notify.send(Target("1 mailto", url), ALERT)
    finally:
        controller.stop()
    assert reason
    assert not mailbox.mails
    assert not [secret for secret in SECRETS if secret in reason]


@pytest.mark.parametrize("status", [400, 401, 500])
def test_a_refusal_is_told_with_its_status(server, status):
    server.answer(lambda _: True, Response("t0ken-planted", status=status))
    assert str(status) in notify.send(Target("1 json", webhook(server)), ALERT)


@pytest.mark.parametrize(
    "url",
    [
        "json://ops:pass-w0rd%2Fplanted@127.0.0.1:{port}/p4th-planted?-token=t0ken-planted",
        "mailto://ops:pass-w0rd%2Fplanted@127.0.0.1:{port}?to=t0ken-planted@a.example",
        "nosuch://t0ken-planted/p4th-planted",
        "t0ken-planted",
        "wecombot://t0ken-planted!!/p4th-planted",
        "json://[t0ken-planted",
        "json://t0ken-planted:p4th-planted:x",
    ],
)
def test_no_secret_is_shown_when_sending_fails(url, closed_port, caplog, capfd):
    caplog.set_level(logging.DEBUG)
    target = Target("1 x", url.format(port=closed_port))
    reason = notify.send(target, ALERT)
    assert reason
    printed = capfd.readouterr()
    for place in (reason, repr(target), caplog.text, printed.out, printed.err):
        assert not [secret for secret in SECRETS if secret in place], place


def test_no_secret_is_logged_when_sending_succeeds(server, caplog, capfd):
    caplog.set_level(logging.DEBUG)
    assert notify.send(Target("1 json", webhook(server)), ALERT) == ""
    printed = capfd.readouterr()
    assert not [one for one in SECRETS if one in caplog.text + printed.out + printed.err]


def test_a_server_that_never_answers_costs_a_bounded_time(monkeypatch):
    monkeypatch.setattr(notify, "SECONDS", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        target = Target("1 json", f"json://127.0.0.1:{silent.getsockname()[1]}/?rto=1")
        assert "did not finish" in notify.send(target, ALERT)


@pytest.mark.parametrize(
    "url",
    [
        "wecombot://693axxx6-7aoc-4bc4-97a0-0ec2sifa5aaa",
        "feishu://7f1fa6a8-ab3b-4d0e-b6ee-4c4a1b7f0a11",
        "lark://7f1fa6a8-ab3b-4d0e-b6ee-4c4a1b7f0a11",
        "dingtalk://SECabcdef@0123456789abcdef0123456789abcdef",
        "mailtos://bj:password@mail.example?to=ops@a.example",
        "jsons://hooks.example/alerts",
    ],
)
def test_a_channel_takes_the_longest_alert_in_one_piece(url):
    channel = notify._apprise().Apprise.instantiate(url)
    assert channel is not None
    assert channel.body_maxlen >= MAX_BYTES


def test_addresses_come_from_the_environment_and_from_a_file(tmp_path):
    file = tmp_path / "urls"
    file.write_text(
        "# operations\nwecombot://KEY\n\nmailto://u:p@a.example?to=a@a.example,b@b.example\n"
    )
    settings = Settings(alert_urls="json://a.example, feishu://TOKEN", alert_urls_file=file)
    assert [one.label for one in notify.targets(settings)] == [
        "1 json", "2 feishu", "3 wecombot", "4 mailto",
    ]  # fmt: skip
    assert notify.targets(settings)[3].url.endswith("to=a@a.example,b@b.example")


def test_a_file_of_addresses_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(ConfigurationError, match="BJ_ALERT_URLS_FILE"):
        notify.targets(Settings(alert_urls_file=tmp_path / "missing"))


def test_settings_do_not_show_the_addresses():
    settings = Settings(alert_urls="json://ops:pass-w0rd@a.example")
    assert "pass-w0rd" not in repr(settings) + str(settings) + settings.model_dump_json()


def test_secrets_of_the_installation_are_known_but_not_the_name_of_a_server():
    settings = Settings(
        tushare_token="t0ken-planted",  # noqa: S106 - planted
        database_url="postgresql://bj:pass-w0rd%2Fplanted@db.example/bj",
        alert_urls="json://127.0.0.1:8000/p4th-planted wecombot://k3y-planted",
    )
    known = notify.known_secrets(settings)
    assert {"t0ken-planted", "pass-w0rd/planted", "p4th-planted", "k3y-planted"} <= known
    text = "at http://127.0.0.1:3000: t0ken-planted, pass-w0rd/planted"
    assert notify.redact(text, known) == "at http://127.0.0.1:3000: ***, ***"


# --- sending again


def deliver(outbox, *urls):
    receivers = [Target(f"{n} json", url) for n, url in enumerate(urls, start=1)]
    told, _ = notify.deliver(outbox, lambda key: Alert(f"提醒 {key}", ("。",)), receivers, UI)
    return told


def titles(server):
    return [request.json["title"] for request in server.requests]


def test_a_server_that_is_down_gets_the_alert_when_it_is_back(server):
    server.answer("/hook/p4th-planted", Response(status=503), Response(status=503), "ok")
    outbox = {"a": Parcel(title="提醒 a")}
    assert "503" in "\n".join(deliver(outbox, webhook(server)))
    deliver(outbox, webhook(server))
    assert outbox["a"].attempts == 2
    assert deliver(outbox, webhook(server)) == ["Sent to 1 json: 提醒 a"]
    assert not outbox


def test_an_alert_is_given_up_after_its_attempts_and_the_tick_says_so(closed_port):
    outbox = {"a": Parcel(title="提醒 a")}
    for _ in range(notify.ATTEMPTS - 1):
        told = deliver(outbox, f"json://127.0.0.1:{closed_port}")
        assert told[-1].startswith("Waiting to be sent: 1 alert")
    told = deliver(outbox, f"json://127.0.0.1:{closed_port}")
    assert told[-1] == f"Given up after {notify.ATTEMPTS} attempts (1 json): 提醒 a"
    assert not outbox


def test_who_has_an_alert_does_not_get_it_again_because_another_does_not_answer(server):
    server.answer("/two/p4th-planted", Response(status=503), "ok")
    outbox = {"a": Parcel(title="提醒 a")}
    urls = webhook(server, "/one"), webhook(server, "/two")
    deliver(outbox, *urls)
    deliver(outbox, *urls)
    deliver(outbox, *urls)
    paths = [request.path.split("/")[1] for request in server.requests]
    assert paths == ["one", "two", "two"]


def test_an_alert_that_is_never_taken_does_not_hold_up_the_others(server):
    server.answer(
        lambda request: request.json["title"] == "提醒 a", Response("too long", status=413)
    )
    outbox = {key: Parcel(title=f"提醒 {key}") for key in "abc"}
    for _ in range(3):
        deliver(outbox, webhook(server))
    assert list(outbox) == ["a"]
    assert {"提醒 b", "提醒 c"} <= set(titles(server))


def test_many_alerts_at_once_are_one_message(server):
    outbox = {str(n): Parcel(title=f"提醒 {n}") for n in range(20)}
    deliver(outbox, webhook(server))
    assert titles(server) == ["【汇总】20 条提醒"]
    assert "提醒 19" in server.requests[0].json["message"]
    assert not outbox


def test_an_address_that_was_taken_away_is_not_waited_for(server, closed_port):
    outbox = {"a": Parcel(title="提醒 a")}
    deliver(outbox, webhook(server), f"json://127.0.0.1:{closed_port}")
    assert outbox
    deliver(outbox, webhook(server))
    assert not outbox
    assert len(server.requests) == 1
