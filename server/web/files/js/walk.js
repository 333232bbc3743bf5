// Ways along a wall besides scrolling: arrow keys from painting to painting, and a slider that tells
// where one is and leads anywhere.

import { say } from "./words.js";

const byKeys = (wall) =>
  wall.shelf.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
    const at = wall.byId.get(event.target.closest(".work")?.id);
    if (at === undefined) return;
    const to = {
      ArrowRight: () => at + 1,
      ArrowLeft: () => at - 1,
      ArrowDown: () => wall.neighbour(at, true),
      ArrowUp: () => wall.neighbour(at, false),
      Home: () => 0,
      End: () => wall.works.length - 1,
    }[event.key]?.();
    if (to === undefined) return;
    event.preventDefault();
    wall.focus(to);
  });

const bySlider = (wall, head) => {
  const box = document.createElement("div");
  const slider = document.createElement("input");
  const output = document.createElement("output");
  box.className = "along";
  slider.type = "range";
  slider.min = 1;
  slider.max = wall.works.length;
  slider.setAttribute("aria-label", say("along"));
  box.append(slider, output);
  head.append(box);
  const tell = () => {
    const text = say("position", { n: slider.valueAsNumber.toLocaleString(document.documentElement.lang), count: wall.works.length.toLocaleString(document.documentElement.lang) });
    output.textContent = text;
    slider.setAttribute("aria-valuetext", text);
  };
  slider.addEventListener("input", () => {
    wall.goTo(slider.valueAsNumber - 1);
    tell();
  });
  const update = () => {
    // What was asked for stays chosen as long as it is in sight.
    if (document.activeElement === slider && wall.isInSight(slider.valueAsNumber - 1)) return;
    slider.value = wall.first() + 1;
    tell();
  };
  window.addEventListener("scroll", update, { passive: true });
  update();
};

export const walkable = (wall, head) => {
  byKeys(wall);
  if (wall.works.length > 1) bySlider(wall, head);
};
