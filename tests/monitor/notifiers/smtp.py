"""A mail server on this machine that tests talk to."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class SmtpServer:
    """A mail server of one test: answers line by line, and keeps what it was given."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.port = 0
        self.commands: list[str] = []
        self.messages: list[bytes] = []
        self.answers: dict[str, bytes] = {}  # instead of the usual ones, by the beginning of a command; b"" hangs up
        self._tls = tls

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._talk(reader, writer)
        except (ConnectionError, ssl.SSLError):  # a client that does not like our certificate
            pass
        finally:
            writer.close()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 test\r\n")
        while line := (await reader.readline()).decode():
            command = line.strip()
            self.commands.append(command)
            answer = self._answer(command)
            if answer == b"":
                return
            writer.write(answer)
            if command == "STARTTLS":
                await writer.start_tls(self._tls)  # type: ignore[arg-type]
            if command == "DATA" and answer.startswith(b"354"):
                self.messages.append(await self._read_message(reader))
                end = self.answers.get(".", b"250 taken\r\n")
                if end == b"":
                    return
                writer.write(end)
            if command == "QUIT":
                return

    def _answer(self, command: str) -> bytes:
        for beginning, answer in self.answers.items():
            if command.startswith(beginning):
                return answer
        if command.startswith("EHLO"):
            offers = ["250-test", *(["250-STARTTLS"] if self._tls else []), "250-AUTH PLAIN", "250 8BITMIME"]
            return "".join(f"{offer}\r\n" for offer in offers).encode()
        return {"DATA": b"354 go on\r\n", "QUIT": b"221 bye\r\n", "STARTTLS": b"220 go on\r\n"}.get(
            command, b"235 welcome\r\n" if command.startswith("AUTH") else b"250 fine\r\n"
        )

    @staticmethod
    async def _read_message(reader: asyncio.StreamReader) -> bytes:
        lines = []
        while (line := await reader.readline()) != b".\r\n":
            lines.append(line.removeprefix(b"."))
        return b"".join(lines)


@asynccontextmanager
async def serving(smtp: SmtpServer, tls: ssl.SSLContext | None = None) -> AsyncIterator[SmtpServer]:
    server = await asyncio.start_server(smtp.serve, "127.0.0.1", 0, ssl=tls)
    smtp.port = server.sockets[0].getsockname()[1]
    try:
        yield smtp
    finally:
        server.close()
