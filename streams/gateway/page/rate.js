// Speech made, as the events of this page's time tell it.

export const STEP = 4; // seconds that a point stands for
export const POINTS = 60;
const REMEMBERED = 2000;

export class Rate {
  constructor(now = () => performance.now() / 1000) {
    this.now = now;
    this.began = Math.floor(now() / STEP);
    this.steps = new Map();
    this.made = new Map(); // file id → seconds of it that have been counted
  }

  hear(kind, event) {
    if (kind === "progress" && event.seconds !== undefined) this.reached(event.file_id, event.seconds, event.chunk > 1);
    else if (kind === "completed" && !event.cached) this.reached(event.file_id, event.duration_seconds, false);
  }

  // What was there before it was first heard of does not count as made now.
  reached(file, seconds, midway) {
    const before = this.made.get(file) ?? (midway ? seconds : 0);
    this.made.delete(file);
    this.made.set(file, Math.max(before, seconds));
    if (this.made.size > REMEMBERED) this.made.delete(this.made.keys().next().value);
    const step = Math.floor(this.now() / STEP);
    this.steps.set(step, (this.steps.get(step) ?? 0) + Math.max(0, seconds - before));
  }

  // Seconds of speech a second in each step that is over, the last one last.
  points() {
    const last = Math.floor(this.now() / STEP);
    for (const step of this.steps.keys()) if (step < last - POINTS) this.steps.delete(step);
    return Array.from({ length: POINTS }, (_, at) => (this.steps.get(last - POINTS + at) ?? 0) / STEP);
  }

  // Over the last three steps, or as long as the page has been open.
  current() {
    const steps = Math.max(1, Math.min(3, Math.floor(this.now() / STEP) - this.began));
    return (
      this.points()
        .slice(-steps)
        .reduce((sum, point) => sum + point, 0) / steps
    );
  }
}
