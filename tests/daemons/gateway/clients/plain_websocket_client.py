"""PyPI's `websocket-client` as the plainest of clients: says who it is, prints, comes back."""

from __future__ import annotations

import sys
import time

import websocket

url, user = sys.argv[1:]
while True:
    app = websocket.WebSocketApp(
        url,
        on_open=lambda ws: ws.send(user),
        on_message=lambda _, message: print(message, flush=True),
    )
    app.run_forever()
    time.sleep(0.1)
