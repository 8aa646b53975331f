// One player for all: what it has, where it is, and a picture of it.

import { $ } from "./dom.js";
import { clock, onLanguage, t } from "./language.js";
import { Wave } from "./wave.js";

const PLAY = "M4 2.5v11l9-5.5z";
const PAUSE = "M4 2.5h3v11H4zM9 2.5h3v11H9z";
const STEP = 0.05; // of the length, for an arrow key

let wave = null;
let loading = 0;
let url = null;
const audio = () => $("audio");

// `load` answers the audio as a Blob. Throws Refused.
export async function play(job, load) {
  loading += 1;
  const turn = loading;
  $("player").hidden = false;
  document.body.classList.add("playing");
  audio().pause();
  $("player-name").textContent = job.request_id;
  $("player-time").textContent = t("player.loading");
  wave.clear();
  let blob;
  try {
    blob = await load();
  } catch (error) {
    if (turn === loading) close();
    throw error;
  }
  if (turn !== loading) return;
  if (url) URL.revokeObjectURL(url);
  url = URL.createObjectURL(blob);
  audio().src = url;
  Object.assign($("player-save"), { href: url, download: `${job.request_id}.${job.result.format}` });
  audio()
    .play()
    .catch(() => {}); // a browser may want a press of the button; what is broken is told by its error event
  wave.show(blob, job.result.duration_seconds);
}

function close() {
  loading += 1;
  audio().pause();
  $("player").hidden = true;
  document.body.classList.remove("playing");
}

const length = () => (Number.isFinite(audio().duration) ? audio().duration : 0);

function seek(part) {
  if (length()) audio().currentTime = Math.min(1, Math.max(0, part)) * length();
  draw();
}

function draw() {
  const at = audio().currentTime;
  const times = { at: clock(at), length: clock(length()) };
  const slider = $("player-wave");
  wave.at(length() ? at / length() : 0);
  $("player-time").textContent = `${times.at} / ${times.length}`;
  slider.setAttribute("aria-valuemax", length().toFixed(1));
  slider.setAttribute("aria-valuenow", at.toFixed(1));
  slider.setAttribute("aria-valuetext", t("player.of", times));
}

function drawButton() {
  const { paused } = audio();
  $("player-toggle").setAttribute("aria-label", t(paused ? "player.play" : "player.pause"));
  $("player-toggle")
    .querySelector("path")
    .setAttribute("d", paused ? PLAY : PAUSE);
}

// The position moves smoothly, or four times a second where motion is unwelcome.
function moving() {
  draw();
  if (!audio().paused && !matchMedia("(prefers-reduced-motion: reduce)").matches) requestAnimationFrame(moving);
}

const KEYS = {
  ArrowRight: STEP,
  ArrowUp: STEP,
  ArrowLeft: -STEP,
  ArrowDown: -STEP,
  PageUp: 4 * STEP,
  PageDown: -4 * STEP,
};

function pressed(event) {
  const part = length() ? audio().currentTime / length() : 0;
  if (event.key in KEYS) seek(part + KEYS[event.key]);
  else if (event.key === "Home") seek(0);
  else if (event.key === "End") seek(1);
  else if (event.key === " ") toggle();
  else return;
  event.preventDefault();
}

const toggle = () =>
  audio().paused
    ? audio()
        .play()
        .catch(() => {})
    : audio().pause();

export function startPlayer() {
  wave = new Wave($("player-wave"));
  for (const event of ["play", "pause", "ended"]) audio().addEventListener(event, drawButton);
  for (const event of ["timeupdate", "loadedmetadata", "seeked"]) audio().addEventListener(event, draw);
  audio().addEventListener("playing", moving);
  audio().addEventListener("error", () => ($("player-time").textContent = t("player.broken")));
  $("player-toggle").addEventListener("click", toggle);
  $("player-close").addEventListener("click", close);
  $("player-wave").addEventListener("click", (event) => {
    const { left, width } = event.currentTarget.getBoundingClientRect();
    seek((event.clientX - left) / width);
  });
  $("player-wave").addEventListener("keydown", pressed);
  onLanguage(() => (drawButton(), length() && draw()));
  drawButton();
}
