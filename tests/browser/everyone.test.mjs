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
  await owner.getByRole("button", { name: "Take it for good" }).click();
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

const faultsOf = async (page) =>
  (await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }))).violations;

test("axe-core finds the faults that are put into a page, in light and in dark", async () => {
  const page = await visitor(chromium, server, { reducedMotion: "reduce" });
  await page.goto(pages[3].path);
  await page.evaluate(axe);
  await page.evaluate(() => {
    const lintel = document.querySelector(".lintel");  // evenly painted: axe judges no words on gradients
    const image = new Image();
    image.src = "/favicon.svg";
    const word = document.createElement("p");
    word.textContent = "hardly to be read";
    word.style.color = "#808080";
    word.style.background = "#909090";
    lintel.append(image, word, document.createElement("button"), Object.assign(document.createElement("input"), { type: "text" }));
    document.documentElement.lang = "";
  });
  for (const colorScheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme });
    const found = (await faultsOf(page)).map(({ id }) => id);
    for (const id of ["image-alt", "color-contrast", "button-name", "label", "html-has-lang"])
      assert.ok(found.includes(id), `${id} was not found in ${colorScheme}, only ${found}`);
  }
  await page.context().close();
});

test("axe-core finds no fault, in light and in dark", async () => {
  const faults = [];
  for (const { name, path, options } of pages) {
    const page = await visitor(chromium, server, { reducedMotion: "reduce", ...options });
    await open(page, path);
    await page.evaluate(axe);
    for (const colorScheme of ["light", "dark"]) {
      await page.emulateMedia({ colorScheme });
      for (const { id, nodes } of await faultsOf(page)) faults.push(`${name}, ${colorScheme}: ${id} at ${nodes[0].html}: ${nodes[0].failureSummary}`);
    }
    await farewell(page);
  }
  assert.deepEqual(faults, []);
});

// axe cannot judge words on gradients: it calls them incomplete. So the walls are evenly lit for it, once as brightly and
// once as darkly as they ever are, and then nothing may be left unjudged.
const evenlyLit = (tone) => {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(`
    *, *::before, *::after { background-image: none !important; text-shadow: none !important }
    .piece figure::before { display: none !important }
    .wall, .hall { background: none !important }
    body:not(.drifting) main { background-color: var(--${tone}) !important }
    .floor { background-color: var(--floor-deep) !important }`);
  document.adoptedStyleSheets = [sheet];
};

test("every word can be read where its wall is brightest and where it is darkest", async () => {
  const faults = [];
  for (const { name, path, options } of pages) {
    const page = await visitor(chromium, server, { reducedMotion: "reduce", ...options });
    await open(page, path);
    await page.evaluate(axe);
    for (const tone of ["wall-lit", "wall-deep"])
      for (const colorScheme of ["light", "dark"]) {
        await page.emulateMedia({ colorScheme });
        await page.evaluate(evenlyLit, tone);
        const { passes, violations, incomplete } = await page.evaluate(() =>
          window.axe.run(document, { runOnly: ["color-contrast"], resultTypes: ["passes", "violations", "incomplete"] }));
        assert.ok(passes.length > 0, `${name}: no word was judged`);
        for (const { nodes } of [...violations, ...incomplete])
          for (const node of nodes) faults.push(`${name}, ${tone}, ${colorScheme}: ${node.html}: ${node.any[0]?.message}`);
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

test("in a browser that shows no pictures the whole visit makes sense", async () => {
  const blind = await browser("--blink-settings=imagesEnabled=false");
  try {
    const page = await visitor(blind, server);
    const asked = [];
    page.on("request", (request) => request.resourceType() === "image" && asked.push(request.url()));
    await page.goto("/");
    // Every door says where it leads and what is free there.
    for (const name of ["People", "Nature", "City", "Mood"])
      await page.getByRole("link", { name: new RegExp(`^${name} [\\d,]+ paintings? still free$`) }).waitFor();
    await page.getByRole("link", { name: /^Nature / }).click();
    await aliveWall(page);
    const work = page.locator(".wall .work").filter({ hasNot: page.locator(".dot") }).nth(1);
    const title = await work.locator(".name").textContent();
    assert.ok(title.length > 0);
    const frame = await work.locator(".frame").boundingBox();
    assert.ok(frame.width > 40 && Math.abs(frame.width - frame.height) < 2, "a frame keeps its place");
    await work.getByRole("link").click();
    await page.getByRole("heading", { level: 1, name: title, exact: true }).waitFor();
    assert.equal(await page.locator("figure img").getAttribute("alt"), `${title}, a painting in the room Nature`);
    await page.getByRole("link", { name: "Take this painting" }).click();
    await page.getByRole("button", { name: "Take it for good" }).click();
    await page.getByRole("heading", { name: "It is yours" }).waitFor();
    await page.getByRole("link", { name: "The certificate" }).waitFor();
    await page.goto("/studio");
    await page.getByRole("link", { name: "Next", exact: true }).click();
    await page.getByRole("status").filter({ hasText: "Print No. 1" }).waitFor();
    assert.deepEqual(asked, [], "pictures were not off");
    await farewell(page);
  } finally {
    await blind.close();
  }
});

test("where pictures do not come through the wall is its titles, and a painting its words", async () => {
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
  // What was asked for, and where one stood, stay.
  await page.goto("/rooms/people?show=free");
  await aliveWall(page);
  await page.getByRole("link", { name: "English" }).scrollIntoViewIfNeeded();
  await page.waitForFunction(() => scrollY > 0 && history.state?.top === scrollY);
  const { hash } = new URL(page.url());
  await page.getByRole("link", { name: "English" }).click();
  await page.waitForFunction(() => document.documentElement.lang === "en");
  const { searchParams } = new URL(page.url());
  assert.equal(searchParams.get("show"), "free");
  assert.equal(await page.getByLabel("Show").inputValue(), "free");
  await page.waitForFunction((id) => document.activeElement.closest(".work")?.id === id, hash.slice(1));
  await farewell(page);
});
