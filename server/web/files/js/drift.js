// The gallery drifting by: a painting rests, then turns into another one, from room to room. Nothing
// moves for those who asked for stillness, and nothing is asked of the server while nobody looks.

import { flowUrl, play } from "./passage.js";
import { say, stillness } from "./words.js";

const kRestMs = 7000;
const kQuietMs = 4000;

const drift = document.querySelector(".drift");
const [still] = drift.querySelectorAll("img");
const caption = drift.querySelector(".caption");
const pause = drift.querySelector(".pause");
const fill = drift.querySelector(".fill");
const leave = drift.querySelector(".leave");

const wait = (ms, signal) =>
  new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => (clearTimeout(timer), reject(signal.reason)), { once: true });
  });

// From every room in turn, each room's in an order of chance.
const course = async () => {
  const rooms = await Promise.all(
    drift.dataset.rooms.split(" ").map(async (slug) => {
      const room = await (await fetch(`/api/v1/rooms/${slug}`)).json();
      const works = room.paintings.map((work) => ({ ...work, room: room.title, side: room.sizes.at(-1) }));
      for (let i = works.length - 1; i > 0; --i) {
        const j = Math.floor(Math.random() * (i + 1));
        [works[i], works[j]] = [works[j], works[i]];
      }
      return works;
    }),
  );
  const longest = Math.max(...rooms.map((works) => works.length));
  return Array.from({ length: longest }, (_, i) => rooms.map((works) => works[i])).flat().filter(Boolean);
};

const label = (work) => {
  const link = caption.querySelector("a");
  link.href = `/paintings/${work.id}`;
  link.textContent = work.title;
  caption.querySelector(".count").textContent = work.room;
};

const show = async (work) => {
  const url = `/paintings/${work.id}/${work.side}.jpg`;
  const loaded = new Image();
  loaded.src = url;
  await loaded.decode();
  drift.querySelector("source")?.remove();
  still.removeAttribute("srcset");
  still.src = url;
  still.alt = work.alt;
};

const canvas = document.createElement("canvas");
canvas.setAttribute("aria-hidden", "true");
still.after(canvas);

let works = null;
let at = 0;
let running = null;

const run = async (signal) => {
  works ??= (await course()).filter((work) => !location.search.includes(work.id));
  let here = caption.querySelector("a").pathname.split("/").at(-1);
  for (;;) {
    await wait(kRestMs, signal);
    const work = works[at++ % works.length];
    const moved = await play(flowUrl(here, work.id), canvas, signal, () => canvas.classList.add("shown")).catch(() => false);
    signal.throwIfAborted();
    try {
      await show(work);
    } catch {
      continue;  // not painted in time: another one then
    }
    here = work.id;
    label(work);
    if (moved) await wait(300, signal);
    canvas.classList.remove("shown");
  }
};

const stop = () => {
  running?.abort();
  running = null;
};
const go = () => {
  stop();
  running = new AbortController();
  run(running.signal).catch(() => {});
};

const wanted = () => pause.getAttribute("aria-pressed") === "false" && !document.hidden;

if (!stillness()) {
  pause.hidden = false;
  pause.addEventListener("click", () => {
    const pressed = pause.getAttribute("aria-pressed") === "true";
    pause.setAttribute("aria-pressed", !pressed);
    pressed ? go() : stop();
  });
  document.addEventListener("visibilitychange", () => (wanted() ? go() : stop()));
  window.addEventListener("pagehide", stop);
  go();
}

if (document.fullscreenEnabled) {
  fill.hidden = false;
  fill.addEventListener("click", () =>
    document.fullscreenElement ? document.exitFullscreen() : document.documentElement.requestFullscreen());
}

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") leave.click();
  const relation = { ArrowLeft: "prev", ArrowRight: "next" }[event.key];
  if (relation && !event.altKey && !event.ctrlKey && !event.metaKey) drift.querySelector(`a[rel="${relation}"]`).click();
});
// The browser keeps the Esc that ends its full screen to itself.
document.addEventListener("fullscreenchange", () => document.fullscreenElement || leave.click());

// When nobody moves, nothing but the picture is there.
let quiet = 0;
const stir = () => {
  drift.classList.remove("quiet");
  clearTimeout(quiet);
  quiet = setTimeout(() => drift.classList.add("quiet"), kQuietMs);
};
for (const name of ["pointermove", "keydown", "focusin"]) document.addEventListener(name, stir);
stir();
