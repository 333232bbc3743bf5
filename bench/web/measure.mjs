// The front end's numbers, written as bench/results/web.md:
//
//   (cd tests/browser && npm ci)
//   VERNISSAGE_BIN=$PWD/build/release/bin node bench/web/measure.mjs [--note "machine loaded"] [--lighthouse FOLDER]
//
// FOLDER is one in which `npm install lighthouse` was run; without it Lighthouse is left out and the table says so.
// VERNISSAGE_CHROMIUM names the browser (/usr/bin/chromium).
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { cpus, loadavg } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { gzipSync } from "node:zlib";
import { browser, curated, folder, hang, serve } from "../../tests/browser/gallery.mjs";
import { aliveWall, paintings, pictured, takeByApi, visitor } from "../../tests/browser/visitor.mjs";

const { values: options } = parseArgs({ options: { note: { type: "string", default: "" }, lighthouse: { type: "string" } } });
const root = join(import.meta.dirname, "../..");
const kClaims = 24;
const kLighthouseRuns = 5;
const kSteps = 150;

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
  row("all styles, gzip", kib(weigh("css")), "≤ 10 KiB");
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
    const wall = document.querySelector(".wall");
    const end = wall.scrollWidth - wall.clientWidth;
    let step = 0;
    const on = () => {
      wall.scrollLeft = (end * ++step) / steps;
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

function lighthouse(server) {
  if (!options.lighthouse) return row("Lighthouse", "not run");
  for (const [name, path] of [["entrance", "/"], ["room", "/rooms/people"]]) {
    const scores = { performance: [], accessibility: [], "best-practices": [] };
    for (let run = 0; run < kLighthouseRuns; ++run) {
      const text = execFileSync(process.execPath,
        [join(options.lighthouse, "node_modules/lighthouse/cli/index.js"), server.url + path, "--output=json", "--quiet",
          `--only-categories=${Object.keys(scores).join(",")}`, "--chrome-flags=--headless=new --no-sandbox"],
        { env: { ...process.env, CHROME_PATH: process.env.VERNISSAGE_CHROMIUM ?? "/usr/bin/chromium" }, maxBuffer: 2 ** 28, stdio: ["ignore", "pipe", "ignore"] });
      const { categories } = JSON.parse(text);
      for (const key of Object.keys(scores)) scores[key].push(Math.round(categories[key].score * 100));
    }
    for (const [key, list] of Object.entries(scores))
      row(`${name}, Lighthouse mobile, ${key}, median of ${kLighthouseRuns}`, percentile(list, 0.5), key === "performance" ? "≥ 95" : "100");
  }
}

const load = loadavg()[0].toFixed(1);
const at = folder();
const chromium = await browser();
sizes();
const small = await serve(curated(join(at, "curated")));
await firstVisit(chromium, small, "entrance", "/");
await firstVisit(chromium, small, "room", "/rooms/people");
await claimsSeen(chromium, small);
lighthouse(small);
await small.stop();
const large = await serve(hang(join(at, "large"), { perRoom: 1000 }));
await longWalk(chromium, large);
await large.stop();
await chromium.close();

writeFileSync(join(root, "bench/results/web.md"), `# The front end in numbers

Written by \`bench/web/measure.mjs\` (how to run it stands there) on ${new Date().toISOString().slice(0, 10)}: ${cpus()[0].model},
${cpus().length} threads, load ${load} when it began${options.note ? `, **${options.note}**` : ""}. Server and browser share the machine. The gallery of
the first rows is a curated one of 200 paintings of 128 pixels, so its previews are smaller than a full gallery's; the
wall of a thousand is answered with one small picture, so that the page is measured and not the painter.

| what | measured | goal |
|---|---|---|
${rows.join("\n")}
`);
