// What changes while one looks: a red dot appears when a painting finds its owner. Told by the
// server as it happens, or, where that does not get through, asked for every few seconds. The pages
// are right without this, as of when they were loaded.

const kState = "/api/v1/state";
const kEvents = "/api/v1/events";
const kPollMs = 5000;
const kPaintedMs = 2000;

const byPlace = new Map();
for (const element of document.querySelectorAll("[data-place]"))
  byPlace.set(Number(element.dataset.place), element);

const markTaken = (place, plaque) => {
  const element = byPlace.get(place);
  if (!element || element.classList.contains("taken")) return;
  element.classList.add("taken");
  const dot = document.createElement("span");
  dot.className = "dot";
  dot.setAttribute("aria-hidden", "true");
  element.querySelector(".state")?.replaceChildren(dot, plaque ? `Taken by ${plaque}` : "Taken");
  element.querySelector('a.take[href$="/claim"]')?.remove();
};

// One bit a painting, least significant first.
const readState = async () => {
  const response = await fetch(kState, { cache: "no-cache" });
  if (!response.ok) return;
  const bits = atob((await response.json()).taken);
  for (const place of byPlace.keys())
    if ((bits.charCodeAt(place >> 3) >> (place & 7)) & 1) markTaken(place);
};

let events = null;
let polling = 0;

const poll = () => {
  clearInterval(polling);
  polling = setInterval(() => readState().catch(() => {}), kPollMs);
};

const listen = () => {
  if (!window.EventSource) return poll();
  events = new EventSource(kEvents);
  // What happened before the first event is in the state.
  for (const name of ["hello", "reset"])
    events.addEventListener(name, () => readState().catch(() => {}));
  events.addEventListener("claimed", (event) => {
    const claim = JSON.parse(event.data);
    markTaken(claim.place, claim.plaque);
  });
  events.addEventListener("error", () => {
    // Refused for good (too many listen, or a proxy in between); else the browser comes back itself.
    if (events?.readyState === EventSource.CLOSED) poll();
  });
};

const rest = () => {
  events?.close();
  events = null;
  clearInterval(polling);
};

if (byPlace.size > 0) {
  listen();
  // A browser has few connections to spare: a page nobody looks at holds none.
  document.addEventListener("visibilitychange", () => (document.hidden ? rest() : events || listen()));
  window.addEventListener("pagehide", rest);
}

// The owner's page, until the picture is there.
if (document.querySelector("[data-waiting]")) setTimeout(() => location.reload(), kPaintedMs);
