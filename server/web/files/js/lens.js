// Coming close to the full picture: wheel, two fingers, pulling, keys. The picture never leaves its
// frame empty.

import { say } from "./words.js";

const kStep = 1.3;
const kDeepest = 12;      // screen pixels for each of the picture's
const kPixelsFrom = 3;    // from here on they may be seen as pixels

export const closeUp = (link) => {
  const box = link.querySelector("picture");
  const image = link.querySelector("img");
  const frame = document.createElement("div");
  frame.className = link.className;
  frame.tabIndex = 0;
  frame.setAttribute("role", "application");
  frame.setAttribute("aria-label", `${image.alt}. ${say("zoom")}`);
  frame.append(box);
  link.replaceWith(frame);

  const side = Number(link.dataset.side);
  let scale = 1;
  let x = 0;
  let y = 0;

  const draw = () => {
    const width = box.clientWidth;
    scale = Math.max(1, Math.min(scale, (kDeepest * side) / width));
    x = Math.min(0, Math.max(x, width * (1 - scale)));
    y = Math.min(0, Math.max(y, width * (1 - scale)));
    image.style.transform = scale === 1 ? "" : `translate(${x}px, ${y}px) scale(${scale})`;
    frame.classList.toggle("close", scale > 1);
    frame.classList.toggle("deep", scale > 1 && (width * scale) / side > kPixelsFrom);
  };
  // The point under (px, py) stays where it is.
  const zoom = (factor, px = box.clientWidth / 2, py = box.clientHeight / 2) => {
    const before = scale;
    scale *= factor;
    scale = Math.max(1, Math.min(scale, (kDeepest * side) / box.clientWidth));
    x = px - ((px - x) * scale) / before;
    y = py - ((py - y) * scale) / before;
    draw();
  };
  const within = (event) => {
    const edge = box.getBoundingClientRect();
    return [event.clientX - edge.left, event.clientY - edge.top];
  };

  box.addEventListener(
    "wheel",
    (event) => {
      // From afar the wheel scrolls the page.
      if (scale === 1 && !event.ctrlKey) return;
      event.preventDefault();
      zoom(Math.exp(-event.deltaY / 400), ...within(event));
    },
    { passive: false },
  );

  // One finger scrolls the page from afar; two are ours, and one is, close up.
  box.addEventListener("touchmove", (event) => (event.touches.length > 1 || scale > 1) && event.preventDefault(), { passive: false });

  const fingers = new Map();
  let moved = false;
  box.addEventListener("dragstart", (event) => event.preventDefault());
  box.addEventListener("pointerdown", (event) => {
    box.setPointerCapture(event.pointerId);
    fingers.set(event.pointerId, within(event));
    moved = fingers.size > 1;
  });
  box.addEventListener("pointermove", (event) => {
    const from = fingers.get(event.pointerId);
    if (!from) return;
    const to = within(event);
    const others = [...fingers].filter(([id]) => id !== event.pointerId).map(([, at]) => at);
    if (others.length > 0) {
      const [px, py] = others[0];
      const gap = (at) => Math.hypot(at[0] - px, at[1] - py) || 1;
      zoom(gap(to) / gap(from), (to[0] + px) / 2, (to[1] + py) / 2);
    } else {
      if (Math.hypot(to[0] - from[0], to[1] - from[1]) > 2) moved = true;
      x += to[0] - from[0];
      y += to[1] - from[1];
      draw();
    }
    fingers.set(event.pointerId, to);
  });
  for (const name of ["pointerup", "pointercancel"])
    box.addEventListener(name, (event) => {
      fingers.delete(event.pointerId);
      if (name === "pointerup" && !moved) zoom(scale > 1 ? 1 / scale : 2.5, ...within(event));
    });

  frame.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const by = box.clientWidth / 5;
    const act = {
      "+": () => zoom(kStep), "=": () => zoom(kStep), "-": () => zoom(1 / kStep),
      0: () => zoom(1 / scale),
      ArrowLeft: () => (x += by), ArrowRight: () => (x -= by),
      ArrowUp: () => (y += by), ArrowDown: () => (y -= by),
    }[event.key];
    if (!act || (scale === 1 && event.key.startsWith("Arrow"))) return;
    event.preventDefault();
    act();
    draw();
  });
  window.addEventListener("resize", draw);
};
