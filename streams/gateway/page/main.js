// The operator's page: puts its parts together.

import { startActions } from "./actions.js";
import { allow, drawWorkers, readWorkers } from "./admin.js";
import { isLocked } from "./api.js";
import { $, doing } from "./dom.js";
import { Stream } from "./events.js";
import { drawFilters, drawJobs, forgetJobs, hear, readJobs, readMore, startJobs } from "./jobs.js";
import { onLanguage, startLanguage, t } from "./language.js";
import { drawLetters, isLetter, readLetters, startLetters } from "./letters.js";
import { drawKey, startLocks } from "./locks.js";
import { startLook } from "./look.js";
import { regularly, seldom } from "./often.js";
import { drawRate, drawStats, rate, readStats } from "./overview.js";
import { startPlayer } from "./player.js";
import { startSpeak } from "./speak.js";
import { startStorage } from "./storage.js";
import { drawVoices, readVoices, startVoices } from "./voices.js";

const jobsSoon = seldom(async () => (await readJobs()) || jobsSoon(), 1000);
const statsSoon = seldom(readStats, 1000);
const lettersSoon = seldom(readLetters, 5000);
const workersSoon = seldom(readWorkers, 2000);
const voicesSoon = seldom(readVoices, 1000);
const everything = () => [jobsSoon, statsSoon, lettersSoon, workersSoon, voicesSoon].forEach((soon) => soon());
const numbers = () => (jobsSoon(), statsSoon(), lettersSoon());

let connection = "connecting";
function drawConnection(state = connection) {
  connection = isLocked() ? "locked" : state;
  $("connection").dataset.state = connection;
  $("connection").textContent = t(`connection.${connection}`);
}

function heard(kind, event) {
  rate.hear(kind, event);
  if (hear(kind, event)) (jobsSoon(), statsSoon());
  if (kind === "failed" || (kind === "completed" && isLetter(event.file_id))) lettersSoon();
}

function draw() {
  for (const part of [
    drawConnection,
    drawFilters,
    drawJobs,
    drawStats,
    drawRate,
    drawLetters,
    drawWorkers,
    drawVoices,
    drawKey,
  ])
    part();
}

startLanguage($("language"));
startLook($("look"));
startPlayer();
startVoices();
startLetters(numbers);
startStorage(numbers);
startJobs();
startActions(numbers);
startSpeak(numbers);
const stream = new Stream({ heard, state: drawConnection, back: everything });
startLocks(
  () => {
    allow(true);
    forgetJobs();
    drawConnection("connecting");
    stream.start();
    everything();
  },
  () => (stream.stop(), drawConnection()),
);
$("more").addEventListener("click", () => doing($("more"), "jobs-problem", readMore));
onLanguage(draw);
draw();
regularly(drawRate, 1000);
regularly(drawLetters, 10_000);
regularly(jobsSoon, 5000);
regularly(statsSoon, 5000);
regularly(workersSoon, 10_000);
stream.start();
everything();
