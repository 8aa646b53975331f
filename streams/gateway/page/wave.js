// The picture of a sound: its greatest sample in each column.

const RATE = 8000; // Hz; enough for a picture, and small in memory
const LONGEST = 1800; // seconds; what is longer has a plain line
const BAR = 3; // CSS pixels, gap included

export class Wave {
  constructor(canvas) {
    this.canvas = canvas;
    this.turn = 0;
    this.clear();
    new ResizeObserver(() => this.draw()).observe(canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
    new MutationObserver(() => this.draw()).observe(document.documentElement, { attributeFilter: ["data-look"] });
  }

  clear() {
    this.turn += 1;
    this.samples = null;
    this.part = 0;
    this.canvas.dataset.drawn = "no";
    this.draw();
  }

  async show(blob, seconds) {
    this.clear();
    const { turn } = this;
    if (seconds > LONGEST) return;
    let sound;
    try {
      sound = await new OfflineAudioContext(1, 1, RATE).decodeAudioData(await blob.arrayBuffer());
    } catch {
      return; // it can still be played, perhaps
    }
    if (turn !== this.turn) return;
    this.samples = sound.getChannelData(0);
    this.canvas.dataset.drawn = "yes";
    this.draw();
  }

  // How much of it has been played, 0 to 1.
  at(part) {
    this.part = part;
    this.draw();
  }

  draw() {
    const { canvas } = this;
    const { clientWidth: width, clientHeight: height } = canvas;
    if (!width) return;
    const scale = window.devicePixelRatio;
    const style = getComputedStyle(canvas);
    canvas.width = width * scale;
    canvas.height = height * scale;
    const pen = canvas.getContext("2d");
    pen.scale(scale, scale);
    this.peaks(Math.floor(width / BAR)).forEach((peak, at) => {
      pen.fillStyle = at * BAR < this.part * width ? style.color : style.borderTopColor;
      const tall = Math.max(2, peak * height);
      pen.fillRect(at * BAR, (height - tall) / 2, BAR - 1, tall);
    });
  }

  // The loudest column is as tall as the picture.
  peaks(count) {
    if (!this.samples) return new Array(count).fill(0);
    if (this.known?.samples === this.samples && this.known.peaks.length === count) return this.known.peaks;
    const each = this.samples.length / count;
    const peaks = Array.from({ length: count }, (_, at) => {
      let most = 0;
      for (let i = Math.floor(at * each); i < (at + 1) * each && i < this.samples.length; i++)
        most = Math.max(most, Math.abs(this.samples[i]));
      return most;
    });
    const loudest = Math.max(...peaks) || 1;
    this.known = { samples: this.samples, peaks: peaks.map((peak) => peak / loudest) };
    return this.known.peaks;
  }
}
