// What every browser test stands on: a gallery made by the programs themselves, their server on a free port,
// and Debian's Chromium. Nothing here waits for a length of time: it waits for a line, a page, an answer.
//
//   VERNISSAGE_BIN       folder of vernissage and vernissage-weights
//   VERNISSAGE_SHOTS     folder for screenshots; unset: they go to the temporary folder
//   VERNISSAGE_CHROMIUM  the browser; unset: /usr/bin/chromium
import { spawn, execFileSync } from "node:child_process";
import { mkdtempSync, mkdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const bin = process.env.VERNISSAGE_BIN ?? "build/release/bin";
const program = (name) => join(bin, name);

/// A folder that is gone when the tests are.
export function folder() {
  const path = mkdtempSync(join(tmpdir(), "vernissage-browser-"));
  process.on("exit", () => rmSync(path, { recursive: true, force: true }));
  return path;
}

/// A gallery hung by an untrained network: pictures as quick to paint as they get.
export function hang(path, { perRoom = 6, resolution = 256 } = {}) {
  const model = `${path}.safetensors`;
  execFileSync(program("vernissage-weights"),
    ["sketch", model, "--resolution", String(resolution), "--channel-base", "1024", "--channel-max", "16"]);
  execFileSync(program("vernissage"), ["hang", model, "--out", path, "--per-room", String(perRoom)]);
  return path;
}

/// A curated gallery: candidates looked at by the small network of the golden data. Its paintings have titles of
/// their own, reasons for them, and shadows to show before their pictures come.
export function curated(path, { candidates = 200, resolution = 128 } = {}) {
  const golden = fileURLToPath(new URL("../golden/clip", import.meta.url));
  const [generator, curator] = [`${path}.safetensors`, `${path}.curator.safetensors`];
  execFileSync(program("vernissage-weights"),
    ["sketch", generator, "--resolution", String(resolution), "--channel-base", "1024", "--channel-max", "16"]);
  execFileSync(program("vernissage-weights"),
    ["convert", join(golden, "tiny-vit"), curator, "--tokenizer", join(golden, "merges.txt")]);
  execFileSync(program("vernissage"),
    ["curate", "--generator", generator, "--curator", curator, "--candidates", String(candidates), "--allow-fewer",
      "--duplicate-cosine", "2", "--device", "cpu", "--threads", "1", "--out", path],
    { stdio: ["ignore", "ignore", "pipe"] });
  return path;
}

/// The gallery's server. `stop()` ends it and says whether it ended well; `port` given: that one again.
export async function serve(gallery, { port = 0, options = [] } = {}) {
  const child = spawn(program("vernissage"),
    ["serve", "--gallery", gallery, "--port", String(port), "--device", "cpu", "--threads", "1", "--claims-per-hour", "0",
      ...options],
    { stdio: ["ignore", "pipe", "pipe"] });
  let out = "";
  let err = "";
  child.stderr.on("data", (bytes) => (err += bytes));
  const ended = new Promise((resolve) => child.on("exit", resolve));
  const url = await new Promise((resolve, reject) => {
    child.stdout.on("data", (bytes) => {
      out += bytes;
      const line = out.match(/Serving .* at (http:\/\/127\.0\.0\.1:\d+)/);
      if (line) resolve(line[1]);
    });
    ended.then((code) => reject(new Error(`the server ended with ${code}: ${err}`)));
  });
  return {
    url,
    port: Number(new URL(url).port),
    async stop(signal = "SIGTERM") {
      child.kill(signal);
      return ended;
    },
  };
}

/// One browser for a test file; every visitor is a context of their own in it. `more`: its own switches.
export async function browser(...more) {
  return chromium.launch({
    executablePath: process.env.VERNISSAGE_CHROMIUM ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-dev-shm-usage", ...more],
  });
}

/// Where screenshots are kept.
export function shots() {
  const path = process.env.VERNISSAGE_SHOTS ?? join(tmpdir(), "vernissage-shots");
  mkdirSync(path, { recursive: true });
  return path;
}
