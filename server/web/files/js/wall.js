// A wall of any length, hung frame to frame, of which only what is near exists. Bands as wide as the
// window hold large pictures (two cells square) between pairs of small ones, in the order of the list.

import { isTaken, subscribe } from "./live.js";
import { markTaken, tend } from "./main.js";
import { say } from "./words.js";

const kFrames = 4;
const kCellPx = 72;        // the least and the most that a small picture measures
const kCellMaxPx = 168;
const kColumnsMin = 4;
const kLargeShare = 0.3;   // of a band's columns, how many begin a large picture
const kGapShare = 0.09;    // of a cell
const kScreensAhead = 1;

const element = (name, attributes = {}, ...children) => {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
};

// As the server frames them (hanging_class in server/web/page_parts.cpp).
const frameOf = (id) => id.charCodeAt(2) % kFrames;

const ladder = (work, sizes, format) =>
  sizes.map((width) => `/paintings/${work.id}/${width}.${format} ${width}w`).join(", ");

const madeOf = (work, list) => {
  const side = list.sizes.at(-1);
  const image = element("img", {
    srcset: ladder(work, list.sizes, "jpg"),
    src: `/paintings/${work.id}/${list.sizes[Math.min(1, list.sizes.length - 1)]}.jpg`,
    width: side,
    height: side,
    alt: say("alt", { title: work.title, room: list.title }),
    decoding: "async",
  });
  const picture = element("picture", {}, element("source", { type: "image/webp", srcset: ladder(work, list.sizes, "webp") }), image);
  if (work.placeholder) picture.dataset.thumb = work.placeholder;
  const plaque = element("span", { class: "plaque" }, element("span", { class: "name", "aria-hidden": "true" }, work.title), " ", element("span", { class: "state" }));
  const link = element("a", { href: `/paintings/${work.id}`, tabindex: -1 }, element("span", { class: "frame" }, picture), plaque);
  return element("li", { class: `work frame-${frameOf(work.id)}`, id: work.id, "data-place": work.place }, link);
};

// The columns of band `band`: true begins a large picture (two columns), false is a pair of small ones.
const bandOf = (columns, band) => {
  const large = Math.max(1, Math.round(columns * kLargeShare));
  const parts = columns - large;
  const shift = (band * 0.382) % 1;
  return Array.from({ length: parts }, (_, i) =>
    Math.floor(((i + 1) * large) / parts + shift) > Math.floor((i * large) / parts + shift));
};

export class Wall {
  // `list` is what /api/v1/rooms/{room} answers.
  constructor(region, list) {
    this.region = region;
    this.list = list;
    this.works = list.paintings;
    this.shelf = region.querySelector(".works");
    this.here = new Map([...this.shelf.children].map((item) => [item.id, item]));
    this.byId = new Map(this.works.map((work, i) => [work.id, i]));
    this.current = 0;  // which painting Tab leads to
    const byPlace = new Map(this.works.map((work) => [work.place, work]));
    region.classList.add("alive");
    this.measure();
    subscribe((place, plaque) => this.hear(byPlace, place, plaque));
    let asked = 0;
    this.draw = () => {
      asked ||= requestAnimationFrame(() => {
        asked = 0;
        this.show();
      });
    };
    window.addEventListener("scroll", this.draw, { passive: true });
    new ResizeObserver(() => this.remeasure()).observe(this.shelf);
    this.shelf.addEventListener("focusin", (event) => {
      const item = event.target.closest(".work");
      if (item) this.makeCurrent(this.byId.get(item.id));
    });
  }

  // Where everything hangs: left, top and side of each, and the band it is in.
  measure() {
    this.width = this.shelf.clientWidth;
    const wanted = Math.max(kCellPx, Math.min(kCellMaxPx, this.list.sizes.at(-1)));
    const columns = Math.max(kColumnsMin, Math.floor(this.width / wanted));
    this.cell = this.width / columns;
    const gap = Math.max(5, this.cell * kGapShare);
    this.x = [];
    this.y = [];
    this.side = [];
    this.bandStart = [];
    const hang = (column, row, band, cells) => {
      if (this.x.length === this.works.length) return;
      this.x.push(column * this.cell + gap / 2);
      this.y.push((2 * band + row) * this.cell + gap / 2);
      this.side.push(cells * this.cell - gap);
    };
    for (let band = 0; this.x.length < this.works.length; ++band) {
      this.bandStart.push(this.x.length);
      let column = 0;
      for (const large of bandOf(columns, band)) {
        if (large) {
          hang(column, 0, band, 2);
          column += 2;
        } else {
          hang(column, 0, band, 1);
          hang(column, 1, band, 1);
          column += 1;
        }
      }
    }
    this.shelf.style.height = `${2 * this.cell * this.bandStart.length}px`;
  }

  remeasure() {
    if (this.shelf.clientWidth === this.width) return;
    const held = document.activeElement?.closest?.(".work")?.id;
    const middle = this.byId.get(held) ?? this.middle();
    this.measure();
    this.goTo(middle);
  }

  top() {
    return this.shelf.getBoundingClientRect().top + scrollY;
  }

  bandAt(y) {
    return Math.max(0, Math.min(Math.floor(y / (2 * this.cell)), this.bandStart.length - 1));
  }

  // The first painting of the band in the middle of the window.
  middle() {
    return this.bandStart[this.bandAt(scrollY + innerHeight / 2 - this.top())];
  }

  // The first painting of the uppermost band in sight.
  first() {
    return this.bandStart[this.bandAt(scrollY + this.cell - this.top())];
  }

  isInSight(i) {
    const y = this.top() + this.y[i] - scrollY;
    return y + this.side[i] > 0 && y < innerHeight;
  }

  // Makes what is near, drops what is far; what has the focus stays.
  show() {
    const above = scrollY - this.top();
    const first = this.bandStart[this.bandAt(above - kScreensAhead * innerHeight)];
    const lastBand = this.bandAt(above + (1 + kScreensAhead) * innerHeight);
    const last = (this.bandStart[lastBand + 1] ?? this.works.length) - 1;
    const near = new Set();
    for (let i = first; i <= last; ++i) near.add(this.works[i].id);
    for (const [id, item] of this.here)
      if (!near.has(id) && !item.contains(document.activeElement)) {
        item.remove();
        this.here.delete(id);
      }
    let before = null;
    for (let i = last; i >= first; --i) before = this.place(i, before);
    if (this.current < first || this.current > last) this.makeCurrent(this.middle());
  }

  // Paintings stand in the document as they hang: for those who hear the page.
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
    item.style.width = `${this.side[i]}px`;
    item.style.transform = `translate(${this.x[i]}px, ${this.y[i]}px)`;
    for (const part of item.querySelectorAll("source, img")) part.sizes = `${Math.ceil(this.side[i])}px`;
    item.querySelector("a").tabIndex = i === this.current ? 0 : -1;
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

  // The wall is one stop of the Tab key.
  makeCurrent(i) {
    const link = (at) => this.here.get(this.works[at].id)?.querySelector("a");
    const before = link(this.current);
    if (before) before.tabIndex = -1;
    this.current = i;
    const now = link(i);
    if (now) now.tabIndex = 0;
  }

  goTo(i) {
    scrollTo({ top: this.top() + this.y[i] + this.side[i] / 2 - innerHeight / 2, behavior: "instant" });
    this.show();
  }

  // The painting beside i in a direction: the nearest one whose middle lies there.
  neighbour(i, down) {
    const middle = (at) => [this.x[at] + this.side[at] / 2, this.y[at] + this.side[at] / 2];
    const [x, y] = middle(i);
    const band = this.bandAt(this.y[i]);
    const first = this.bandStart[Math.max(0, band - 1)];
    const end = this.bandStart[band + 2] ?? this.works.length;
    let best = i;
    let least = Infinity;
    for (let at = first; at < end; ++at) {
      const [ax, ay] = middle(at);
      const ahead = down ? ay - y : y - ay;
      const distance = Math.abs(ax - x) + 2 * ahead;
      if (ahead > this.cell / 3 && distance < least) [best, least] = [at, distance];
    }
    return best;
  }

  // To painting i, with the focus on it.
  focus(i) {
    const at = Math.max(0, Math.min(i, this.works.length - 1));
    if (!this.here.has(this.works[at].id)) this.goTo(at);
    const link = this.here.get(this.works[at].id).querySelector("a");
    link.focus({ preventScroll: true });
    link.scrollIntoView({ block: "nearest", behavior: "instant" });
    this.show();
  }
}
