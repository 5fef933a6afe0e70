"""Stands between a client and the server: hands every byte on, and keeps each request as it came."""

import socket
import threading


class Relay:
    def __init__(self, server):
        self.server = server
        self.requests = []
        self.statuses = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = "http://127.0.0.1:%d" % self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        """One connection, request by request, each answered before the next one is read."""
        with client, socket.create_connection(self.server) as server:
            from_client, from_server = client.makefile("rb"), server.makefile("rb")
            while request := message(from_client):
                server.sendall(request)
                answer = message(from_server)
                self.requests.append(request)
                self.statuses.append(int(answer.split(b" ", 2)[1]))
                client.sendall(answer)

    def take(self):
        """The requests since the last time, and how each was answered."""
        taken = list(zip(self.requests, self.statuses))
        self.requests.clear()
        self.statuses.clear()
        return taken

    def close(self):
        self.listener.close()


def message(stream):
    """One request or answer with its body, byte for byte; empty at the end."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        line = stream.readline()
        if not line:
            return b""
        head += line
    fields = dict(line.lower().split(b":", 1) for line in head.split(b"\r\n")[1:] if line)
    if b"chunked" in fields.get(b"transfer-encoding", b""):
        return head + chunks(stream)
    return head + stream.read(int(fields.get(b"content-length", b"0")))


def chunks(stream):
    body = b""
    while True:
        line = stream.readline()
        body += line + stream.read(int(line.split(b";")[0], 16) + 2)
        if line.strip() == b"0":
            return body
