// Ways to walk along a wall besides the browser's own: the wheel, the mouse that pulls, arrow keys,
// two buttons.

import { say, stillness } from "./words.js";

const kPullPx = 6;         // less is a click
const kSlow = 0.94;        // of the speed is left after each frame
const kWheelStepPx = 80;   // more than a finger on a touchpad moves at once

const glide = () => (stillness() ? "instant" : "smooth");

const byWheel = (region) =>
  region.addEventListener(
    "wheel",
    (event) => {
      if (event.ctrlKey || event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) return;
      const by = event.deltaY * (event.deltaMode === 1 ? 40 : event.deltaMode === 2 ? region.clientWidth : 1);
      const end = region.scrollWidth - region.clientWidth;
      // At either end the page goes on as pages do.
      if ((by < 0 && region.scrollLeft <= 0) || (by > 0 && region.scrollLeft >= end - 1)) return;
      event.preventDefault();
      region.scrollBy({ left: by, behavior: Math.abs(by) > kWheelStepPx ? glide() : "instant" });
    },
    { passive: false },
  );

const byPulling = (region) => {
  let from = null;
  let speed = 0;
  region.addEventListener("dragstart", (event) => event.preventDefault());
  region.addEventListener("pointerdown", (event) => {
    speed = 0;
    if (event.pointerType === "mouse" && event.button === 0) from = { x: event.clientX, left: region.scrollLeft, far: false };
  });
  region.addEventListener("pointermove", (event) => {
    if (!from) return;
    if (!from.far && Math.abs(event.clientX - from.x) < kPullPx) return;
    if (!from.far) region.setPointerCapture(event.pointerId);
    from.far = true;
    region.classList.add("pulled");
    const left = from.left - (event.clientX - from.x);
    speed = left - region.scrollLeft;
    region.scrollLeft = left;
  });
  const run = () => {
    if (Math.abs(speed) < 1) return;
    region.scrollLeft += speed;
    speed *= kSlow;
    requestAnimationFrame(run);
  };
  const letGo = () => {
    if (from?.far) {
      // The click that ends a pull opens nothing.
      region.addEventListener("click", (event) => event.preventDefault(), { once: true, capture: true });
      setTimeout(() => region.classList.remove("pulled"));
      if (!stillness()) run();
    }
    from = null;
  };
  for (const name of ["pointerup", "pointercancel"]) region.addEventListener(name, letGo);
};

const byKeys = (wall) =>
  wall.region.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
    const item = event.target.closest(".work");
    const at = item ? wall.byId.get(item.id) : null;
    const to = {
      ArrowRight: at === null ? wall.middle() : at + 1,
      ArrowLeft: at === null ? wall.middle() : at - 1,
      Home: 0,
      End: wall.works.length - 1,
    }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    wall.focus(to, glide());
  });

const byButtons = (wall) => {
  const { region } = wall;
  const pace = (name, label, sign, direction) => {
    const button = document.createElement("button");
    button.type = "button";
    button.className = `pace ${name}`;
    button.setAttribute("aria-label", label);
    button.textContent = sign;
    button.addEventListener("click", () =>
      region.scrollBy({ left: direction * region.clientWidth * 0.7, behavior: glide() }));
    region.after(button);
    return button;
  };
  const on = pace("on", say("next"), "›", 1);
  const back = pace("back", say("previous"), "‹", -1);
  // A button that has led to the end gives the focus to the other one.
  const update = () => {
    const held = document.activeElement;
    back.disabled = region.scrollLeft <= 0;
    on.disabled = region.scrollLeft >= region.scrollWidth - region.clientWidth - 1;
    if (!held?.disabled || !held.classList.contains("pace")) return;
    const other = held === back ? on : back;
    (other.disabled ? region : other).focus({ preventScroll: true });
  };
  region.addEventListener("scroll", update, { passive: true });
  update();
};

export const walkable = (wall) => {
  byWheel(wall.region);
  byPulling(wall.region);
  byKeys(wall);
  byButtons(wall);
};
