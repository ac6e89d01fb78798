"""A real SMTP server of a few lines: it takes every letter and keeps it."""

import socketserver
import threading
from email import message_from_bytes
from email.message import Message


class Mailbox:
    """Keeps what is sent to it: who it is for, and the letter."""

    def __init__(self) -> None:
        self.letters: list[tuple[list[str], Message]] = []
        mailbox = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                recipients: list[str] = []
                self._say("220 ready")
                for line in self.rfile:
                    command = line.strip().upper()
                    if command.startswith(b"RCPT TO:"):
                        recipients.append(line.split(b"<")[1].split(b">")[0].decode())
                    if command == b"DATA":
                        self._say("354 go on")
                        mailbox.letters.append((recipients, message_from_bytes(self._letter())))
                        recipients = []
                    self._say("221 bye" if command == b"QUIT" else "250 ok")
                    if command == b"QUIT":
                        return

            def _letter(self) -> bytes:
                lines = iter(self.rfile.readline, b".\r\n")
                return b"".join(line[1:] if line.startswith(b"..") else line for line in lines)

            def _say(self, line: str) -> None:
                self.wfile.write(line.encode() + b"\r\n")

        self.server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]

    def __enter__(self) -> "Mailbox":
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()


def body(letter: Message) -> str:
    """The text of its one readable part."""
    (part,) = [each for each in letter.walk() if not each.is_multipart()]
    return part.get_payload(decode=True).decode()  # type: ignore[union-attr]
