// Calls of the gateway. The API key, where one is needed, is kept for this tab alone.

const KEPT = "loa.key";

export class Refused extends Error {
  constructor(status, code, message) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

const listeners = [];
let locked = false;

export const key = () => sessionStorage.getItem(KEPT);
export const isLocked = () => locked;

// Told of `locked` (true: a key is needed) and of whether a key was refused.
export function onLock(listener) {
  listeners.push(listener);
}

export function setKey(value) {
  sessionStorage.setItem(KEPT, value);
  locked = false;
  for (const listener of listeners) listener(false, false);
}

function lock(tried) {
  if (locked || tried !== key()) return; // another key has been given since
  locked = true;
  for (const listener of listeners) listener(true, tried !== null);
}

// Answers a Response; throws Refused. Nothing is asked while a key is needed.
export async function ask(path, { method = "GET", headers = {}, body, signal } = {}) {
  const used = key();
  if (locked) throw new Refused(401, "unauthorized", "");
  const sent = { ...headers };
  if (used) sent.Authorization = `Bearer ${used}`;
  if (body !== undefined) sent["Content-Type"] = "application/json";
  const answer = await reach(path, {
    method,
    headers: sent,
    signal,
    body: body === undefined ? undefined : JSON.stringify(body),
    cache: "no-store",
  });
  if (answer.ok) return answer;
  if (answer.status === 401) lock(used);
  const { error } = await answer.json().catch(() => ({}));
  throw new Refused(answer.status, error?.code ?? "", error?.message ?? `${answer.status} ${answer.statusText}`);
}

async function reach(path, options) {
  try {
    return await fetch(path, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refused(0, "unreachable", "");
  }
}

export async function call(path, options) {
  return (await ask(path, options)).json();
}
