// A room: its page of paintings becomes one whole wall, and the address remembers where one stands.

import { walkable } from "./walk.js";
import { Wall } from "./wall.js";

const kSettledMs = 160;

const region = document.querySelector(".wall");

const placeToBegin = (wall) => {
  const linked = wall.byId.get(location.hash.slice(1) || new URLSearchParams(location.search).get("at"));
  return linked ?? Number(region.dataset.first);
};

const remember = (wall) => {
  let settled = 0;
  const keep = () => history.replaceState({ top: scrollY, width: wall.width }, "", `#${wall.works[wall.middle()].id}`);
  window.addEventListener(
    "scroll",
    () => {
      clearTimeout(settled);
      settled = setTimeout(keep, kSettledMs);
    },
    { passive: true },
  );
  window.addEventListener("pagehide", () => settled && keep());
};

const open = async () => {
  const response = await fetch(region.dataset.list);
  if (!response.ok) return;
  const list = await response.json();
  if (list.paintings.length === 0) return;
  const wall = new Wall(region, list);
  walkable(wall, document.querySelector(".hall-head"));
  const before = history.state;
  history.scrollRestoration = "manual";
  if (before?.top !== undefined && before.width === wall.width) {
    scrollTo({ top: before.top, behavior: "instant" });
    wall.show();
  } else if (location.hash || region.dataset.first !== "0") {
    wall.goTo(placeToBegin(wall));
  } else {
    wall.show();
  }
  // A link to a painting is a link to its place on the wall: whoever follows it stands before it.
  if (location.hash && !before) {
    const linked = wall.byId.get(location.hash.slice(1));
    if (linked !== undefined) wall.focus(linked);
  }
  remember(wall);
};

// Without the list the page stays as it is.
if (region) open().catch(() => {});

// What is chosen shows at once; the button is for everybody else.
document.querySelector(".filter select")?.addEventListener("change", (event) => event.target.form.requestSubmit());
