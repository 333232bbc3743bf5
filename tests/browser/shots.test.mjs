// Goal: every page as it looks on a phone, a laptop and a 4K screen, in light and dark, kept to be looked at.
// Method: screenshots into VERNISSAGE_SHOTS; what is asserted is that pictures are there and nothing is cut off.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { join } from "node:path";
import { browser, curated, folder, serve, shots } from "./gallery.mjs";
import { aliveWall, farewell, overflow, paintings, pictured, takeByApi, visitor } from "./visitor.mjs";

const kWindows = [{ width: 390, height: 844 }, { width: 1280, height: 800 }, { width: 3840, height: 2160 }];

let chromium, server, people;
before(async () => {
  server = await serve(curated(join(folder(), "gallery")));
  chromium = await browser();
  people = await paintings(server, "people");
  await takeByApi(server, people[1].id, "Ada Lovelace");
});
after(async () => {
  await chromium?.close();
  assert.equal(await server?.stop(), 0);
});

async function photograph(page, name) {
  for (const size of kWindows)
    for (const colorScheme of ["light", "dark"]) {
      await page.setViewportSize(size);
      await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
      await pictured(page);
      assert.ok((await overflow(page)) <= 0, `${name} at ${size.width}`);
      const path = join(shots(), `${name}-${size.width}-${colorScheme}.jpg`);
      await page.screenshot({ path, type: "jpeg", quality: 75, timeout: 0 });
    }
}

const places = {
  entrance: () => "/",
  room: () => "/rooms/people",
  "room-empty": () => "/rooms/city?q=nothing+is+called+this",
  painting: () => `/paintings/${people[2].id}`,
  "painting-taken": () => `/paintings/${people[1].id}`,
  counter: () => `/paintings/${people[2].id}/claim`,
  "mine-nothing": () => "/mine",
  certificate: () => `/certificates/${people[1].id}`,
  drift: () => `/drift?at=${people[3].id}`,
  studio: () => "/studio",
  "no-page": () => "/rooms/nowhere",
};

for (const [name, path] of Object.entries(places))
  test(name, async () => {
    const page = await visitor(chromium, server, { reducedMotion: "reduce" });
    await page.goto(path());
    if (name === "room") await aliveWall(page);
    await photograph(page, name);
    await farewell(page);
  });

test("mine, and what the one who came too late sees", async () => {
  const page = await visitor(chromium, server, { reducedMotion: "reduce" });
  const late = await visitor(chromium, server, { reducedMotion: "reduce" });
  for (const visit of [page, late]) await visit.goto(`/paintings/${people[0].id}/claim`);
  await page.getByRole("button", { name: "Take it for good" }).click();
  await page.getByRole("application").waitFor();
  await photograph(page, "mine");
  await late.getByRole("button", { name: "Take it for good" }).click();
  await late.getByRole("heading", { name: "Taken a moment ago" }).waitFor();
  await photograph(late, "too-late");
  await farewell(page, late);
});
