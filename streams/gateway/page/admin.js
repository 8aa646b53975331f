// What only a key with the scope admin may see: workers, and whether there is such a key.

import { call } from "./api.js";
import { $, el, facts, fill, reading } from "./dom.js";
import { number, t } from "./language.js";

const LANES = ["requests", "requests.bulk", "requests.retry", "cleanup"];
let allowed = true;
let found = null;

export function allow(yes) {
  allowed = yes;
  for (const place of document.querySelectorAll("[data-admin]")) place.hidden = !yes;
  $("no-admin").hidden = yes;
}

// As `call`; the answer 403 hides all of it, and nothing is asked again until there is another key: null.
export async function adminCall(path, options) {
  if (!allowed) return null;
  try {
    return await call(path, options);
  } catch (error) {
    if (error.status !== 403) throw error;
    allow(false);
    return null;
  }
}

export async function readWorkers() {
  found = (await reading("workers-problem", () => adminCall("/api/tts/workers"))) ?? found;
  drawWorkers();
}

export function drawWorkers() {
  if (!found) return;
  fill($("workers"), found.workers.map(worker));
  $("workers-none").hidden = found.workers.length > 0;
  facts(
    $("lag"),
    LANES.filter((lane) => lane in found.lag).map((lane) => [t(`lag.${lane}`), number(found.lag[lane])]),
  );
}

function worker({ worker: name, host, partitions }) {
  const n = Object.values(partitions).flat().length;
  return el(
    "li",
    {},
    el("strong", { textContent: name }),
    el("span", { textContent: `${host} · ${t("workers.partitions", { n })}` }),
  );
}
