// The form: a text becomes a request, and its job is in the list at once.

import { call, Refused } from "./api.js";
import { $, doing, say } from "./dom.js";
import { t } from "./language.js";
import { add } from "./jobs.js";

function wanted(form) {
  const fields = Object.fromEntries(new FormData(form));
  const request = {
    ...fields,
    speed: Number(fields.speed),
    expiry_hours: Number(fields.expiry_hours),
    return_audio: false,
  };
  if (!request.voice) delete request.voice;
  return request;
}

function mistake(form) {
  if (!form.elements.text.value.trim()) return ["text", t("speak.empty")];
  for (const name of ["speed", "expiry_hours"])
    if (!form.elements[name].checkValidity()) return [name, t("speak.number")];
  return null;
}

async function send(form) {
  const wrong = mistake(form);
  if (wrong) {
    form.elements[wrong[0]].focus();
    throw new Refused(400, "invalid_request", wrong[1]);
  }
  const request = wanted(form);
  const { job } = await call("/api/tts/synthesize", {
    method: "POST",
    body: request,
    headers: { Prefer: "respond-async" },
  });
  add({ ...job, voice: request.voice ?? "", priority: request.priority }, request.text);
  form.elements.text.value = "";
  form.elements.text.focus();
  say(t("speak.sent", { id: job.request_id }));
}

export function startSpeak(changed) {
  const form = $("speak");
  const submit = form.querySelector("[type=submit]");
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    doing(submit, "speak-problem", () => send(form).then(changed));
  });
  form.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && !submit.disabled) form.requestSubmit(submit);
  });
}
