// The event stream, read with fetch since an EventSource cannot send a key.

import { ask } from "./api.js";

const FIRST_PAUSE = 500;
const LONGEST_PAUSE = 15_000;
const SILENCE = 60_000; // ms after which a connection counts as dead

// Takes text as it comes; calls `hear(event, data)` for each event. `lastId` is that of the last which was whole.
export class Parser {
  constructor(hear) {
    this.lastId = "";
    this.hear = hear;
    this.rest = "";
    this.clear();
  }

  clear() {
    this.event = "";
    this.data = [];
    this.id = this.lastId;
  }

  take(text) {
    const lines = (this.rest + text).split(/\r\n|\n|\r(?!$)/);
    this.rest = lines.pop();
    for (const line of lines) this.line(line);
  }

  line(line) {
    if (line === "") return this.whole();
    const [, name, value] = /^([^:]*)(?:: ?)?(.*)$/.exec(line);
    if (name === "data") this.data.push(value);
    else if (name === "event") this.event = value;
    else if (name === "id" && !value.includes("\0")) this.id = value;
  }

  whole() {
    const { event, data } = this;
    this.lastId = this.id;
    this.clear();
    if (data.length) this.hear(event || "message", data.join("\n"));
  }

  // What a broken connection left half said is not heard.
  broken() {
    this.rest = "";
    this.clear();
  }
}

// Follows for good: `heard(kind, event)`, `state("live" | "reconnecting" | "refused")`, `back()` after a gap.
export class Stream {
  constructor({ heard, state, back }) {
    this.state = state;
    this.back = back;
    this.parser = new Parser((kind, data) => heard(kind, JSON.parse(data)));
    this.run = 0;
    this.failures = 0;
    this.wasLive = false;
    this.wake = () => {};
    window.addEventListener("online", () => this.wake());
  }

  // Begins anew, with the key of now.
  start() {
    this.stop();
    this.failures = 0;
    this.parser.lastId = "";
    this.follow(this.run);
  }

  stop() {
    this.run += 1;
    this.connection?.abort();
    this.wake();
  }

  async follow(run) {
    while (run === this.run) {
      try {
        await this.listen(run);
      } catch (error) {
        if (run !== this.run || error.status === 401) return;
        if (error.status === 403 || error.status === 404) return this.state("refused");
      }
      if (run !== this.run) return;
      this.parser.broken();
      this.state("reconnecting");
      await this.pause();
    }
  }

  async listen(run) {
    this.connection = new AbortController();
    const headers = { Accept: "text/event-stream" };
    if (this.parser.lastId) headers["Last-Event-ID"] = this.parser.lastId;
    const answer = await ask("/api/tts/events", { headers, signal: this.connection.signal });
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    this.state("live");
    if (this.wasLive) this.back();
    this.wasLive = true;
    for (;;) {
      const silent = setTimeout(() => this.connection.abort(), SILENCE);
      const { done, value } = await reader.read().finally(() => clearTimeout(silent));
      if (done || run !== this.run) return;
      this.failures = 0;
      this.parser.take(value);
    }
  }

  pause() {
    const longest = Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** this.failures);
    this.failures += 1;
    return new Promise((done) => {
      const timer = setTimeout(done, longest * (0.5 + Math.random() / 2));
      this.wake = () => (clearTimeout(timer), done());
    });
  }
}
