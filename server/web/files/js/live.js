// Which paintings are taken, as it happens: told by the server, or, where that does not get
// through, asked for every few seconds. The pages are right without this, as of when they were loaded.

const kState = "/api/v1/state";
const kEvents = "/api/v1/events";
const kPollMs = 5000;

const listeners = [];
let bits = "";  // one a painting, least significant first
let events = null;
let polling = 0;

export const isTaken = (place) => ((bits.charCodeAt(place >> 3) >> (place & 7)) & 1) === 1;

export const freeAmong = (from, count) => {
  let free = 0;
  for (let place = from; place < from + count; ++place) free += isTaken(place) ? 0 : 1;
  return free;
};

const tell = (place, plaque) => listeners.forEach((listener) => listener(place, plaque));

const learn = (place) => {
  const at = place >> 3;
  const byte = String.fromCharCode(bits.charCodeAt(at) | (1 << (place & 7)));
  bits = bits.slice(0, at) + byte + bits.slice(at + 1);
};

// Tells of everything taken when it was told of nothing yet, or may have missed something.
const readState = async () => {
  const response = await fetch(kState, { cache: "no-cache" });
  if (!response.ok) return;
  bits = atob((await response.json()).taken);
  tell();
};

const poll = () => {
  clearInterval(polling);
  polling = setInterval(() => readState().catch(() => {}), kPollMs);
};

const listen = () => {
  if (!window.EventSource) return poll();
  events = new EventSource(kEvents);
  // What happened before the first event is in the state.
  for (const name of ["hello", "reset"]) events.addEventListener(name, () => readState().catch(() => {}));
  events.addEventListener("claimed", (event) => {
    const claim = JSON.parse(event.data);
    learn(claim.place);
    tell(claim.place, claim.plaque);
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

// listener(place, plaque) for a painting taken just now; listener() when isTaken() has news of many.
export const subscribe = (listener) => {
  listeners.push(listener);
  if (listeners.length > 1) return;
  listen();
  // A browser has few connections to spare: a page nobody looks at holds none.
  document.addEventListener("visibilitychange", () => (document.hidden ? rest() : events || listen()));
  window.addEventListener("pagehide", rest);
  window.addEventListener("pageshow", (event) => event.persisted && !events && listen());
};
