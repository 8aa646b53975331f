// How often things are read again.

// A function that has `read` run soon: never twice at once, and at most once in `pause` ms, however often it is asked.
export function seldom(read, pause) {
  let timer = null;
  let running = false;
  let again = false;
  let last = -Infinity;
  async function run() {
    timer = null;
    if (running) return (again = true);
    running = true;
    last = performance.now();
    try {
      await read();
    } finally {
      running = false;
      if (again) ((again = false), soon());
    }
  }
  function soon() {
    timer ??= setTimeout(run, Math.max(0, last + pause - performance.now()));
  }
  return soon;
}

// Has `soon` asked every `period` ms while the page can be seen, and when it is seen again.
export function regularly(soon, period) {
  setInterval(() => document.hidden || soon(), period);
  document.addEventListener("visibilitychange", () => document.hidden || soon());
}
