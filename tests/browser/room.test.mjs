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

const left = (wall) => wall.evaluate((region) => region.scrollLeft);
const leftAfter = (page, more) =>
  page.waitForFunction((least) => document.querySelector(".wall").scrollLeft > least, more);

test("buttons, wheel, a pull and keys walk along the wall; only what is near exists", async () => {
  const page = await visitor(chromium, server, { reducedMotion: "reduce" });
  await page.goto("/rooms/nature");
  const wall = await aliveWall(page);
  const works = page.locator(".wall .work");
  assert.ok((await works.count()) < nature.length);

  await page.getByRole("button", { name: "Walk on" }).click();
  await leftAfter(page, 100);
  await page.getByRole("button", { name: "Walk back" }).click();
  await page.waitForFunction(() => document.querySelector(".wall").scrollLeft === 0);

  const box = await wall.boundingBox();
  await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
  await page.mouse.wheel(0, 400);
  await leftAfter(page, 100);

  const here = await left(wall);
  await page.mouse.move(box.x + 600, box.y + 250);
  await page.mouse.down();
  await page.mouse.move(box.x + 300, box.y + 250, { steps: 5 });
  await page.mouse.up();
  await leftAfter(page, here + 200);
  assert.match(page.url(), /\/rooms\/nature/, "a pull is no click");

  await wall.focus();
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("End");
  await page.waitForFunction((id) => document.activeElement.closest(".work")?.id === id, nature.at(-1).id);
  assert.ok((await works.count()) < nature.length, "what is far is gone");
  await page.keyboard.press("Home");
  await page.waitForFunction((id) => document.activeElement.closest(".work")?.id === id, nature[0].id);
  await farewell(page);
});

test("a link to a painting's place leads before it, and the back button to where one stood", async () => {
  const { id } = nature[30];
  const page = await visitor(chromium, server, { reducedMotion: "reduce" });
  await page.goto(`/rooms/nature?at=${id}#${id}`);
  const wall = await aliveWall(page);
  await page.waitForFunction((there) => document.activeElement.closest(".work")?.id === there, id);
  const box = await page.locator(`[id="${id}"]`).boundingBox();
  assert.ok(box.x >= 0 && box.x + box.width <= page.viewportSize().width, "not in sight");

  await page.getByRole("button", { name: "Walk on" }).click();
  await page.waitForFunction(() => history.state?.left > 0 && history.state.left === document.querySelector(".wall").scrollLeft);
  const stood = await left(wall);
  const { url } = await page.evaluate(() => {
    const middle = [...document.querySelectorAll(".wall .work a")].find((link) => {
      const at = link.getBoundingClientRect();
      return at.left > 50 && at.right < innerWidth - 50;
    });
    return { url: middle.href };
  });
  await page.locator(`a[href="${new URL(url).pathname}"]`).click();
  await page.waitForURL(url);
  await page.goBack();
  await aliveWall(page);
  await page.waitForFunction((x) => Math.abs(document.querySelector(".wall").scrollLeft - x) <= 1, stood);
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
