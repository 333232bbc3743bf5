// A painting alone: the passage into the next one, what one remembers, arrow keys.

import { isRemembered, toggle } from "./favourites.js";
import { play } from "./passage.js";
import { say, stillness } from "./words.js";

const kHoverMs = 600;

const piece = document.getElementById("piece");
const picture = piece.querySelector("picture");
const flow = piece.querySelector("a[data-flow]");
const next = piece.querySelector('a.step[rel="next"]');

document.addEventListener("keydown", (event) => {
  if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey || event.target.closest("input, select")) return;
  const relation = { ArrowLeft: "prev", ArrowRight: "next" }[event.key];
  if (relation) piece.querySelector(`a.step[rel="${relation}"]`)?.click();
});

let moving = null;

const stop = () => {
  moving?.stop.abort();
  moving?.box.remove();
  moving = null;
};

const start = (onEnd) => {
  stop();
  const box = document.createElement("span");
  box.className = "moving";
  const canvas = document.createElement("canvas");
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", say("flow_alt"));
  box.append(canvas);
  const mine = { box, stop: new AbortController() };
  moving = mine;
  play(flow.dataset.flow, canvas, mine.stop.signal, () => picture.append(box))
    .then((whole) => onEnd(whole), () => onEnd(mine.stop.signal.aborted));
};

if (flow) {
  const word = flow.textContent;
  flow.setAttribute("role", "button");
  const toggleFlow = () => {
    if (moving) {
      stop();
      flow.textContent = word;
      return;
    }
    flow.textContent = say("flow_stop");
    start((whole) => {
      if (!whole) {
        stop();
        flow.textContent = say("flow_busy");
      }
    });
  };
  flow.addEventListener("click", (event) => {
    event.preventDefault();
    toggleFlow();
  });
  flow.addEventListener("keydown", (event) => {
    if (event.key !== " ") return;
    event.preventDefault();
    toggleFlow();
  });
  // Whoever lingers at the way on sees where it leads.
  let lingering = 0;
  next?.addEventListener("pointerenter", (event) => {
    if (event.pointerType === "mouse" && !stillness() && !moving) lingering = setTimeout(() => start(() => {}), kHoverMs);
  });
  next?.addEventListener("pointerleave", () => {
    clearTimeout(lingering);
    if (flow.textContent === word) stop();
  });
  document.addEventListener("visibilitychange", () => document.hidden && moving && (stop(), (flow.textContent = word)));
}

const heart = piece.querySelector(".heart");
const thing = {
  id: piece.dataset.id,
  title: piece.dataset.title,
  picture: picture.querySelector("img").getAttribute("src"),
};
const beat = (on) => {
  heart.setAttribute("aria-pressed", on);
  heart.textContent = say("remember");
};
heart.hidden = false;
beat(isRemembered(thing));
heart.addEventListener("click", () => beat(toggle(thing)));
