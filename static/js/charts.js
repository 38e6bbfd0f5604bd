/* Draws <chart-plot> with uPlot (ADR 0048): lines over time, or columns of money. Its data and its words come with the element, its
   colours from the style sheet. admin.js begins it on the first page that has a chart. A chart ends when its element leaves the page. */
const made = (tag, facts, ...content) => {
  const element = Object.assign(document.createElement(tag), facts);
  element.append(...content);
  return element;
};
const bring = (tag, facts) =>
  new Promise((resolve, reject) => document.head.append(made(tag, { ...facts, onload: resolve, onerror: reject })));
const MOST_COLUMN = 40;
const DAY = 86_400;

// Numbers and times as the page's language writes them.
const locale = () => ({ id: "id-ID" })[document.documentElement.lang] ?? "en-GB";
const number = (value, digits) => new Intl.NumberFormat(locale(), { maximumFractionDigits: digits }).format(value);
const time = (options, zone) => new Intl.DateTimeFormat(locale(), { timeZone: zone, hourCycle: "h23", ...options });
const rupiah = (value, text) => `${value < 0 ? "−" : ""}Rp\u00a0${text}`;
// "M" is a milliard to one reader and a million to the other: the largest unit is the million, and written small.
const SHORT = { id: ["\u00a0jt", "\u00a0rb"], en: ["m", "k"] };
const short = (size) => {
  const [million, thousand] = SHORT[document.documentElement.lang] ?? SHORT.en;
  if (size >= 1e6) return number(size / 1e6, 1) + million;
  return size >= 1e4 ? number(size / 1e3, 1) + thousand : number(size, 0);
};
const UNITS = {
  percent: { whole: (value) => `${number(value, 1)} %`, onAxis: (value) => `${number(value, 1)} %` },
  rupiah: {
    whole: (value) => rupiah(value, number(Math.abs(value), 0)),
    onAxis: (value) => rupiah(value, short(Math.abs(value))),
  },
};

// What stands below the axis in two lines, and what a point is called.
const STEPS = {
  minute: [{ hour: "2-digit", minute: "2-digit" }, { day: "numeric", month: "short" }],
  day: [{ day: "numeric" }, { month: "short" }],
  month: [{ month: "short" }, { year: "numeric" }],
};
const NAMES = {
  moment: { weekday: "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" },
  day: { weekday: "short", day: "numeric", month: "short", year: "numeric" },
  month: { month: "long", year: "numeric" },
};
const INCREMENTS = { day: [1, 2, 5, 10, 15], month: [1, 2, 3, 6, 12] };

const inTwoLines = (dates, step, zone) => {
  const [upper, lower] = STEPS[step].map((options) => time(options, zone));
  let before = null;
  return dates.map((each) => {
    const below = lower.format(each);
    const isNew = below !== before;
    before = below;
    return isNew ? `${upper.format(each)}\n${below}` : upper.format(each);
  });
};

// Columns are drawn from their outer end inwards, each over the one before: what uPlot is given are sums from zero.
const stacked = (series) => {
  const sums = [[], []];
  return series.map((each) =>
    each.map((value, at) => {
      const sum = sums[value < 0 ? 1 : 0];
      sum[at] = (sum[at] ?? 0) + value;
      return value === 0 ? null : sum[at];
    }));
};

// The charts of the page by their titles: htmx puts the new state of a part beside the old one before it takes that away,
// and what is read at the old chart is read on at the new one.
const present = new Map();

class ChartPlot extends HTMLElement {
  connectedCallback() {
    this.chart = JSON.parse(this.dataset.chart);
    this.words = JSON.parse(this.dataset.words);
    this.dates = this.chart.points.map((each) => new Date(typeof each === "number" ? each * 1000 : each));
    // What the style sheet says of each series is read from these; nobody sees them.
    this.keys = this.chart.series.map(({ key }) => made("span", { className: `key ${key}`, hidden: true }));
    this.append(...this.keys);
    this.plot = new uPlot(this.options(), this.data(), this);
    Object.assign(this.plot.root, { role: "img", ariaLabel: this.words.says });
    this.addReader();
    this.tip = this.plot.over.appendChild(made("div", { className: "chart-tip", hidden: true }));
    this.plot.over.addEventListener("pointermove", (event) => {
      // A finger that moves along reads too; uPlot hears only mice.
      if (event.pointerType === "touch") this.plot.setCursor({ left: event.offsetX, top: 0 });
    });
    this.resized = new ResizeObserver(() => {
      const size = this.size();
      if (size.width !== this.plot.width || size.height !== this.plot.height) this.plot.setSize(size);
    });
    this.resized.observe(this);
    this.listening = new AbortController();
    const { signal } = this.listening;
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.plot.redraw(), { signal });
    document.addEventListener("keydown", ({ key }) => key === "Escape" && this.hide(), { signal });
    document.addEventListener("pointerdown", ({ target }) => this.contains(target) || this.hide(), { signal });
    const before = present.get(this.words.title);
    present.set(this.words.title, this);
    const at = before && !before.tip.hidden ? before.plot.cursor.idx : null;
    // uPlot knows its scales only after this task.
    if (at !== null) queueMicrotask(() => this.isConnected && this.show(at));
  }

  disconnectedCallback() {
    if (present.get(this.words.title) === this) present.delete(this.words.title);
    this.listening.abort();
    this.resized.disconnect();
    this.plot.destroy();
    this.replaceChildren();
    this.plot = null;
  }

  get isColumns() {
    return this.dataset.kind === "columns";
  }

  size() {
    return { width: this.clientWidth, height: this.clientHeight };
  }

  colour(name) {
    return getComputedStyle(this).getPropertyValue(name);
  }

  data() {
    const values = this.chart.series.map((each) => each.values);
    if (this.isColumns) return [this.dates.map((_, at) => at), ...stacked(values).reverse()];
    return [this.chart.points, ...values];
  }

  options() {
    const { unit, zone, ends, points } = this.chart;
    const { fontFamily, fontSize } = getComputedStyle(this);
    const axis = {
      font: `${Math.round(parseFloat(fontSize))}px ${fontFamily}`,
      lineGap: 1.35,
      stroke: () => getComputedStyle(this).color,
      grid: { stroke: () => this.colour("--line"), width: 1 },
      ticks: { show: false },
    };
    const drawn = this.keys.map((key) => {
      const colour = () => getComputedStyle(key).backgroundColor;
      if (!this.isColumns) return { stroke: colour, width: 2, points: { filter: alone, size: 6, fill: colour } };
      return { fill: colour, width: 0, points: { show: false }, paths: uPlot.paths.bars({ size: [0.7, MOST_COLUMN] }) };
    });
    const across = this.isColumns
      ? { range: [-0.5, points.length - 0.5], time: false }
      : { range: ends, time: true };
    return {
      ...this.size(),
      tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), zone),
      padding: [10, 8, 0, 0],
      legend: { show: false },
      scales: { x: across, y: { range: (_, least, most) => this.range(least, most) } },
      series: [{}, ...(this.isColumns ? drawn.reverse() : drawn)],
      axes: [
        {
          ...axis,
          size: 40,
          space: 44,
          grid: { show: false },
          incrs: INCREMENTS[this.chart.grain],
          values: (_plot, splits, _axis, _space, increment) => this.below(splits, increment),
        },
        { ...axis, space: 32, gap: 6, size: wide, values: (_, splits) => splits.map(UNITS[unit].onAxis) },
      ],
      cursor: {
        y: false,
        x: !this.isColumns,
        drag: { x: false, y: false },
        points: this.isColumns ? { show: false } : { size: 8 },
      },
      hooks: { setCursor: [() => this.read()], drawAxes: this.isColumns ? [(plot) => this.drawZero(plot)] : [] },
    };
  }

  range(least, most) {
    if (this.chart.unit === "percent") return [0, Math.max(100, (most ?? 0) * 1.05)];
    return [Math.min(0, least) * 1.08, Math.max(0, most) * 1.08];
  }

  below(splits, increment) {
    if (this.isColumns) return inTwoLines(splits.map((at) => this.dates[at]), this.chart.grain, "UTC");
    const step = increment < DAY ? "minute" : increment < 28 * DAY ? "day" : "month";
    return inTwoLines(splits.map((seconds) => new Date(seconds * 1000)), step, this.chart.zone);
  }

  drawZero({ ctx, bbox, valToPos }) {
    const y = Math.round(valToPos(0, "y", true)) + 0.5;
    ctx.save();
    ctx.strokeStyle = getComputedStyle(this).color;
    ctx.lineWidth = devicePixelRatio;
    ctx.beginPath();
    ctx.moveTo(bbox.left, y);
    ctx.lineTo(bbox.left + bbox.width, y);
    ctx.stroke();
    ctx.restore();
  }

  // The keyboard reads a chart as it moves a slider; what it says at each step is what the tip shows.
  addReader() {
    const last = this.dates.length - 1;
    this.reader = made("input", { type: "range", className: "hidden-visually", min: 0, max: last, value: last });
    this.reader.ariaLabel = this.words.title;
    this.reader.ariaValueText = this.told(last);
    const show = () => this.show(Number(this.reader.value));
    this.reader.addEventListener("focus", () => this.reader.matches(":focus-visible") && show());
    this.reader.addEventListener("input", show);
    this.reader.addEventListener("blur", () => this.plot && this.hide());
    this.append(this.reader);
  }

  show(at) {
    this.plot.setCursor({ left: this.plot.valToPos(this.plot.data[0][at], "x"), top: 0 });
  }

  hide() {
    this.plot.setCursor({ left: -10, top: -10 });
  }

  nameOf(at) {
    return time(NAMES[this.chart.grain], this.isColumns ? "UTC" : this.chart.zone).format(this.dates[at]);
  }

  // The series of which there is something at a point; of columns, those that are there.
  known(at) {
    const all = this.chart.series.map(({ key, values }, number) => ({ key, name: this.words.names[number], value: values[at] }));
    const found = all.filter(({ value }) => value !== null && !(this.isColumns && value === 0));
    return found.length || !this.isColumns ? found : all.slice(0, 1);
  }

  told(at) {
    const parts = this.known(at).map(({ name, value }) => `${name} ${UNITS[this.chart.unit].whole(value)}`);
    return `${this.nameOf(at)}: ${parts.join(", ") || this.words.nothing}`;
  }

  // Called whenever the pointer or the keyboard is somewhere else.
  read() {
    const { cursor, over } = this.plot;
    const at = cursor.left < 0 ? null : cursor.idx;
    this.tip.hidden = at === null;
    if (this.isColumns) this.mark(at);
    if (at === null) return;
    this.reader.value = at;
    this.reader.ariaValueText = this.told(at);
    const rows = this.known(at).map(({ key, name, value }) =>
      made("span", {}, made("span", { className: `key ${key}` }), name, made("b", {}, UNITS[this.chart.unit].whole(value))));
    const shown = rows.length ? rows : [made("span", {}, this.words.nothing)];
    this.tip.replaceChildren(made("strong", {}, this.nameOf(at)), ...shown);
    const x = this.plot.valToPos(this.plot.data[0][at], "x");
    const beside = x > over.clientWidth / 2 ? x - this.tip.offsetWidth - 12 : x + 12;
    // It may lie over the values of the axis, rather than over what it tells of.
    const most = over.clientWidth - this.tip.offsetWidth;
    this.tip.style.left = `${Math.max(Math.min(beside, most), -over.offsetLeft)}px`;
  }

  mark(at) {
    const [from, to] = at === null ? [0, 0] : [at - 0.5, at + 0.5].map((each) => this.plot.valToPos(each, "x"));
    this.plot.setSelect({ left: from, width: to - from, top: 0, height: this.plot.over.clientHeight }, false);
  }
}

// A reading between two gaps is no line: it is shown as a point.
const alone = (plot, series) =>
  plot.data[series].flatMap((value, at, all) =>
    value != null && all[at - 1] == null && all[at + 1] == null ? [at] : []);

// As much room beside the plot as its longest value needs.
const wide = (plot, values) => {
  plot.ctx.font = plot.axes[1].font[0];
  return Math.ceil(Math.max(0, ...(values ?? []).map((each) => plot.ctx.measureText(each).width)) / devicePixelRatio) + 12;
};

// Every chart of the visit begins here: those on the page, and those that come.
let begun;
export const begin = ({ library, style }) => {
  begun ??= Promise.all([bring("link", { rel: "stylesheet", href: style }), bring("script", { src: library })]).then(() =>
    customElements.define("chart-plot", ChartPlot));
  begun.catch(() => (begun = null));  // what did not come is asked for again by the next page
  return begun;
};
