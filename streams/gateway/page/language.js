// English and Vietnamese: words, numbers, times.

import { EN } from "./words-en.js";
import { VI } from "./words-vi.js";

const WORDS = { en: EN, vi: VI };
const KEPT = "loa.language";
const listeners = [];
let language = "en";

export function onLanguage(listener) {
  listeners.push(listener);
}

export function startLanguage(picker) {
  const wished = [localStorage.getItem(KEPT), ...navigator.languages.map((tag) => tag.slice(0, 2))];
  language = wished.find((tag) => tag in WORDS) ?? "en";
  picker.value = language;
  picker.addEventListener("change", () => {
    language = picker.value;
    localStorage.setItem(KEPT, language);
    apply();
    for (const listener of listeners) listener();
  });
  apply();
}

function apply() {
  document.documentElement.lang = language;
  document.title = t("title");
  for (const place of document.querySelectorAll("[data-t]")) place.textContent = t(place.dataset.t);
  for (const place of document.querySelectorAll("[data-t-label]"))
    place.setAttribute("aria-label", t(place.dataset.tLabel));
}

// The words for a key; `n` picks the plural, and `{name}` stands for a value.
export function t(key, values = {}) {
  const found = WORDS[language][key] ?? key;
  const form =
    typeof found === "string" ? found : (found[new Intl.PluralRules(language).select(values.n)] ?? found.other);
  return form.replace(/\{(\w+)\}/g, (_, name) =>
    typeof values[name] === "number" ? number(values[name]) : String(values[name]),
  );
}

export const has = (key) => key in WORDS[language];

export function number(value, digits = 0) {
  return new Intl.NumberFormat(language, { maximumFractionDigits: digits }).format(value);
}

const unit = (value, name, digits = 0) =>
  new Intl.NumberFormat(language, {
    style: "unit",
    unit: name,
    unitDisplay: "short",
    maximumFractionDigits: digits,
  }).format(value);

// A length of time, in seconds, in its two greatest units.
export function seconds(value) {
  if (value < 60) return unit(value, "second", value < 10 ? 1 : 0);
  const minutes = Math.round(value / 60);
  if (minutes < 60) return unit(minutes, "minute");
  const hours = Math.floor(minutes / 60);
  if (hours >= 48) return unit(Math.round(hours / 24), "day");
  return minutes % 60 ? `${unit(hours, "hour")} ${unit(minutes % 60, "minute")}` : unit(hours, "hour");
}

// 1:05, as players say it.
export function clock(value) {
  const whole = Math.floor(value);
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const pair = (part) => String(part).padStart(2, "0");
  return hours ? `${hours}:${pair(minutes)}:${pair(rest)}` : `${minutes}:${pair(rest)}`;
}

export function megabytes(value) {
  return value < 1000 ? unit(value, "megabyte", value < 10 ? 2 : 0) : unit(value / 1024, "gigabyte", 1);
}

export const kilobytes = (bytes) =>
  bytes < 1_000_000 ? unit(Math.ceil(bytes / 1024), "kilobyte") : megabytes(bytes / 2 ** 20);

const STEPS = [
  ["day", 86_400],
  ["hour", 3600],
  ["minute", 60],
  ["second", 1],
];

// "5 minutes ago", "in 23 hours".
export function away(instant) {
  const distance = (new Date(instant) - Date.now()) / 1000;
  const [name, size] = STEPS.find(([, step]) => Math.abs(distance) >= step) ?? STEPS.at(-1);
  const count = Math.trunc(distance / size);
  if (Math.abs(distance) < 5) return t("now");
  return new Intl.RelativeTimeFormat(language, { numeric: "always", style: "short" }).format(count, name);
}

export const moment = (instant) =>
  new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "medium" }).format(new Date(instant));

// "Vietnamese" for "vi"; the tag itself where it has no name.
export function languageName(tag) {
  try {
    return new Intl.DisplayNames(language, { type: "language" }).of(tag);
  } catch {
    return tag;
  }
}
