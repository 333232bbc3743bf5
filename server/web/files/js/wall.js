// A wall of any length of which only what is near exists. The list of paintings says where each
// hangs: sizes and gaps are classes (css/wall.css), measured once and then added up.

import { isTaken, subscribe } from "./live.js";
import { markTaken, tend } from "./main.js";
import { say } from "./words.js";

const kSizes = 5;
const kGaps = 4;
const kFrames = 4;

const element = (name, attributes = {}, ...children) => {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
};

// As the server hangs them (hanging_class in server/web/page_parts.cpp).
const hanging = (id) => ({
  size: id.charCodeAt(0) % kSizes,
  gap: id.charCodeAt(1) % kGaps,
  frame: id.charCodeAt(2) % kFrames,
});

const ladder = (work, sizes, format) =>
  sizes.map((width) => `/paintings/${work.id}/${width}.${format} ${width}w`).join(", ");

const madeOf = (work, list) => {
  const { size, gap, frame } = hanging(work.id);
  const sizes = "(min-width: 140rem) 40rem, (min-width: 60rem) 22rem, 78vw";
  const side = list.sizes.at(-1);
  const image = element("img", {
    sizes,
    srcset: ladder(work, list.sizes, "jpg"),
    src: `/paintings/${work.id}/${list.sizes[Math.min(1, list.sizes.length - 1)]}.jpg`,
    width: side,
    height: side,
    alt: say("alt", { title: work.title, room: list.title }),
    decoding: "async",
  });
  const picture = element("picture", {}, element("source", { type: "image/webp", sizes, srcset: ladder(work, list.sizes, "webp") }), image);
  if (work.placeholder) picture.dataset.thumb = work.placeholder;
  const plaque = element("span", { class: "plaque" }, element("span", { class: "name" }, work.title), " ", element("span", { class: "state" }));
  const link = element("a", { href: `/paintings/${work.id}` }, element("span", { class: "frame" }, picture), plaque);
  return element("li", { class: `work size-${size} gap-${gap} frame-${frame}`, id: work.id, "data-place": work.place }, link);
};

export class Wall {
  // `region` scrolls; `list` is what /api/v1/rooms/{room} answers.
  constructor(region, list) {
    this.region = region;
    this.list = list;
    this.works = list.paintings;
    this.shelf = region.querySelector(".works");
    this.here = new Map([...this.shelf.children].map((item) => [item.id, item]));
    this.byId = new Map(this.works.map((work, i) => [work.id, i]));
    const byPlace = new Map(this.works.map((work) => [work.place, work]));
    this.measure();
    region.classList.add("alive");
    subscribe((place, plaque) => this.hear(byPlace, place, plaque));
    let asked = 0;
    this.draw = () => {
      asked ||= requestAnimationFrame(() => {
        asked = 0;
        this.show();
      });
    };
    region.addEventListener("scroll", this.draw, { passive: true });
    new ResizeObserver(() => this.remeasure()).observe(region);
  }

  // Where everything hangs, from one painting of each size and one of each gap.
  measure() {
    const probe = (classes) => {
      const item = element("li", { class: `work ${classes}`, "aria-hidden": "true" });
      this.shelf.append(item);
      const box = [item.getBoundingClientRect().width, parseFloat(getComputedStyle(item).marginInlineStart)];
      item.remove();
      return box;
    };
    const alive = this.region.classList.contains("alive");
    this.region.classList.remove("alive");
    const sizes = Array.from({ length: kSizes }, (_, i) => probe(`size-${i} gap-0`)[0]);
    const gaps = Array.from({ length: kGaps }, (_, i) => probe(`size-0 gap-${i}`)[1]);
    this.region.classList.toggle("alive", alive);
    this.width = this.region.clientWidth;
    this.left = new Float64Array(this.works.length + 1);
    this.wide = new Float64Array(this.works.length);
    this.works.forEach((work, i) => {
      const { size, gap } = hanging(work.id);
      this.wide[i] = sizes[size];
      this.left[i] += gaps[gap];
      this.left[i + 1] = this.left[i] + sizes[size];
    });
    this.length = this.left[this.works.length] + gaps[kGaps - 1];
  }

  remeasure() {
    if (this.region.clientWidth === this.width) return;
    const held = document.activeElement?.closest(".work")?.id;
    const middle = this.byId.get(held) ?? this.middle();
    for (const item of this.here.values()) item.remove();
    this.here.clear();
    this.measure();
    this.shelf.style.width = `${Math.max(this.length, this.width)}px`;
    this.goTo(middle);
    if (held) this.here.get(held)?.querySelector("a").focus({ preventScroll: true });
  }

  // The first painting whose right edge lies behind x.
  after(x) {
    let low = 0;
    let high = this.works.length - 1;
    while (low < high) {
      const half = (low + high) >> 1;
      if (this.left[half] + this.wide[half] < x) low = half + 1;
      else high = half;
    }
    return low;
  }

  middle() {
    return this.after(this.region.scrollLeft + this.region.clientWidth / 2);
  }

  // Makes what is near, drops what is far; what has the focus stays.
  show() {
    const { scrollLeft, clientWidth } = this.region;
    const first = this.after(scrollLeft - clientWidth);
    const last = this.after(scrollLeft + 2 * clientWidth);
    const near = new Set();
    for (let i = first; i <= last; ++i) near.add(this.works[i].id);
    for (const [id, item] of this.here)
      if (!near.has(id) && !item.contains(document.activeElement)) {
        item.remove();
        this.here.delete(id);
      }
    let before = null;
    for (let i = last; i >= first; --i) before = this.place(i, before);
  }

  // Paintings stand in the document as they hang: for those who walk by Tab or hear the page.
  place(i, before) {
    const work = this.works[i];
    let item = this.here.get(work.id);
    if (!item) {
      item = madeOf(work, this.list);
      this.here.set(work.id, item);
      this.shelf.insertBefore(item, before);
      tend(item);
    }
    if (work.taken) markTaken(item, work.plaque);
    item.style.left = `${this.left[i]}px`;
    item.setAttribute("aria-setsize", this.works.length);
    item.setAttribute("aria-posinset", i + 1);
    return item;
  }

  hear(byPlace, place, plaque) {
    const news = place === undefined ? this.works.filter((work) => isTaken(work.place)) : [byPlace.get(place)];
    for (const work of news) {
      if (!work || work.taken) continue;
      work.taken = true;
      work.plaque = plaque ?? "";
      const item = this.here.get(work.id);
      if (item) markTaken(item, plaque, place !== undefined);
    }
  }

  scrollFor(i) {
    return this.left[i] + this.wide[i] / 2 - this.region.clientWidth / 2;
  }

  goTo(i, behavior = "instant") {
    this.region.scrollTo({ left: this.scrollFor(i), behavior });
    this.show();
  }

  // To painting i, with the focus on it.
  focus(i, behavior) {
    const at = Math.max(0, Math.min(i, this.works.length - 1));
    let item = this.here.get(this.works[at].id);
    if (!item) {
      // Too far to glide: it does not exist yet.
      this.goTo(at);
      item = this.here.get(this.works[at].id);
    } else {
      this.region.scrollTo({ left: this.scrollFor(at), behavior });
    }
    item.querySelector("a").focus({ preventScroll: true });
  }
}
