"""The HTTP server of an application, which a second Ctrl-C ends at once."""

import socket
from collections.abc import Callable
from types import FrameType

import uvicorn


class HttpServer(uvicorn.Server):
    """uvicorn's server: SIGTERM or Ctrl-C lets it answer what it has taken, a further Ctrl-C sets `force_exit`."""

    def __init__(self, config: uvicorn.Config, on_force: Callable[[], None]) -> None:
        """A server that does not listen yet.

        Args:
          config: of the server.
          on_force: called by the second Ctrl-C, in a signal handler. The requests that are being answered have to end
            then: the server waits for their threads.
        """
        super().__init__(config)
        self._on_force = on_force

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Of a signal."""
        super().handle_exit(sig, frame)
        if self.force_exit:
            self._on_force()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Ends it, and the application's lifespan in any case: uvicorn cancels it with a traceback otherwise."""
        await super().shutdown(sockets)
        if self.force_exit:
            await self.lifespan.shutdown()
