"""An endpoint of webhooks: verifies who calls, prints each event as a line of JSON, and answers that it was taken.

    TTS_WEBHOOK_SECRET=whsec_… python examples/webhook.py PORT

A delivery that comes again has the same id, so that who keeps the ids acts once.
"""

import json
import os
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer

from standardwebhooks import Webhook, WebhookVerificationError

TAKEN, REFUSED = 204, 401


VERIFIER = Webhook(os.environ["TTS_WEBHOOK_SECRET"])
SEEN: set[str] = set()


class Endpoint(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        try:
            event = VERIFIER.verify(body, dict(self.headers))
        except WebhookVerificationError as error:
            self.send_error(REFUSED, str(error))
            return
        self.send_response(TAKEN)
        self.end_headers()
        name = self.headers["webhook-id"]
        print(json.dumps({"id": name, "again": name in SEEN} | event, ensure_ascii=False), flush=True)
        SEEN.add(name)

    def log_message(self, *_: object) -> None:
        """What matters has been printed."""


def main(port: str) -> int:
    with HTTPServer(("127.0.0.1", int(port)), Endpoint) as server:
        print(json.dumps({"ready": True, "url": f"http://127.0.0.1:{server.server_port}/"}), flush=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
