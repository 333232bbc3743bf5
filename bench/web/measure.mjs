// The front end's numbers, written as bench/results/web.md:
//
//   (cd tests/browser && npm ci)
//   VERNISSAGE_BIN=$PWD/build/release/bin node bench/web/measure.mjs [--note "machine loaded"] [--lighthouse FOLDER] [--out FILE]
//
// FOLDER is one in which `npm install lighthouse` was run; without it Lighthouse is left out and the table says so.
// VERNISSAGE_CHROMIUM names the browser (/usr/bin/chromium).
import { execFile } from "node:child_process";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { cpus, loadavg } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs, promisify } from "node:util";
import { gzipSync } from "node:zlib";
import { browser, curated, folder, hang, serve } from "../../tests/browser/gallery.mjs";
import { aliveWall, paintings, pictured, takeByApi, visitor } from "../../tests/browser/visitor.mjs";

const { values: options } = parseArgs({ options: { note: { type: "string", default: "" }, lighthouse: { type: "string" }, out: { type: "string" } } });
const root = fileURLToPath(new URL("../..", import.meta.url));
const kClaims = 24;
const kLighthouseRuns = 5;
const kAttempts = 4;
const kLighthouseMs = 180_000;
const kCategories = { performance: "≥ 95", accessibility: "100", "best-practices": "100" };
const kAudits = [
  ["largest paint", "largest-contentful-paint", "ms", "≤ 1500 ms"],
  ["layout shift", "cumulative-layout-shift", "", "≤ 0.02"],
  ["blocked", "total-blocking-time", "ms", "≤ 100 ms"],
];
const kSteps = 150;
const kNear = 12;
const kPrints = 16;

const rows = [];
const row = (what, value, goal = "") => {
  rows.push(`| ${what} | ${value} | ${goal} |`);
  console.log(`${what}: ${value}`);
};
const kib = (bytes) => `${(bytes / 1024).toFixed(1)} KiB`;
const percentile = (list, p) => [...list].sort((a, b) => a - b)[Math.ceil(p * list.length) - 1];

// What a file weighs on its way. One file at a time, as they are sent.
function sizes() {
  const weigh = (kind) =>
    readdirSync(join(root, "server/web/files", kind))
      .reduce((sum, name) => sum + gzipSync(readFileSync(join(root, "server/web/files", kind, name)), { level: 9 }).length, 0);
  row("all scripts, gzip", kib(weigh("js")), "≤ 30 KiB");
  row("all styles, gzip", kib(weigh("css")), "≤ 14 KiB");
}

const watch = () => {
  window.seen = { lcp: 0, cls: 0, long: [] };
  new PerformanceObserver((list) => list.getEntries().forEach((entry) => (window.seen.lcp = entry.startTime)))
    .observe({ type: "largest-contentful-paint", buffered: true });
  new PerformanceObserver((list) => list.getEntries().forEach((entry) => entry.hadRecentInput || (window.seen.cls += entry.value)))
    .observe({ type: "layout-shift", buffered: true });
  new PerformanceObserver((list) => list.getEntries().forEach((entry) => window.seen.long.push(entry.duration)))
    .observe({ type: "longtask" });
};

// A page seen for the first time: bytes on the wire, largest paint, shifts.
async function firstVisit(chromium, server, name, path) {
  const page = await visitor(chromium, server);
  await page.addInitScript(watch);
  const network = await page.context().newCDPSession(page);
  await network.send("Network.enable");
  let bytes = 0;
  network.on("Network.loadingFinished", (event) => (bytes += event.encodedDataLength));
  await page.goto(path, { waitUntil: "load" });
  await pictured(page);
  await page.waitForFunction(() => window.seen.lcp > 0);
  const { lcp, cls } = await page.evaluate(() => window.seen);
  row(`${name}: first load`, kib(bytes), "≤ 600 KB");
  row(`${name}: largest paint`, `${Math.round(lcp)} ms`, "≤ 1500 ms");
  row(`${name}: layout shift`, cls.toFixed(4), "≤ 0.02");
  await page.context().close();
}

// A wall of a thousand, walked from one end to the other.
async function longWalk(chromium, server) {
  const page = await visitor(chromium, server);
  const network = await page.context().newCDPSession(page);
  // Pictures are answered by the same small one: what is measured is the page, not the painter.
  const [{ id }] = await paintings(server, "people");
  const small = Buffer.from(await (await fetch(`${server.url}/paintings/${id}/192.webp`)).arrayBuffer());
  await page.route(/\/paintings\/.*\.(webp|jpg)$/, (route) => route.fulfill({ contentType: "image/webp", body: small }));
  await page.goto("/rooms/people");
  await aliveWall(page);
  const heap = async () => {
    await network.send("HeapProfiler.collectGarbage");
    return (await network.send("Runtime.getHeapUsage")).usedSize;
  };
  const before = await heap();
  await page.evaluate(watch);
  await page.evaluate((steps) => new Promise((resolve) => {
    const end = document.documentElement.scrollHeight - innerHeight;
    let step = 0;
    const on = () => {
      scrollTo(0, (end * ++step) / steps);
      step < steps ? requestAnimationFrame(on) : requestAnimationFrame(() => setTimeout(resolve));
    };
    requestAnimationFrame(on);
  }), kSteps * 8);
  const { long } = await page.evaluate(() => window.seen);
  row("walking along 1,000 paintings: tasks over 50 ms", long.length ? `${long.length}, longest ${Math.round(Math.max(...long))} ms` : "none", "none");
  row("walking along 1,000 paintings: heap growth", `${(((await heap()) - before) / 2 ** 20).toFixed(1)} MiB`, "≤ 50 MB");
  await page.context().close();
}

// From asking for a painting to its red dot in another browser.
async function claimsSeen(chromium, server) {
  // A wide and low window: only what is near exists, and this many shall be near.
  const page = await visitor(chromium, server, { viewport: { width: 3840, height: 480 } });
  await page.goto("/rooms/nature");
  await aliveWall(page);
  const here = new Set(await page.locator(".wall .work").evaluateAll((works) => works.map((work) => work.id)));
  const works = (await paintings(server, "nature")).filter(({ id }) => here.has(id)).slice(0, kClaims);
  // One claim first, so that the page is known to listen.
  const [first] = await paintings(server, "city");
  await takeByApi(server, first.id);
  await page.evaluate(() => {
    window.dots = new Map();
    const look = () => document.querySelectorAll(".wall .work.taken").forEach((work) => window.dots.has(work.id) || window.dots.set(work.id, Date.now()));
    new MutationObserver(look).observe(document.querySelector(".wall"), { subtree: true, childList: true, attributes: true, attributeFilter: ["class"] });
  });
  const times = [];
  for (const { id } of works) {
    const began = Date.now();
    await takeByApi(server, id);
    const seen = await page.waitForFunction((there) => window.dots.get(there), id);
    times.push((await seen.jsonValue()) - began);
  }
  row(`a claim seen in another browser (${times.length} claims): p50`, `${percentile(times, 0.5)} ms`);
  row(`a claim seen in another browser (${times.length} claims): p95`, `${percentile(times, 0.95)} ms`, "≤ 500 ms");
  await page.context().close();
}

// One run; the browser now and then loses its trace, and is asked again.
// Asked from the side: whoever waits here must go on reading what the server logs.
async function lighthouseRun(url) {
  for (let attempt = 1; ; ++attempt) {
    let text = "";
    let trouble = "";
    try {
      ({ stdout: text } = await promisify(execFile)(process.execPath,
        [join(options.lighthouse, "node_modules/lighthouse/cli/index.js"), url, "--output=json", "--quiet",
          `--only-categories=${Object.keys(kCategories).join(",")}`,
          "--chrome-flags=--headless=new --no-sandbox --disable-dev-shm-usage"],
        { env: { ...process.env, CHROME_PATH: process.env.VERNISSAGE_CHROMIUM ?? "/usr/bin/chromium" }, maxBuffer: 2 ** 28, timeout: kLighthouseMs, killSignal: "SIGINT" }));
    } catch (error) {
      text = error.stdout ?? "";
      trouble = error.stderr || String(error);
    }
    const report = text.startsWith("{") ? JSON.parse(text) : null;
    if (report && Object.keys(kCategories).every((key) => report.categories[key]?.score != null)) return report;
    if (attempt === kAttempts) throw new Error(`Lighthouse says nothing of ${url}: ${report?.runtimeError?.message ?? trouble}`);
  }
}

// Mobile, as Lighthouse means it: a small window, a slow network, a processor four times slower.
async function lighthouse(name, url) {
  if (!options.lighthouse) return row(`${name}: Lighthouse`, "not run");
  const reports = [];
  while (reports.length < kLighthouseRuns) reports.push(await lighthouseRun(url));
  const median = (values) => percentile(values, 0.5);
  for (const [key, goal] of Object.entries(kCategories)) {
    const scores = reports.map((report) => Math.round(report.categories[key].score * 100));
    row(`${name}, Lighthouse mobile: ${key}`, `${median(scores)} (${Math.min(...scores)} to ${Math.max(...scores)})`, goal);
  }
  for (const [what, audit, unit, goal] of kAudits) {
    const value = median(reports.map((report) => report.audits[audit].numericValue));
    row(`${name}, Lighthouse mobile: ${what}`, unit ? `${Math.round(value)} ${unit}` : value.toFixed(4), goal);
  }
  // What costs points, for whoever reads along.
  for (const key of Object.keys(kCategories))
    for (const { id, weight } of reports[0].categories[key].auditRefs)
      if (weight > 0 && reports[0].audits[id].score !== null && reports[0].audits[id].score < 0.9)
        console.log(`  ${key}: ${id}: ${reports[0].audits[id].title} ${reports[0].audits[id].displayValue ?? ""}`);
}

// Pictures are painted once: what is measured is the page and not its first visitor's wait.
async function painted(...urls) {
  for (const url of urls)
    for (;;) {
      const answer = await fetch(url);
      await answer.arrayBuffer();
      if (answer.ok) break;
      if (answer.status !== 503) throw new Error(`${url} is answered ${answer.status}`);
      await new Promise((resolve) => setTimeout(resolve, 1000 * Number(answer.headers.get("Retry-After") ?? 1)));
    }
}

async function previews(server, room, count) {
  const list = await (await fetch(`${server.url}/api/v1/rooms/${room}`)).json();
  return list.paintings.slice(0, count).flatMap(({ id }) => list.sizes.map((width) => `${server.url}/paintings/${id}/${width}.webp`));
}

const load = loadavg()[0].toFixed(1);
const at = folder();
const chromium = await browser();
sizes();
const small = await serve(curated(join(at, "curated"), { candidates: 100, resolution: 1024 }));
await firstVisit(chromium, small, "entrance", "/");
await firstVisit(chromium, small, "room", "/rooms/people");
const [first] = await paintings(small, "people");
const hung = (await (await fetch(`${small.url}/api/v1/gallery`)).json()).rooms.reduce((sum, room) => sum + room.paintings, 0);
await lighthouse("entrance", `${small.url}/`);
await lighthouse("room", `${small.url}/rooms/people`);
await lighthouse("painting", `${small.url}/paintings/${first.id}`);
await painted(...Array.from({ length: kPrints }, (_, n) => `${small.url}/api/v1/studio/${n}.jpg`));
await lighthouse("studio", `${small.url}/studio`);
await small.stop();
const quick = await serve(curated(join(at, "quick")));
await claimsSeen(chromium, quick);
await quick.stop();
const large = await serve(hang(join(at, "large"), { perRoom: 1000, resolution: 1024 }));
await painted(...(await previews(large, "people", kNear)));
await lighthouse("room of 1,000", `${large.url}/rooms/people`);
await longWalk(chromium, large);
await large.stop();
await chromium.close();

writeFileSync(options.out ?? join(root, "bench/results/web.md"), `# The front end in numbers

Written by \`bench/web/measure.mjs\` (how to run it stands there) on ${new Date().toISOString().slice(0, 10)}: ${cpus()[0].model},
${cpus().length} threads, load ${load} when it began${options.note ? `, **${options.note}**` : ""}. Server and browser share the machine. The gallery of
the first rows is a curated one of ${hung} paintings of 1024 pixels; the rooms of a thousand are hung by an untrained network of
the same size, and in the walk every picture is answered by one small one, so that the page is measured and not the
painter. Lighthouse: the median of ${kLighthouseRuns} runs, and from the worst to the best; its largest paint is the one it works out for a slow phone on a slow
network.

| what | measured | goal |
|---|---|---|
${rows.join("\n")}
`);
