// Dead letters, and the way back.

import { adminCall } from "./admin.js";
import { $, doing, el, fill, reading, say } from "./dom.js";
import { away, moment, t } from "./language.js";

const LIMIT = 100;
let found = null;
const chosen = new Set(); // places on the log

export async function readLetters() {
  found = (await reading("letters-problem", () => adminCall(`/api/tts/dlq?limit=${LIMIT}`))) ?? found;
  const there = new Set(found?.letters.map((letter) => letter.dlq_place));
  for (const place of chosen) if (!there.has(place)) chosen.delete(place);
  drawLetters();
}

export function drawLetters() {
  const letters = found?.letters ?? [];
  fill($("letters"), letters.map(line));
  $("letters-none").hidden = !found || letters.length > 0;
  $("letters-all").closest("label").hidden = letters.length < 2;
  $("letters-left").hidden = !found || found.total <= letters.length;
  $("letters-left").textContent = t("letters.left", { n: letters.length, total: found?.total ?? 0 });
  count();
}

function count() {
  const n = chosen.size;
  for (const box of $("letters").querySelectorAll("input")) box.checked = chosen.has(box.dataset.act);
  $("redrive").textContent = n ? t("letters.redrive.n", { n }) : t("letters.redrive");
  $("redrive").disabled = n === 0;
  $("letters-all").checked = n > 0 && n === found.letters.length;
  $("letters-all").indeterminate = n > 0 && n < found.letters.length;
}

function line(letter) {
  const place = letter.dlq_place;
  const name = letter.request_id;
  const box = el("input", { type: "checkbox", "data-act": place, "aria-label": t("letters.one", { id: name }) });
  box.addEventListener("change", () => {
    if (box.checked) chosen.add(place);
    else chosen.delete(place);
    count();
  });
  const about = [letter.code, t("letters.tries", { n: letter.attempt }), away(letter.time)].join(" · ");
  return el(
    "li",
    { "data-place": place },
    el("label", { className: "check" }, box, el("span", { className: "id", textContent: name })),
    el("q", { textContent: preview(letter) }),
    el("p", { className: "problem", textContent: letter.message }),
    el("p", { className: "note", textContent: about, title: moment(letter.time) }),
  );
}

// The text, of a record that is whole enough to tell it.
function preview({ preview: record }) {
  try {
    return String(JSON.parse(record).text);
  } catch {
    return record;
  }
}

// Whether a dead letter is about this file.
export const isLetter = (fileId) => found?.letters.some((letter) => letter.file_id === fileId) ?? false;

export function startLetters(changed) {
  $("letters-all").addEventListener("change", () => {
    chosen.clear();
    if ($("letters-all").checked) for (const letter of found.letters) chosen.add(letter.dlq_place);
    count();
  });
  $("redrive").addEventListener("click", async () => {
    await doing($("redrive"), "letters-problem", async () => {
      const answer = await adminCall("/api/tts/dlq/redrive", { method: "POST", body: { requests: [...chosen] } });
      if (!answer) return;
      chosen.clear();
      say(t("letters.redriven", { n: answer.redriven.length }));
      changed();
    });
    count();
  });
}
