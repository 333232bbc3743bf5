// Goal: a room can be walked, searched, linked to and come back to; on a slow network it is a room at once.
// Method: a curated gallery, whose paintings have titles and shadows.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { join } from "node:path";
import { browser, curated, folder, serve } from "./gallery.mjs";
import { aliveWall, farewell, paintings, pictured, takeByApi, visitor } from "./visitor.mjs";

let chromium, server, nature;
before(async () => {
  server = await serve(curated(join(folder(), "gallery")));
  chromium = await browser();
  nature = await paintings(server, "nature");
  assert.ok(nature.length > 40, "too few to walk along");
});
after(async () => {
  await chromium?.close();
  assert.equal(await server?.stop(), 0);
});

const focusOn = (page, id) => page.waitForFunction((there) => document.activeElement.closest(".work")?.id === there, id);
// A window in which only part of the wall has room.
const low = { width: 420, height: 420 };

test("wheel, slider and keys walk along the wall, which is one stop of the Tab key; only what is near exists", async () => {
  const page = await visitor(chromium, server, { viewport: low, reducedMotion: "reduce" });
  await page.goto("/rooms/nature");
  const wall = await aliveWall(page);
  const works = page.locator(".wall .work");
  assert.ok((await works.count()) < nature.length);
  assert.equal(await page.locator('.wall a[tabindex="0"]').count(), 1);

  const box = await wall.boundingBox();
  await page.mouse.move(box.x + box.width / 2, 350);
  await page.mouse.wheel(0, 400);
  await page.waitForFunction(() => scrollY > 100);

  const slider = page.getByRole("slider", { name: "Place on the wall" });
  await page.waitForFunction((slider) => slider.valueAsNumber > 1, await slider.elementHandle());
  await slider.fill(String(nature.length));
  await page.locator(`[id="${nature.at(-1).id}"]`).waitFor();
  assert.equal(await slider.getAttribute("aria-valuetext"), `${nature.length} of ${nature.length}`);
  assert.ok((await works.count()) < nature.length, "what is far is gone");

  await wall.getByRole("link").first().focus();
  await page.keyboard.press("Home");
  await focusOn(page, nature[0].id);
  await page.keyboard.press("ArrowRight");
  await focusOn(page, nature[1].id);
  await page.keyboard.press("ArrowDown");
  await page.waitForFunction((there) => !there.includes(document.activeElement.closest(".work").id), [nature[0].id, nature[1].id]);
  await page.keyboard.press("End");
  await focusOn(page, nature.at(-1).id);
  assert.equal(await page.locator('.wall a[tabindex="0"]').count(), 1);
  await farewell(page);
});

test("every picture has a place of its own on the wall, whatever the window", async () => {
  const page = await visitor(chromium, server, { reducedMotion: "reduce" });
  await page.goto("/rooms/nature");
  await aliveWall(page);
  for (const size of [{ width: 1366, height: 768 }, { width: 1366, height: 500 }, { width: 390, height: 844 }, { width: 1920, height: 900 }]) {
    await page.setViewportSize(size);
    await page.waitForFunction(() => {
      const boxes = [...document.querySelectorAll(".wall .work")].map((work) => work.getBoundingClientRect());
      const apart = (a, b) => a.right <= b.left + 1 || b.right <= a.left + 1 || a.bottom <= b.top + 1 || b.bottom <= a.top + 1;
      return boxes.length > 1 && boxes.every((a, i) => a.left >= 0 && a.right <= innerWidth && boxes.slice(0, i).every((b) => apart(a, b)));
    });
  }
  await farewell(page);
});

test("a link to a painting's place leads before it, and the back button to where one stood", async () => {
  const { id } = nature[30];
  const page = await visitor(chromium, server, { viewport: low, reducedMotion: "reduce" });
  await page.goto(`/rooms/nature?at=${id}#${id}`);
  await aliveWall(page);
  await focusOn(page, id);
  const box = await page.locator(`[id="${id}"]`).boundingBox();
  assert.ok(box.y >= 0 && box.y + box.height <= low.height, "not in sight");

  await page.mouse.move(low.width / 2, 350);
  await page.mouse.wheel(0, -150);
  await page.waitForFunction(() => history.state?.top > 0 && history.state.top === scrollY);
  // A click may scroll by itself: what counts is where one stood when the page was left.
  await page.evaluate(() => addEventListener("pagehide", () => sessionStorage.setItem("stood", scrollY)));
  const url = await page.evaluate(() =>
    [...document.querySelectorAll(".wall .work a")].find((link) => {
      const at = link.getBoundingClientRect();
      return at.top > 200 && at.bottom < innerHeight - 20;
    }).href);
  await page.locator(`.wall a[href="${new URL(url).pathname}"]`).click();
  await page.waitForURL(url);
  await page.goBack();
  await aliveWall(page);
  await page.waitForFunction(() => Math.abs(scrollY - Number(sessionStorage.getItem("stood"))) <= 1);
  await farewell(page);
});

for (const javaScriptEnabled of [true, false])
  test(`the wall can be searched, scripts ${javaScriptEnabled ? "on" : "off"}`, async () => {
    const taken = nature[javaScriptEnabled ? 3 : 5];
    await takeByApi(server, taken.id, "Rosa");
    const page = await visitor(chromium, server, { javaScriptEnabled, reducedMotion: "reduce" });
    await page.goto("/rooms/nature");
    const search = page.getByRole("search");
    const { title } = nature[7];
    await search.getByLabel("Title").fill(title.toUpperCase());
    await search.getByLabel("Title").press("Enter");
    await page.waitForURL(/q=/);
    const names = page.locator(".wall .work .name");
    await names.first().waitFor();
    const found = nature.filter((work) => work.title.toLowerCase().includes(title.toLowerCase())).length;
    await page.getByRole("status").filter({ hasText: `${found} of ${nature.length}` }).first().waitFor();
    for (const name of await names.allTextContents()) assert.ok(name.toLowerCase().includes(title.toLowerCase()));

    await search.getByLabel("Title").fill("");
    await search.getByLabel("Show").selectOption("taken");
    if (!javaScriptEnabled) await search.getByRole("button", { name: "Find" }).click();
    await page.waitForURL(/show=taken/);
    await page.locator(`[id="${taken.id}"]`).waitFor();
    assert.equal(await page.locator(".wall .work:not(.taken)").count(), 0);

    await page.goto("/rooms/nature?q=nothing+is+called+this");
    await page.getByRole("link", { name: "Show the whole room" }).click();
    await page.locator(".wall .work").first().waitFor();
    if (!javaScriptEnabled) {
      // Without scripts the wall is walked shelf by shelf.
      await page.getByRole("link", { name: "Further along the wall" }).click();
      await page.locator(`[id="${nature[24].id}"]`).waitFor();
    }
    await farewell(page);
  });

test("on a slow network the room stands at once, in shadows that its pictures replace without moving anything", async () => {
  const page = await visitor(chromium, server);
  const network = await page.context().newCDPSession(page);
  await network.send("Network.enable");
  await network.send("Network.emulateNetworkConditions",
    { offline: false, latency: 150, downloadThroughput: 60_000, uploadThroughput: 30_000 });
  let release;
  const released = new Promise((resolve) => (release = resolve));
  await page.route(/\/paintings\/.*\.(webp|jpg)$/, async (route) => {
    await released;
    await route.continue().catch(() => {});
  });
  await page.goto("/rooms/people", { waitUntil: "domcontentloaded" });
  await aliveWall(page);
  const first = page.locator(".wall .work").first();
  await first.locator("canvas.shadow").waitFor();
  assert.ok((await first.locator(".name").textContent()).length > 0);
  // The shadow is of this painting: it has more than one colour.
  const colours = await first.locator("canvas.shadow").evaluate((canvas) =>
    new Set(new Uint32Array(canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data.buffer)).size);
  assert.ok(colours > 10, `${colours} colours`);
  const before = await first.boundingBox();
  release();
  await first.locator("canvas.shadow").waitFor({ state: "detached" });
  await pictured(page);
  assert.deepEqual(await first.boundingBox(), before);
  await farewell(page);
});
