"use strict";
// Keeps the page up to date. The server renders what changes; here it only takes its place.

const content = document.getElementById("content");
const chartSection = "over-time";
const shown = new Map();

function remember() {
  for (const section of content.querySelectorAll("section[id]")) shown.set(section.id, section.innerHTML);
}

// Puts in place the sections that have changed, but for the one that somebody is using.
function take(text) {
  const coming = new DOMParser().parseFromString(text, "text/html");
  for (const section of coming.querySelectorAll("section[id]")) {
    const place = document.getElementById(section.id);
    if (!place || place.contains(document.activeElement) || shown.get(section.id) === section.innerHTML) continue;
    shown.set(section.id, section.innerHTML);
    if (section.id === chartSection) {
      place.querySelector("table.narrow").replaceWith(section.querySelector("table.narrow"));
      continue;
    }
    const open = [...place.querySelectorAll("details")].map(details => details.open);
    place.className = section.className;
    if (section.dataset.title) document.title = section.dataset.title;
    place.replaceChildren(...section.childNodes);
    copyable(place);
    place.querySelectorAll("details").forEach((details, i) => { details.open = open[i] || false; });
  }
}

// ---- the curves

const chart = document.getElementById("chart");
const colour = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const dark = matchMedia("(prefers-color-scheme: dark)");
const lines = () => [0, 1, 2, 3, 4, 5].map(i => colour(`--c${i}`));
const shades = {pending: "--pending", firing: "--firing", learning: "--learning"};
let span = (document.querySelector("[data-span][aria-pressed=true]") || {dataset: {span: "hour"}}).dataset.span;
let plot = null, drawn = "";

// Seconds between two labels of the time axis.
const steps = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400];
const two = value => String(value).padStart(2, "0");
function clock(seconds, withDate, withSeconds) {
  const t = new Date(1000 * seconds);
  return (withDate ? `${t.getUTCFullYear()}-${two(t.getUTCMonth() + 1)}-${two(t.getUTCDate())} ` : "")
    + `${two(t.getUTCHours())}:${two(t.getUTCMinutes())}` + (withSeconds ? `:${two(t.getUTCSeconds())}` : "");
}
function ticksOfTime(u, ticks, axis, space, step) {
  return ticks.map((tick, i) => {
    const day = Math.floor(tick / 86400), begins = i === 0 || day !== Math.floor(ticks[i - 1] / 86400);
    if (step >= 86400) return clock(tick, true, false).slice(5, 10);
    return clock(tick, false, step < 60) + (begins && step >= 3600 ? "\n" + clock(tick, true, false).slice(5, 10) : "");
  });
}

const digits = value => value == null ? "–" : Number(value.toPrecision(3)).toString();

function bands(data) {
  return {hooks: {drawClear: [u => {
    const {ctx} = u, {top, height} = u.bbox;
    const edge = u.bbox.left + u.bbox.width;
    for (let i = 0, next; i < data.states.length; i = next) {
      for (next = i + 1; next < data.states.length && data.states[next] === data.states[i];) next += 1;
      if (!shades[data.states[i]]) continue;
      const left = Math.max(u.bbox.left, u.valToPos(data.times[i], "x", true));
      const right = Math.min(edge, u.valToPos(next < data.times.length ? data.times[next] : data.times[next - 1] + data.seconds, "x", true));
      ctx.fillStyle = colour(shades[data.states[i]]) + "2b";
      ctx.fillRect(left, top, right - left, height);
    }
    ctx.font = `${11 * devicePixelRatio}px system-ui, sans-serif`;
    for (const mark of data.marks) {
      const x = u.valToPos(mark.time, "x", true);
      if (x < u.bbox.left || x > u.bbox.left + u.bbox.width) continue;
      ctx.strokeStyle = ctx.fillStyle = colour("--soft");
      ctx.beginPath(); ctx.moveTo(x, top); ctx.lineTo(x, top + height); ctx.stroke();
      ctx.save(); ctx.translate(x + 12 * devicePixelRatio, top + 4); ctx.rotate(Math.PI / 2);
      ctx.fillText(mark.text, 0, 0); ctx.restore();
    }
  }]}};
}

function draw(data) {
  const levels = Object.keys(data.quantiles);
  const constant = name => {
    const value = Number(chart.dataset[name]);
    return data.times.map(() => value > 0 ? value : null);
  };
  const positive = values => values.map(value => value > 0 ? value : null);
  const columns = [data.times, ...levels.map(q => positive(data.quantiles[q])), constant("median"), constant("threshold")];
  if (!columns.slice(1, 1 + levels.length).some(values => values.some(value => value != null))) {
    nothing("No errors yet: curves begin with the first records.");
    return;
  }
  const value = (u, v) => digits(v);
  const axis = {stroke: colour("--soft"), grid: {stroke: colour("--line"), width: 1}, ticks: {stroke: colour("--line")}};
  const dashed = (label, line) => ({label, stroke: line, dash: [6, 5], width: 1, points: {show: false}, value});
  if (plot) plot.destroy();
  chart.replaceChildren();
  plot = new uPlot({
    width: chart.clientWidth, height: 270, padding: [null, 32, null, null], plugins: [bands(data)],
    tzDate: seconds => uPlot.tzDate(new Date(1000 * seconds), "Etc/UTC"),
    hooks: {ready: [u => u.setLegend({idx: data.times.length - 1})]},
    scales: {x: {time: true}, y: {distr: 3}},
    axes: [{...axis, values: ticksOfTime, incrs: steps, space: 75, size: 46, label: "UTC", labelSize: 16, labelFont: "12px system-ui, sans-serif"}, {...axis, size: 64, values: (u, ticks) => ticks.map(tick => tick == null ? "" : digits(tick))}],
    series: [{label: "time", value: (u, v) => v == null ? "–" : clock(v, true, true)}, ...levels.map((q, i) => ({label: q, stroke: lines()[i % 6], width: 2, points: {show: data.times.length < 3}, value})),
      dashed("reference median", colour("--soft")), dashed("threshold", colour("--firing"))],
  }, columns, chart);
}

function nothing(text) {
  if (plot) { plot.destroy(); plot = null; }
  const note = document.createElement("p");
  note.className = "nothing"; note.textContent = text;
  chart.replaceChildren(note);
}

async function curves() {
  const answer = await fetch(`api/timeline?span=${span}`);
  if (!answer.ok) throw new Error(answer.statusText);
  const text = await answer.text();
  if (text + dark.matches === drawn) return;
  drawn = text + dark.matches;
  draw(JSON.parse(text));
}

function choose(button) {
  span = button.dataset.span; drawn = "";
  for (const each of document.querySelectorAll("[data-span]")) each.setAttribute("aria-pressed", String(each === button));
  curves().catch(lost);
}

// ---- commands that can be copied

function copyable(within) {
  if (!navigator.clipboard) return; // only where the page is safe from others on its way
  for (const place of within.querySelectorAll(".command")) {
    const button = document.createElement("button");
    button.type = "button"; button.className = "copy"; button.textContent = "copy";
    button.addEventListener("click", () => {
      navigator.clipboard.writeText(place.querySelector("code").textContent)
        .then(() => { button.textContent = "copied"; }, () => { button.textContent = "not allowed"; });
    });
    place.append(button);
  }
}
copyable(document);

// ---- staying up to date

let notice = null, asking = false;

function lost() {
  if (notice) return;
  notice = document.createElement("p");
  notice.className = "lost"; notice.setAttribute("role", "alert");
  notice.textContent = "The daemon does not answer: what you see is as it was.";
  content.prepend(notice);
}

function found() {
  if (notice) { notice.remove(); notice = null; }
}

async function refresh() {
  if (asking || document.hidden) return;
  asking = true;
  try {
    const answer = await fetch("sections");
    if (!answer.ok) throw new Error(answer.statusText);
    take(await answer.text());
    await curves();
    found();
  } catch (error) {
    lost();
  } finally {
    asking = false;
  }
}

if (chart) {
  remember();
  for (const button of document.querySelectorAll("[data-span]")) button.addEventListener("click", () => choose(button));
  curves().catch(lost);
  let width = chart.clientWidth;
  new ResizeObserver(() => {
    if (plot && chart.clientWidth !== width) { width = chart.clientWidth; plot.setSize({width, height: 270}); }
  }).observe(chart);
  dark.addEventListener("change", () => { drawn = ""; curves().catch(lost); });
  document.addEventListener("visibilitychange", refresh);
  let heard = performance.now();
  const changes = new EventSource("api/changes");
  changes.addEventListener("status", () => { heard = performance.now(); refresh(); });
  // Between two of its answers the browser asks anew: only a longer silence means something.
  setInterval(() => { if (performance.now() - heard > 10000) lost(); }, 2000);
}
