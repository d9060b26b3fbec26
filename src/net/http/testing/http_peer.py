#!/usr/bin/env python3
"""An HTTP server that behaves and misbehaves as the path says. Prints its port and the file of its certificate (or -).

Usage: http_peer.py plain|tls FOLDER
"""
import pathlib
import ssl
import subprocess
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

connections = 0


class Peer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def setup(self):
        global connections
        connections += 1
        super().setup()

    def log_message(self, *_):
        pass

    def answer(self, status, body, **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def endless(self, piece):
        try:
            while True:
                self.wfile.write(piece)
        except OSError:
            self.close_connection = True

    def handle_path(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        kind, _, rest = self.path.partition("?")[0].strip("/").partition("/")
        if kind == "echo":
            self.answer(200, body, **{"Content-Type": "text/plain", "X-Seen": self.headers.get("X-Sent", "")})
        elif kind == "status":
            self.answer(int(rest), b"status " + rest.encode())
        elif kind == "connections":
            self.answer(200, str(connections).encode())
        elif kind == "redirect":
            self.answer(302, b"", Location="/echo")
        elif kind == "stall":
            time.sleep(30)
        elif kind == "drip":
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            try:
                for _ in range(1000):
                    self.wfile.write(b".")
                    time.sleep(0.05)
            except OSError:
                self.close_connection = True
        elif kind == "close":
            self.close_connection = True
        elif kind == "half":
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
            self.close_connection = True
        elif kind == "nonsense":
            self.wfile.write(b"220 smtp.example ESMTP\r\n\x00\xff\r\n\r\n")
            self.close_connection = True
        elif kind == "smuggle":
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\nabc")
            self.close_connection = True
        elif kind == "endless":
            self.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
            self.endless(b"x" * 65536)
        elif kind == "endless-chunks":
            self.wfile.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            self.endless(b"4\r\nmore\r\n" * 4096)
        elif kind == "endless-header":
            self.wfile.write(b"HTTP/1.1 200 OK\r\n")
            self.endless(b"X-More: and more\r\n")
        elif kind == "endless-interim":
            self.endless(b"HTTP/1.1 103 Early Hints\r\n\r\n")
        else:
            self.answer(404, b"")

    do_GET = do_POST = do_PUT = handle_path


def certificate(folder):
    key, chain = folder / "key.pem", folder / "cert.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=peer", "-addext",
                    "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", str(key), "-out", str(chain)], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, key)
    return context, chain


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, *_):
        pass


server = Server(("127.0.0.1", 0), Peer)
chain = "-"
if sys.argv[1] == "tls":
    context, chain = certificate(pathlib.Path(sys.argv[2]))
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
print(server.server_address[1], chain, flush=True)
server.serve_forever()
