// Counts, waiting speech, and the line of what is being made; the storage's numbers come with them.

import { call } from "./api.js";
import { $, el, facts, fill, reading } from "./dom.js";
import { megabytes, number, seconds, t } from "./language.js";
import { POINTS, Rate } from "./rate.js";

export const STATUSES = ["queued", "in_progress", "completed", "failed", "cancelled"];
const WIDTH = 240;
const HEIGHT = 48;

export const rate = new Rate();
let stats = null;

export async function readStats() {
  const found = await reading("storage-problem", () => call("/api/tts/storage/stats"));
  stats = found?.stats ?? stats;
  drawStats();
}

export function drawStats() {
  const tile = (name, value, status) =>
    el("div", { "data-status": status }, el("dt", { textContent: name }), el("dd", { textContent: value }));
  const unknown = "–";
  const tiles = STATUSES.map((status) => tile(t(status), stats ? number(stats.jobs[status] ?? 0) : unknown, status));
  for (const lane of ["interactive", "bulk"]) {
    tiles.push(tile(t(`wait.${lane}`), stats ? seconds(stats.queued_seconds[lane] ?? 0) : unknown, "lane"));
  }
  fill($("counts"), tiles);
  if (!stats) return;
  facts($("storage"), [
    [t("storage.active"), number(stats.active_files)],
    [t("storage.size"), megabytes(stats.total_size_mb)],
    [t("storage.expired"), number(stats.expired_files)],
    [t("storage.deleted"), number(stats.deleted_files)],
    [t("storage.audio"), seconds(stats.audio_seconds)],
    [t("storage.characters"), number(stats.characters)],
    ...(stats.storage_dir ? [[t("storage.dir"), stats.storage_dir]] : []),
  ]);
}

export function drawRate() {
  const points = rate.points();
  const most = Math.max(...points);
  const height = (value) => (HEIGHT - 2 - (most ? value / most : 0) * (HEIGHT - 6)).toFixed(1);
  const line = points.map((value, at) => `${((at * WIDTH) / (POINTS - 1)).toFixed(1)} ${height(value)}`).join("L");
  $("rate-line").querySelector(".line").setAttribute("d", `M${line}`);
  $("rate-line").querySelector(".area").setAttribute("d", `M0 ${HEIGHT}L${line}L${WIDTH} ${HEIGHT}Z`);
  const shown = { now: number(rate.current(), 1), most: number(most, 1) };
  $("rate-now").textContent = shown.now;
  $("rate-most").textContent = t("rate.most", shown);
  $("rate-line").setAttribute("aria-label", t("rate.said", shown));
}
