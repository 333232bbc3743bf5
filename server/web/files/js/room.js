// A room: its shelf of paintings becomes one long wall, and the address remembers where one stands.

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
  region.addEventListener(
    "scroll",
    () => {
      clearTimeout(settled);
      settled = setTimeout(() => {
        const id = wall.works[wall.middle()].id;
        history.replaceState({ left: region.scrollLeft, width: region.clientWidth }, "", `#${id}`);
      }, kSettledMs);
    },
    { passive: true },
  );
};

const open = async () => {
  const response = await fetch(region.dataset.list);
  if (!response.ok) return;
  const list = await response.json();
  if (list.paintings.length === 0) return;
  const wall = new Wall(region, list);
  wall.shelf.style.width = `${Math.max(wall.length, wall.width)}px`;
  const before = history.state;
  if (before?.left !== undefined && before.width === region.clientWidth) {
    region.scrollLeft = before.left;
    wall.show();
  } else if (location.hash || region.dataset.first !== "0") {
    wall.goTo(placeToBegin(wall));
  } else {
    wall.show();
  }
  // A link to a painting is a link to its place on the wall: whoever follows it stands before it.
  if (location.hash && !before) document.getElementById(location.hash.slice(1))?.querySelector("a").focus({ preventScroll: true });
  walkable(wall);
  remember(wall);
};

// Without the list the shelf stays as it is, page by page.
if (region) open().catch(() => {});

// What is chosen shows at once; the button is for everybody else.
document.querySelector(".filter select")?.addEventListener("change", (event) => event.target.form.requestSubmit());
