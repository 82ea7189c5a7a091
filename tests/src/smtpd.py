"""An SMTP server that prints each letter it takes as a line of JSON.

Arguments: port, then words: `auth` wants the password "letters please" of "shop"; `refuse` refuses every
recipient; `relaying` denies to relay.
"""

import asyncio
import email.policy
import json
import sys

from aiosmtpd.smtp import SMTP, AuthResult


class Print:
    def __init__(self, words):
        self.words = words

    async def handle_RCPT(self, server, session, envelope, address, options):
        if "refuse" in self.words:
            return f"550 5.1.1 <{address}>: Recipient address rejected: User unknown"
        if "relaying" in self.words:
            return f"554 5.7.1 <{address}>: Relay access denied"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        part = lambda kind: message.get_body((kind,)).get_content().replace("\r\n", "\n")
        print(json.dumps({
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "headers": [[name.lower(), str(value)] for name, value in message.items()],
            "text": part("plain"),
            "html": part("html"),
            "authenticated": bool(session.authenticated),
            "hello": session.host_name,
        }), flush=True)
        return "250 OK"


def authenticate(server, session, envelope, mechanism, data):
    good = data.login == b"shop" and data.password == b"letters please"
    return AuthResult(success=good, handled=False)


async def main(port, words):
    auth = "auth" in words
    make = lambda: SMTP(
        Print(words), enable_SMTPUTF8=True, authenticator=authenticate,
        auth_required=auth, auth_require_tls=False,
    )
    server = await asyncio.get_running_loop().create_server(make, "127.0.0.1", port)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


asyncio.run(main(int(sys.argv[1]), sys.argv[2:]))
