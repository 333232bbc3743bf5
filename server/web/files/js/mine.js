// The owner's page, and what a visitor without a painting remembered.

import { remembered } from "./favourites.js";
import { closeUp } from "./lens.js";
import { tend } from "./main.js";
import { say } from "./words.js";

const kPaintedMs = 2000;

// Until the picture is there.
if (document.querySelector("[data-waiting]")) setTimeout(() => location.reload(), kPaintedMs);

const lens = document.querySelector("a.lens");
if (lens) closeUp(lens);

const share = document.getElementById("share");
if (share) {
  share.value = new URL(share.value, location.href).href;
  const copy = document.querySelector(".copy");
  copy.hidden = !navigator.clipboard;
  copy.addEventListener("click", async () => {
    await navigator.clipboard.writeText(share.value);
    copy.textContent = say("copied");
  });
}

const shelf = document.querySelector(".favourites");
const things = shelf ? remembered() : [];
for (const { id, title, picture } of things) {
  if (!/^[a-z0-9]+$/.test(id) || !String(picture).startsWith(`/paintings/${id}/`)) continue;
  const image = document.createElement("img");
  image.alt = "";
  image.src = picture;
  image.loading = "lazy";
  const inner = document.createElement("picture");
  inner.append(image);
  const frame = document.createElement("span");
  frame.className = "frame";
  frame.append(inner);
  const name = document.createElement("span");
  name.className = "plaque";
  name.textContent = title;
  const link = document.createElement("a");
  link.href = `/paintings/${id}`;
  link.append(frame, name);
  const item = document.createElement("li");
  item.className = "work";
  item.append(link);
  shelf.querySelector("ul").append(item);
}
if (shelf) {
  shelf.hidden = things.length === 0;
  tend(shelf);
}
