// Goal: the gallery is for everyone: no fault that axe-core finds, in light and dark, on any page; nothing moves for
// those who asked for stillness; narrow windows and 400 % zoom need no sideways scrolling; it makes sense without
// pictures; it speaks its visitor's language.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { after, before, test } from "node:test";
import { join } from "node:path";
import { browser, curated, folder, serve } from "./gallery.mjs";
import { aliveWall, farewell, overflow, paintings, takeByApi, visitor } from "./visitor.mjs";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

let chromium, server, owner, pages;
before(async () => {
  server = await serve(curated(join(folder(), "gallery")));
  chromium = await browser();
  const people = await paintings(server, "people");
  await takeByApi(server, people[1].id, "Ada");
  // Someone who owns a painting sees pages that others do not.
  owner = await visitor(chromium, server);
  await owner.goto(`/paintings/${people[0].id}/claim`);
  await owner.getByRole("button", { name: "Yes, this one" }).click();
  await owner.getByRole("application").waitFor();
  const { cookies } = await owner.context().storageState();
  pages = [
    ["the entrance", "/"],
    ["a room", "/rooms/people"],
    ["a room in which nothing was found", "/rooms/city?q=nothing+is+called+this"],
    ["a painting", `/paintings/${people[2].id}`],
    ["a taken painting", `/paintings/${people[1].id}`],
    ["the counter", `/paintings/${people[2].id}/claim`],
    ["nothing of one's own", "/mine"],
    ["a certificate", `/certificates/${people[0].id}`],
    ["the drift", `/drift?at=${people[3].id}`],
    ["the studio", "/studio"],
    ["no page", "/rooms/nowhere"],
    ["the owner's page", "/mine", { cookies }],
    ["the counter once more", `/paintings/${people[2].id}/claim`, { cookies }],
  ].map(([name, path, storageState]) => ({ name, path, options: storageState ? { storageState } : {} }));
});
after(async () => {
  await chromium?.close();
  assert.equal(await server?.stop(), 0);
});

async function open(page, path) {
  await page.goto(path);
  if (/^\/rooms\/people/.test(path)) await aliveWall(page);
}

test("axe-core finds no fault, in light and in dark", async () => {
  const faults = [];
  for (const { name, path, options } of pages) {
    const page = await visitor(chromium, server, { reducedMotion: "reduce", ...options });
    await open(page, path);
    await page.evaluate(axe);
    for (const colorScheme of ["light", "dark"]) {
      await page.emulateMedia({ colorScheme });
      const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
      for (const { id, nodes } of violations) faults.push(`${name}, ${colorScheme}: ${id} at ${nodes[0].html}: ${nodes[0].failureSummary}`);
    }
    await farewell(page);
  }
  assert.deepEqual(faults, []);
});

test("for those who asked for stillness nothing moves", async () => {
  const moving = (page) =>
    page.evaluate(() => document.getAnimations().filter((animation) => animation.playState === "running").length);
  const lively = await visitor(chromium, server, { reducedMotion: "no-preference" });
  await lively.goto("/");
  assert.ok((await moving(lively)) > 0, "the entrance does not even move for others");
  await farewell(lively);
  for (const { name, path, options } of pages) {
    const page = await visitor(chromium, server, { reducedMotion: "reduce", ...options });
    await open(page, path);
    assert.equal(await moving(page), 0, name);
    // Nothing to pause: it goes on by hand alone.
    if (path.startsWith("/drift")) assert.equal(await page.getByRole("button", { name: "Pause" }).count(), 0);
    await farewell(page);
  }
});

test("320 pixels and 400 % zoom need no sideways scrolling", async () => {
  for (const { name, path, options } of pages) {
    const page = await visitor(chromium, server, { viewport: { width: 320, height: 640 }, ...options });
    await open(page, path);
    assert.ok((await overflow(page)) <= 0, `${name} at 320 pixels`);
    await page.setViewportSize({ width: 320, height: 256 });  // 1280 x 1024 at 400 %
    assert.ok((await overflow(page)) <= 0, `${name} at 400 %`);
    const wide = await page.getByRole("heading", { level: 1 }).first().evaluate((title) => {
      const box = title.getBoundingClientRect();
      return box.left < 0 || box.right > innerWidth;
    });
    assert.equal(wide, false, `${name}: its title is cut off`);
    await farewell(page);
  }
});

test("without pictures the wall is its titles, and a painting its words", async () => {
  const page = await visitor(chromium, server);
  await page.route(/\.(webp|jpg|png)$/, (route) => route.abort());
  await page.goto("/rooms/people");
  await aliveWall(page);
  const works = page.locator(".wall .work");
  for (const work of (await works.all()).slice(0, 6)) {
    const box = await work.locator(".name").boundingBox();
    assert.ok(box.width > 10 && box.height > 10);
    assert.match(await work.locator("img").getAttribute("alt"), /, a painting in the room People$/);
  }
  await works.first().getByRole("link").click();
  await page.getByRole("heading", { level: 1 }).waitFor();
  await farewell(page);
});

test("it speaks English, Portuguese and Russian: as the browser asks, as one chooses, and keeps to it", async () => {
  for (const [locale, code, city] of [["en-GB", "en", "City"], ["pt-BR", "pt", "Cidade"], ["ru-RU", "ru", "Город"]]) {
    const page = await visitor(chromium, server, { locale });
    await page.goto("/rooms/city");
    assert.equal(await page.locator("html").getAttribute("lang"), code);
    await page.getByRole("heading", { level: 1, name: city }).waitFor();
    await farewell(page);
  }
  const page = await visitor(chromium, server, { locale: "en-GB" });
  await page.goto("/");
  await page.getByRole("link", { name: "Русский" }).click();
  await page.waitForFunction(() => document.documentElement.lang === "ru");
  await page.goto("/studio");
  assert.equal(await page.locator("html").getAttribute("lang"), "ru");
  await page.goto("/?lang=pt");
  assert.equal(await page.locator("html").getAttribute("lang"), "pt");
  await farewell(page);
});
