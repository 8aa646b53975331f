// What can be done with a job: by the buttons of its row.

import { ask, call } from "./api.js";
import { $, acting, say, sure } from "./dom.js";
import { drawJobs, hear, jobOf, pathOf, toggleDetails } from "./jobs.js";
import { t } from "./language.js";
import { play } from "./player.js";

export const fetchAudio = async (job) => (await ask(`/api/tts/audio/${job.file_id}`)).blob();

const ACTIONS = {
  details: toggleDetails,
  play: (job) => play(job, () => fetchAudio(job)),
  download: async (job) => save(job, await fetchAudio(job)),
  delete: remove,
  cancel,
};

export const fileName = (job) => `${job.request_id.replace(/[^\p{L}\p{N}._-]+/gu, "-")}.${job.result.format}`;

function save(job, blob) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = fileName(job);
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000); // a browser may take its time to begin
}

async function remove(job) {
  const { request_id: id } = job;
  if (!(await sure(t("job.sure", { id }), t("job.delete")))) return;
  await call(`/api/tts/audio/${job.file_id}`, { method: "DELETE" });
  hear("deleted", { file_id: job.file_id, reason: "requested", deleted_at: new Date().toISOString() });
  say(t("job.deleted", { id }));
}

async function cancel(job) {
  const { request_id: id } = job;
  const answer = await call(pathOf(job), { method: "DELETE" });
  if (answer.job?.status === "cancelled") say(t("job.cancelled", { id }));
  else say(t("job.cancel.later", { id }));
  Object.assign(jobOf(job.file_id) ?? {}, answer.job);
  drawJobs();
}

export function startActions(changed) {
  $("rows").addEventListener("click", async (event) => {
    const button = event.target.closest("button[data-act]");
    const job = button && jobOf(button.dataset.file);
    if (!job) return;
    const { act } = button.dataset;
    await acting("jobs-problem", () => ACTIONS[act](job));
    if (act === "delete" || act === "cancel") changed();
  });
}
