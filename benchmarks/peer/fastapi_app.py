"""FastAPI without a queue, as its documentation has it: a path operation that is no coroutine, which runs in a thread.

Workers share the port: `uvicorn fastapi_app:app --workers CORES`.
"""

from fastapi import FastAPI, Response
from pydantic import BaseModel
from voice import spoken

app = FastAPI()


class Request(BaseModel):
    request_id: str
    text: str


@app.post("/speech")
def speech(request: Request) -> Response:
    return Response(spoken(request.text), media_type="audio/wav")
