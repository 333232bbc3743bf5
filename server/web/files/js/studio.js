// The studio without reloading: the next print is on its way before it is asked for, and what one
// keeps stays in this browser.

import { isRemembered, remembered, toggle } from "./favourites.js";
import { tend } from "./main.js";
import { say } from "./words.js";

const kKey = "vernissage.prints";
const kAhead = 2;

const bench = document.querySelector(".bench");
const image = bench.querySelector(".shirt img");
const caption = bench.querySelector(".caption");
const download = bench.querySelector("a[download]");
const keep = bench.querySelector(".keep");
const keptShelf = document.querySelector(".kept");
const most = Number(bench.dataset.max);
let number = Number(bench.dataset.number);

const printUrl = (n, extension = "jpg") => `/api/v1/studio/${n}.${extension}`;
const pageUrl = (n) => `/studio?from=${n}`;

const cardOf = (n) => {
  const picture = document.createElement("img");
  picture.src = printUrl(n);
  picture.width = picture.height = Number(bench.dataset.side);
  picture.alt = "";
  const name = document.createElement("span");
  name.className = "name";
  name.textContent = say("print", { n });
  const link = document.createElement("a");
  link.href = pageUrl(n);
  link.append(picture, name);
  const item = document.createElement("li");
  item.className = "print";
  item.append(link);
  return item;
};

const showKept = () => {
  const kept = remembered(kKey).filter((n) => Number.isInteger(n) && n >= 0 && n < most);
  keptShelf.hidden = kept.length === 0;
  keptShelf.querySelector("ul").replaceChildren(...kept.map(cardOf));
  tend(keptShelf);
};

const showKeep = () => {
  const on = isRemembered(number, kKey);
  keep.setAttribute("aria-pressed", on);
};

const ahead = [];
const prepare = () => {
  ahead.length = 0;
  for (let n = number + 1; n <= Math.min(number + kAhead, most - 1); ++n) {
    const coming = new Image();
    coming.src = printUrl(n);
    ahead.push(coming);
  }
};

const show = (n) => {
  if (n < 0 || n >= most) return;
  number = n;
  const name = say("print", { n });
  image.src = printUrl(n);
  image.alt = name;
  caption.textContent = name;
  bench.dataset.number = n;  // there is no way back from the first
  download.href = printUrl(n, "png");
  download.download = `print-${n}.png`;
  for (const [relation, to] of [["prev", n - 1], ["next", n + 1]]) {
    const link = bench.querySelector(`a[rel="${relation}"]`);
    if (link && to >= 0 && to < most) link.href = pageUrl(to);
  }
  if (n === 0 && document.activeElement?.rel === "prev") bench.querySelector('a[rel="next"]').focus();
  tend(bench);
  showKeep();
  prepare();
};

const turn = (n) => {
  if (n < 0 || n >= most) return;
  history.pushState(null, "", pageUrl(n));
  show(n);
};

bench.addEventListener("click", (event) => {
  const relation = event.target.closest("a[rel]")?.rel;
  if (!relation || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  turn(number + (relation === "next" ? 1 : -1));
});
document.addEventListener("keydown", (event) => {
  if (event.altKey || event.ctrlKey || event.metaKey || event.target.closest("input")) return;
  const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (by) turn(number + by);
});
window.addEventListener("popstate", () => show(Number(new URLSearchParams(location.search).get("from") ?? 0)));

keep.hidden = false;
keep.addEventListener("click", () => {
  toggle(number, kKey);
  showKeep();
  showKept();
});
showKeep();
showKept();
prepare();
