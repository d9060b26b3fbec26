#!/usr/bin/env python3
"""A mail server (aiosmtpd) and others that only look like one. Prints its port and the file of its certificate, then a JSON line for each mail that it has taken.

Usage: smtp_peer.py starttls|tls|none|stall|nonsense|endless|early|old FOLDER
"""
import asyncio
import email
import email.policy
import json
import pathlib
import ssl
import subprocess
import sys

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword


class Handler:
    async def handle_RCPT(self, server, session, envelope, address, options):
        name = address.partition("@")[0]
        if name == "nobody":
            return "550 no such user"
        if name == "later":
            return "451 try again"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        raw = envelope.content
        mail = email.message_from_bytes(raw, policy=email.policy.default)
        print(json.dumps({"from": envelope.mail_from, "to": envelope.rcpt_tos, "tls": session.ssl is not None, "user": session.auth_data.login.decode() if session.auth_data else "",
                          "headers": sorted(mail.keys()), "subject": mail["Subject"], "sender": str(mail["From"]), "text": mail.get_content().replace("\r\n", "\n"),
                          "longest": max(len(line) for line in raw.split(b"\r\n")), "date": str(mail["Date"])}, ensure_ascii=True), flush=True)
        return "250 taken as 4711" if mail["Subject"] != "refuse me" else "554 not this one"


def authenticate(server, session, envelope, mechanism, data):
    good = isinstance(data, LoginPassword) and (data.login, data.password) == (b"dunlin", b"secret")
    return AuthResult(success=good, handled=good, auth_data=data)


def certificate(folder):
    key, chain = folder / "key.pem", folder / "cert.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=peer", "-addext",
                    "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", str(key), "-out", str(chain)], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, key)
    return context, chain


async def impostor(mode, reader, writer):
    try:
        if mode == "stall":
            await asyncio.sleep(60)
        elif mode == "nonsense":
            writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        elif mode == "endless":
            while True:
                writer.write(b"220-and more\r\n" * 1000)
                await writer.drain()
        elif mode in ("early", "old"):
            writer.write(b"220 peer\r\n")
            await reader.readline()
            writer.write(b"250-peer\r\n250 STARTTLS\r\n" if mode == "early" else b"250-peer\r\n250 AUTH LOGIN\r\n")
            await reader.readline()
            writer.write(b"220 go on\r\n250 what is said without protection\r\n")
        await writer.drain()
        await asyncio.sleep(60)
    except OSError:
        pass


async def main(mode, folder):
    context, chain = certificate(folder)
    loop = asyncio.get_running_loop()
    common = {"hostname": "peer", "ident": "peer", "authenticator": authenticate, "enable_SMTPUTF8": False}
    if mode == "starttls":
        server = await loop.create_server(lambda: SMTP(Handler(), tls_context=context, require_starttls=True, auth_required=True, **common), "127.0.0.1", 0)
    elif mode == "tls":
        server = await loop.create_server(lambda: SMTP(Handler(), auth_require_tls=False, **common), "127.0.0.1", 0, ssl=context)
    elif mode == "none":
        server = await loop.create_server(lambda: SMTP(Handler(), **common), "127.0.0.1", 0)
    else:
        server = await asyncio.start_server(lambda reader, writer: impostor(mode, reader, writer), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], chain, flush=True)
    await server.serve_forever()


asyncio.run(main(sys.argv[1], pathlib.Path(sys.argv[2])))
