// On every page: pictures that come late, red dots and counts as they change. The pages work
// without any of it.

import { freeAmong, isTaken, subscribe } from "./live.js";
import { shade } from "./thumb.js";
import { count, say } from "./words.js";

const kTriesMax = 6;
const kTryAgainMs = 2000;

// The server may be too busy to paint a picture at once. Each wait is twice the one before it.
const tryAgain = (image, triesLeft) => {
  if (triesLeft === 0 || !image.isConnected) {
    image.classList.remove("late");  // then its words stand in its place
    return;
  }
  image.classList.add("late");
  image.addEventListener("load", () => image.classList.remove("late"), { once: true });
  setTimeout(() => {
    image.addEventListener("error", () => tryAgain(image, triesLeft - 1), { once: true });
    // Setting an attribute to what it is makes the browser choose and fetch anew.
    if (image.srcset) image.srcset = image.srcset;
    else image.src = image.src;
  }, kTryAgainMs * 2 ** (kTriesMax - triesLeft));
};

export const tend = (root) => {
  for (const image of root.querySelectorAll("img")) {
    if (image.complete && image.naturalWidth === 0 && image.currentSrc) tryAgain(image, kTriesMax);
    else image.addEventListener("error", () => tryAgain(image, kTriesMax), { once: true });
  }
  for (const picture of root.querySelectorAll("picture[data-thumb]")) shade(picture, picture.dataset.thumb);
};

export const markTaken = (element, plaque, just = false) => {
  if (element.classList.contains("taken")) return;
  element.classList.add("taken");
  if (just) element.classList.add("just");
  const dot = document.createElement("span");
  dot.className = "dot";
  dot.setAttribute("aria-hidden", "true");
  element.querySelector(".state")?.replaceChildren(dot, plaque ? say("taken_by", { name: plaque }) : say("taken"));
  const way = element.querySelector('a.take[href$="/claim"]');
  const beside = way === document.activeElement ? way.nextElementSibling : null;
  way?.remove();
  beside?.focus();  // whoever stood on it stands beside it now
};

const placed = document.querySelectorAll("[data-place]");
const counts = document.querySelectorAll("[data-free]");

if (placed.length + counts.length > 0)
  subscribe((place, plaque) => {
    for (const element of placed) {
      const its = Number(element.dataset.place);
      if (its === place) markTaken(element, plaque, true);
      else if (place === undefined && isTaken(its)) markTaken(element);
    }
    for (const element of counts) {
      const text = count("free", freeAmong(Number(element.dataset.from), Number(element.dataset.count)));
      if (element.textContent !== text) element.textContent = text;
    }
  });

tend(document);

// Another language, and still before the same painting.
document.querySelector(".languages").addEventListener("click", (event) => {
  const link = event.target.closest("a");
  if (link) link.hash = location.hash;
});
