"""An SMTP server for tests. It writes its port and each mail it takes into a directory, and answers as the file `mode` there says:
accept, later (451), never (550), hang (says nothing after the mail), drop (takes the mail and ends the connection)."""

import asyncio
import email.policy
import json
import pathlib
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult

place, certificate, key, login = pathlib.Path(sys.argv[1]), *sys.argv[2:5]
taken = 0


def mode():
    return (place / "mode").read_text()


class Handler:
    async def handle_RCPT(self, server, session, envelope, address, options):
        if mode() == "later":
            return "451 4.7.1 try again later"
        if mode() == "never":
            return "550 5.1.1 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        keep(session, envelope)
        if mode() == "hang" or envelope.rcpt_tos[0].startswith("hang@"):
            await asyncio.sleep(3600)
        if mode() == "drop":
            server.transport.abort()
        return "250 OK"


def keep(session, envelope):
    global taken
    taken += 1
    mail = email.message_from_bytes(envelope.original_content, policy=email.policy.default)
    fields = {
        "to": envelope.rcpt_tos,
        "from": envelope.mail_from,
        "tls": session.ssl is not None,
        "signed_in": bool(session.authenticated),
        "headers": {name: str(value) for name, value in mail.items()},
        "text": mail.get_body(("plain",)).get_content(),
        "html": mail.get_body(("html",)).get_content(),
    }
    new = place / "new"
    new.write_text(json.dumps(fields))
    new.rename(place / "mails" / f"{taken:05}")


def authenticate(server, session, envelope, mechanism, data):
    given = f"{data.login.decode()}:{data.password.decode()}"
    return AuthResult(success=given == login, handled=False)


async def main():
    options, context = {}, None
    if certificate:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate, key)
        options = {"tls_context": context, "require_starttls": True, "auth_required": True, "authenticator": authenticate}
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(Handler(), loop=loop, hostname="tests", **options), "127.0.0.1", 0)
    port = place / "new"
    port.write_text(str(server.sockets[0].getsockname()[1]))
    port.rename(place / "port")
    await server.serve_forever()


asyncio.run(main())
