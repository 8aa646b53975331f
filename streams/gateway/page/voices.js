// The voices: a list to look through, and the choice in the form.

import { call } from "./api.js";
import { $, el, fill, say } from "./dom.js";
import { languageName, number, t } from "./language.js";

let voices = [];

export async function readVoices() {
  try {
    voices = (await call("/v1/audio/voices")).data;
  } catch (error) {
    if (error.status === undefined) throw error;
    voices = []; // "by language" remains
  }
  drawVoices();
}

export function drawVoices() {
  const picked = $("voice").value;
  const groups = new Map();
  for (const voice of voices) groups.set(voice.model, [...(groups.get(voice.model) ?? []), voice]);
  fill($("voice"), [
    el("option", { value: "", textContent: t("speak.auto") }),
    ...[...groups].map(([model, own]) =>
      el(
        "optgroup",
        { label: model },
        ...own.map((voice) => el("option", { value: voice.id, textContent: title(voice) })),
      ),
    ),
  ]);
  $("voice").value = voices.some((voice) => voice.id === picked) ? picked : "";
  $("voices-count").textContent = number(voices.length);
  drawFound();
}

const languages = (voice) => voice.languages.map(languageName).join(", ");
const title = (voice) =>
  voice.languages.length && voice.languages.length < 4 ? `${voice.name} · ${languages(voice)}` : voice.name;

function drawFound() {
  const words = $("voices-find").value.toLowerCase().split(/\s+/);
  const fits = (voice) => {
    const text = `${voice.id} ${voice.languages.join(" ")} ${languages(voice)}`.toLowerCase();
    return words.every((word) => text.includes(word));
  };
  fill(
    $("voices"),
    voices.filter(fits).map((voice) =>
      el(
        "li",
        {},
        el("button", {
          type: "button",
          className: "quiet id",
          textContent: voice.id,
          "data-act": voice.id,
          "aria-label": t("voices.use", { id: voice.id }),
          onclick: () => use(voice.id),
        }),
        el("span", { textContent: languages(voice) }),
      ),
    ),
  );
}

function use(id) {
  $("voice").value = id;
  $("text").focus();
  say(t("voices.used", { id }));
}

export function startVoices() {
  $("voices-find").addEventListener("input", drawFound);
}
