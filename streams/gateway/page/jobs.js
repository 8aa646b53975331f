// The list of jobs: read in pages, kept up to date by events, and read again since the index may lag behind them.

import { call } from "./api.js";
import { $, el, fill, reading, say } from "./dom.js";
import { detailsOf, rowOf } from "./job-row.js";
import { has, t } from "./language.js";
import { STATUSES } from "./overview.js";

const PAGE = 50;
const TRUSTED = 5000; // ms for which what an event said counts more than an index that has not heard of it yet
const RANK = { queued: 0, in_progress: 1, completed: 2, failed: 2, cancelled: 2 };

let jobs = [];
let cursor = null;
let extended = false; // more than the first page has been asked for
let filter = "";
let asking = 0; // number of the filter's choice: an answer to an older one is not shown
const heard = new Map(); // file id → { until, status, deleted }: what events said
const texts = new Map(); // file id → text, of what was sent from here
const open = new Map(); // file id → the job as asked for by itself, while its details are shown

function path(from) {
  const asked = { limit: PAGE };
  if (filter) asked.status = filter;
  if (from) asked.cursor = from;
  return `/api/tts/jobs?${new URLSearchParams(asked)}`;
}

export function pathOf({ request_id: id, tenant }) {
  const of = tenant && tenant !== "default" ? `?${new URLSearchParams({ tenant })}` : "";
  return `/api/tts/jobs/${encodeURIComponent(id)}${of}`;
}

// Returns whether the index has what events said.
export async function readJobs() {
  const asked = asking;
  const page = await reading("jobs-problem", () => call(path()));
  if (!page || asked !== asking) return true;
  const behind = page.jobs.some(isBehind) || missing(page.jobs).length > 0;
  merge(page.jobs, page.next_cursor);
  drawJobs();
  await Promise.all([...open.keys()].map(readDetails));
  return !behind;
}

function merge(page, next) {
  const there = new Set(page.map((job) => job.file_id));
  const oldest = page.at(-1)?.created_at ?? "";
  const older = next ? jobs.filter((job) => !there.has(job.file_id) && job.created_at < oldest) : [];
  jobs = [...missing(page), ...page.map(newest), ...older];
  if (!extended || !next) cursor = next;
}

// Sent from here, and not yet in the index.
function missing(page) {
  const there = new Set(page.map((job) => job.file_id));
  return jobs.filter((job) => job.sent > performance.now() - TRUSTED && !there.has(job.file_id) && fits(job));
}

const fits = (job) => !filter || job.status === filter;

function isBehind(job) {
  const said = heard.get(job.file_id);
  if (!said) return false;
  if (said.until < performance.now()) return !heard.delete(job.file_id);
  return RANK[job.status] < RANK[said.status] || (said.deleted && !job.result?.deleted_at);
}

function newest(job) {
  if (isBehind(job)) return jobs.find((known) => known.file_id === job.file_id) ?? job;
  return job;
}

export async function readMore() {
  const asked = asking;
  const page = await call(path(cursor));
  if (asked !== asking) return;
  const there = new Set(jobs.map((job) => job.file_id));
  jobs.push(...page.jobs.filter((job) => !there.has(job.file_id)));
  cursor = page.next_cursor;
  extended = true;
  drawJobs();
}

// What an event tells of a job that is shown. Returns whether the list has to be read again.
export function hear(kind, event) {
  const job = jobs.find((known) => known.file_id === event.file_id);
  if (!job) return true;
  const said = heard.get(job.file_id) ?? { status: job.status };
  heard.set(job.file_id, { ...said, until: performance.now() + TRUSTED });
  const before = job.status;
  TELLS[kind]?.(job, event, heard.get(job.file_id));
  drawNext();
  if (texts.has(job.file_id) && job.status !== before && has(`job.${job.status}`))
    say(t(`job.${job.status}`, { id: job.request_id }));
  return kind !== "progress";
}

const TELLS = {
  progress(job, event, said) {
    if (job.status === "completed") return; // told again
    said.status = job.status = "in_progress";
    Object.assign(job, { chunk: event.chunk ?? 0, chunks: event.chunks, worker: event.worker, error: null });
    job.progress = (event.chunk ?? 0) / event.chunks;
  },
  completed(job, event, said) {
    Object.assign(said, { status: "completed", deleted: false });
    job.status = "completed";
    const { format, duration_seconds, sample_rate, file_size, expires_at, voice, model, language } = event;
    Object.assign(job, { voice, model, language, error: null });
    job.result = {
      audio_url: `/api/tts/audio/${event.file_id}`,
      format,
      duration_seconds,
      sample_rate,
      file_size,
      expires_at,
      deleted_at: null,
    };
  },
  failed(job, event, said) {
    if (event.code === "request_conflict") return; // of another content under this id
    said.status = job.status = event.code === "cancelled" ? "cancelled" : "failed";
    job.error = { code: event.code, message: event.message, retryable: event.retryable };
  },
  deleted(job, event, said) {
    said.deleted = true;
    if (job.result) Object.assign(job.result, { deleted_at: event.deleted_at, delete_reason: event.reason });
  },
};

// A request that has just been sent from here.
export function add(job, text) {
  texts.set(job.file_id, text);
  if (filter && filter !== "queued") choose("");
  jobs = [
    { ...job, sent: performance.now(), created_at: new Date().toISOString(), characters: [...text].length },
    ...jobs,
  ];
  drawJobs();
}

// With the next frame: there may be many events before it.
let drawing = null;
function drawNext() {
  drawing ??= requestAnimationFrame(() => {
    drawing = null;
    drawJobs();
  });
}

// Nothing moves under a press that has begun: it would be a click on another row, or on none.
let pressed = false;
export function startJobs() {
  $("rows").addEventListener("pointerdown", () => (pressed = true));
  const released = () => {
    if (pressed) drawNext();
    pressed = false;
  };
  for (const end of ["pointerup", "pointercancel", "blur"]) addEventListener(end, released);
}

export function drawJobs() {
  if (pressed) return;
  const body = $("rows");
  const rows = new Map([...body.children].map((row) => [row.id, row]));
  const wanted = [];
  for (const job of jobs.filter(fits)) {
    const row = rows.get(`job-${job.file_id}`) ?? el("tr", { id: `job-${job.file_id}`, role: "row" });
    row.dataset.status = job.status;
    fill(row, rowOf(job, texts.get(job.file_id), open.has(job.file_id)));
    wanted.push(row);
    if (!open.has(job.file_id)) continue;
    const details =
      rows.get(`details-${job.file_id}`) ??
      el("tr", { id: `details-${job.file_id}`, role: "row", className: "details" });
    fill(
      details,
      detailsOf({
        ...open.get(job.file_id),
        ...job,
        queue: job.status === "queued" ? open.get(job.file_id)?.queue : null,
      }),
    );
    wanted.push(details);
  }
  arrange(body, wanted);
  $("jobs-none").hidden = wanted.length > 0;
  $("more").hidden = cursor === null;
}

// Rows that stay are not taken out: what has the focus keeps it.
function arrange(body, wanted) {
  for (const row of [...body.children]) if (!wanted.includes(row)) row.remove();
  wanted.forEach((row, at) => {
    if (body.children[at] !== row) body.insertBefore(row, body.children[at] ?? null);
  });
}

export const jobOf = (fileId) => jobs.find((job) => job.file_id === fileId);

export async function toggleDetails(job) {
  if (open.delete(job.file_id)) return drawJobs();
  open.set(job.file_id, job);
  drawJobs();
  await readDetails(job.file_id);
}

async function readDetails(fileId) {
  const job = jobOf(fileId);
  if (!job) return open.delete(fileId);
  try {
    const answer = await call(pathOf(job));
    if (open.has(fileId)) open.set(fileId, answer.job);
    drawJobs();
  } catch (error) {
    if (error.status === undefined) throw error;
  }
}

function choose(status) {
  filter = status;
  asking += 1;
  [jobs, cursor, extended] = [[], null, false];
  heard.clear();
  drawFilters();
}

// With another key there may be other jobs.
export const forgetJobs = () => choose(filter);

export function drawFilters() {
  fill(
    $("filters"),
    ["", ...STATUSES].map((status) =>
      el("button", {
        type: "button",
        "data-act": status || "all",
        "aria-pressed": String(filter === status),
        textContent: status ? t(status) : t("jobs.all"),
        onclick: () => {
          choose(status);
          readJobs();
        },
      }),
    ),
  );
}
