// Elements. Texts are only ever set as text: nothing that a user wrote is read as HTML.

import { Refused } from "./api.js";
import { t } from "./language.js";

export const $ = (id) => document.getElementById(id);

export function el(name, properties = {}, ...children) {
  const made = document.createElement(name);
  for (const [property, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (property.startsWith("on")) made.addEventListener(property.slice(2), value);
    else if (property in made && !property.startsWith("aria")) made[property] = value;
    else made.setAttribute(property, value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined && child !== false));
  return made;
}

// New children, only where they differ: what stays is not taken out, so that it keeps the focus.
export function fill(parent, children) {
  const held = parent.contains(document.activeElement) ? document.activeElement.dataset.act : null;
  const made = document.createElement(parent.localName);
  made.append(...children);
  const old = [...parent.childNodes];
  const next = [...made.childNodes];
  next.forEach((child, at) => {
    if (at >= old.length) parent.append(child);
    else if (!old[at].isEqualNode(child)) old[at].replaceWith(child);
  });
  old.slice(next.length).forEach((child) => child.remove());
  if (held && !parent.contains(document.activeElement)) refocus(parent, held);
}

function refocus(parent, act) {
  const found = parent.querySelector(`[data-act="${CSS.escape(act)}"]`) ?? parent.querySelector("button, a, input");
  found?.focus();
}

export function facts(list, pairs) {
  fill(
    list,
    pairs.map(([name, value]) => el("div", {}, el("dt", { textContent: name }), el("dd", { textContent: value }))),
  );
}

// For screen readers, and for eyes.
let quiet = null;
export function say(text) {
  $("said").textContent = text;
  clearTimeout(quiet);
  quiet = setTimeout(() => ($("said").textContent = ""), 6000);
}

// Says what went wrong, or no longer does. What an action said is not taken away because a list could be read.
export function problem(id, error, by = "reading") {
  const place = $(id);
  if (!error && place.dataset.by !== by) return;
  place.dataset.by = by;
  const text = error ? reason(error) : "";
  if (place.textContent !== text) place.textContent = text;
}

export function reason(error) {
  if (!(error instanceof Refused)) throw error;
  if (error.status === 0) return t("problem.unreachable");
  if (error.status === 401) return "";
  if (error.status === 403) return t("problem.forbidden", { message: error.message });
  return error.message;
}

// What is read, or null where that went wrong, which is said at `place`.
export async function reading(place, read) {
  try {
    const found = await read();
    problem(place, null);
    return found;
  } catch (error) {
    problem(place, error);
    return null;
  }
}

// Runs what a person wants; what goes wrong is said at `place`.
export async function acting(place, action) {
  problem(place, null, "acting");
  try {
    await action();
  } catch (error) {
    problem(place, error, "acting");
  }
}

// As `acting`, for a button that cannot be pressed twice meanwhile.
export async function doing(button, place, action) {
  const held = document.activeElement === button;
  button.disabled = true;
  await acting(place, action);
  button.disabled = false;
  if (held && document.activeElement === document.body) button.focus();
}

export function sure(question, yes) {
  const dialog = $("sure");
  $("sure-text").textContent = question;
  $("sure-yes").textContent = yes;
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((done) =>
    dialog.addEventListener("close", () => done(dialog.returnValue === "yes"), { once: true }),
  );
}
