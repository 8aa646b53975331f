// How one job looks.

import { el } from "./dom.js";
import { away, clock, kilobytes, languageName, moment, number, seconds, t } from "./language.js";

// More than the lines that are shown: all of a long text would be laid out anew with every event.
const LETTERS = 400;

const cell = (className, ...children) => el("td", { role: "cell", className }, ...children);

export function rowOf(job, text, open) {
  return [
    cell(
      "status",
      el("span", { className: "pill", "data-status": job.status, textContent: t(job.status) }),
      progress(job),
    ),
    cell(
      "request",
      request(job, open),
      job.tenant && job.tenant !== "default" && el("small", { textContent: job.tenant }),
      text && el("q", { textContent: text.slice(0, LETTERS) }),
      error(job),
    ),
    cell(
      "voice",
      el("span", { textContent: job.voice ?? "" }),
      job.language && el("small", { textContent: languageName(job.language) }),
    ),
    cell("length number", ...length(job)),
    cell(
      "created",
      el("time", { dateTime: job.created_at, title: moment(job.created_at), textContent: away(job.created_at) }),
      life(job),
    ),
    cell("actions", ...actions(job)),
  ];
}

function progress(job) {
  if (job.status !== "in_progress") return null;
  const said = job.chunks ? t("job.chunks", { chunk: job.chunk ?? 0, chunks: job.chunks }) : "";
  return el(
    "span",
    { className: "progress" },
    el("progress", { max: 1, value: job.progress ?? 0, "aria-label": t("in_progress") }),
    el("small", { textContent: said }),
  );
}

function request(job, open) {
  return el("button", {
    type: "button",
    className: "quiet id",
    "data-act": "details",
    "data-file": job.file_id,
    "aria-expanded": String(open),
    title: t("job.details"),
    textContent: job.request_id,
  });
}

function error(job) {
  if (!job.error || !["failed", "cancelled"].includes(job.status)) return null;
  const again = job.error.retryable ? ` (${t("job.again")})` : "";
  return el(
    "p",
    { className: job.status === "failed" ? "problem" : "note" },
    el("code", { textContent: job.error.code }),
    ` ${job.error.message ?? ""}${again}`,
  );
}

function length(job) {
  const shown = job.result ? seconds(job.result.duration_seconds) : "";
  return [el("span", { textContent: shown }), job.result && el("small", { textContent: job.result.format })];
}

function life(job) {
  if (!job.result) return null;
  const { deleted_at: gone, delete_reason: why, expires_at: end } = job.result;
  if (gone)
    return el("small", { textContent: t(why === "expired" ? "job.gone.expired" : "job.gone", { when: away(gone) }) });
  return end && el("small", { title: moment(end), textContent: t("job.expires", { when: away(end) }) });
}

function actions(job) {
  const action = (name, label = t(`job.${name}`), disabled = false) =>
    el("button", {
      type: "button",
      "data-act": name,
      "data-file": job.file_id,
      textContent: label,
      disabled,
      "aria-label": t("job.named", { action: label, id: job.request_id }),
    });
  if (["queued", "in_progress"].includes(job.status)) {
    return [job.cancel_requested_at ? action("cancel", t("job.cancelling"), true) : action("cancel")];
  }
  if (!job.result || job.result.deleted_at) return [];
  return [job.result.format !== "pcm" && action("play"), action("download"), action("delete")];
}

export function detailsOf(job) {
  const when = (name) => job[name] && [t(`fact.${name}`), moment(job[name])];
  const plain = (name, value = job[name]) =>
    value !== null && value !== undefined && value !== "" && [t(`fact.${name}`), String(value)];
  const file = job.result;
  const pairs = [
    job.queue && [t("fact.queue"), queue(job.queue)],
    job.error && [t("fact.error"), `${job.error.code}: ${job.error.message ?? ""}`],
    plain("file_id"),
    plain("tenant"),
    plain("priority", job.priority && t(job.priority)),
    plain("model"),
    plain("language", job.language && languageName(job.language)),
    plain("characters", job.characters && number(job.characters)),
    plain("attempts", job.attempts && number(job.attempts)),
    when("created_at"),
    when("started_at"),
    when("finished_at"),
    !file && plain("estimated", job.estimated_seconds && seconds(job.estimated_seconds)),
    file && [
      t("fact.file"),
      `${file.format}, ${number(file.sample_rate)} Hz, ${clock(file.duration_seconds)}, ${kilobytes(file.file_size)}`,
    ],
    file && [t("fact.expires_at"), moment(file.expires_at)],
    plain("pool"),
    plain("worker"),
    plain("source"),
    plain("metadata", job.metadata && JSON.stringify(job.metadata)),
  ];
  const list = el(
    "dl",
    { className: "facts" },
    ...pairs
      .filter(Boolean)
      .map(([name, value]) => el("div", {}, el("dt", { textContent: name }), el("dd", { textContent: value }))),
  );
  return [el("td", { role: "cell", colSpan: 6 }, list)];
}

function queue({ position, seconds_ahead: ahead, wait_seconds: wait }) {
  const values = { position, ahead: seconds(ahead ?? 0), wait: seconds(wait ?? 0) };
  return t(wait === null || wait === undefined ? "queue.place" : "queue.wait", values);
}
