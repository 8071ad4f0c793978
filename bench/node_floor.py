"""Inside the node that is measured, `python3 FILE PORT`: one answer that never changes, by the same HTTP server.

uvicorn and FastAPI as they come, with the node's own certificate: what an answer costs before ours begins.
"""

from __future__ import annotations

import sys

import uvicorn
from fastapi import FastAPI

PKI = "/etc/trebol/pki"

app = FastAPI(openapi_url=None)


@app.get("/")
async def nothing() -> dict[str, list[dict[str, str]]]:
    """About as long as an entry of `GET /nodes`."""
    return {"data": [{f"key{number}": "value" for number in range(12)}]}


if __name__ == "__main__":
    uvicorn.run(
        app,
        host="0.0.0.0",
        port=int(sys.argv[1]),
        http="h11",
        ssl_certfile=f"{PKI}/api.pem",
        ssl_keyfile=f"{PKI}/api.key",
        # Before the first request of a client, all others have to be connected.
        timeout_keep_alive=60,
        access_log=False,
        log_level="warning",
    )
