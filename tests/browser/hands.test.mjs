// Goal: the gallery in the hand: fingers walk, tap and pinch; and under a keyboard's hand the focus is never lost,
// whatever happens to what it stood on.
// Method: touches as the screen reports them; the focus is looked for after each event that could take it away.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { join } from "node:path";
import { browser, curated, folder, serve } from "./gallery.mjs";
import { aliveWall, farewell, paintings, tabTo, takeByApi, visitor } from "./visitor.mjs";

let chromium, server, nature;
before(async () => {
  server = await serve(curated(join(folder(), "gallery")));
  chromium = await browser();
  nature = await paintings(server, "nature");
});
after(async () => {
  await chromium?.close();
  assert.equal(await server?.stop(), 0);
});

// Fingers from their first places to their last, in steps.
async function touch(page, from, to) {
  const screen = await page.context().newCDPSession(page);
  const places = (part) => from.map(([x, y], id) => ({ id, x: x + (to[id][0] - x) * part, y: y + (to[id][1] - y) * part }));
  await screen.send("Input.dispatchTouchEvent", { type: "touchStart", touchPoints: places(0) });
  for (let step = 1; step <= 12; ++step) await screen.send("Input.dispatchTouchEvent", { type: "touchMove", touchPoints: places(step / 12) });
  await screen.send("Input.dispatchTouchEvent", { type: "touchEnd", touchPoints: [] });
}

test("by touch: a finger walks along the wall and opens, takes and keeps a painting, two come close to it", async () => {
  const page = await visitor(chromium, server, { viewport: { width: 360, height: 780 }, hasTouch: true, isMobile: true, reducedMotion: "reduce" });
  await page.goto("/");
  await page.getByRole("link", { name: /^Nature / }).tap();
  const wall = await aliveWall(page);
  await touch(page, [[180, 600]], [[180, 300]]);
  await page.waitForFunction(() => scrollY > 100);
  assert.match(page.url(), /\/rooms\/nature/, "a walk is no tap");
  const { id } = nature[2];
  await wall.locator(`[id="${id}"] a`).tap();
  await page.waitForURL(`**/paintings/${id}`);
  await page.getByRole("button", { name: "Save" }).tap();
  await page.getByRole("button", { name: "Save", pressed: true }).waitFor();
  await page.getByRole("link", { name: "Take this painting" }).tap();
  await page.getByRole("button", { name: "Take it for good" }).tap();
  const lens = page.getByRole("application");
  const image = lens.getByRole("img");
  const { x, y, width, height } = await lens.boundingBox();
  const middle = [x + width / 2, y + height / 2];
  await touch(page, [[middle[0] - 30, middle[1]], [middle[0] + 30, middle[1]]], [[middle[0] - 90, middle[1]], [middle[0] + 90, middle[1]]]);
  const scale = async () => Number(/scale\(([\d.]+)\)/.exec(await image.getAttribute("style"))?.[1]);
  assert.ok((await scale()) > 2, `${await scale()}`);
  await farewell(page);
});

test("nothing that a finger is to hit is smaller than 24 pixels", async () => {
  for (const path of ["/", "/rooms/nature", `/paintings/${nature[4].id}`, `/paintings/${nature[4].id}/claim`, "/mine", "/studio", "/drift", "/nowhere"]) {
    const page = await visitor(chromium, server, { viewport: { width: 360, height: 780 }, hasTouch: true, isMobile: true, reducedMotion: "reduce" });
    await page.goto(path);
    const small = await page.evaluate(() =>
      [...document.querySelectorAll("a:not(.skip), button, input:not([type=radio]), select, summary, label:has([type=radio])")]
        .filter((thing) => thing.checkVisibility({ visibilityProperty: true }))
        .map((thing) => ({ thing: thing.outerHTML.slice(0, 90), box: thing.getBoundingClientRect() }))
        .filter(({ box }) => Math.min(box.width, box.height) < 24)
        .map(({ thing, box }) => `${thing}: ${box.width} x ${box.height}`));
    assert.deepEqual(small, [], path);
    await farewell(page);
  }
});

const focused = (page, element) => page.waitForFunction((there) => document.activeElement === there, element);

test("the focus is never lost: a painting taken, a wall's end, a window turned, the first print", async () => {
  const page = await visitor(chromium, server, { reducedMotion: "reduce" });
  const { id } = nature[6];
  await page.goto(`/paintings/${id}`);
  await tabTo(page, page.getByRole("link", { name: "Take this painting" }));
  await takeByApi(server, id);
  await page.getByText("Taken", { exact: true }).waitFor();
  await focused(page, await page.getByRole("button", { name: "Save" }).elementHandle());

  await page.goto("/rooms/nature");
  const wall = await aliveWall(page);
  await wall.getByRole("link").first().focus();
  await page.keyboard.press("End");
  await page.waitForFunction((there) => document.activeElement.closest(".work")?.id === there, nature.at(-1).id);
  await page.keyboard.press("ArrowRight");  // there is nothing behind it
  await page.waitForFunction((there) => document.activeElement.closest(".work")?.id === there, nature.at(-1).id);
  await page.keyboard.press("Home");
  await page.keyboard.press("ArrowRight");
  await page.waitForFunction((there) => document.activeElement.closest(".work")?.id === there, nature[1].id);
  const { width } = await page.locator(`[id="${nature[1].id}"]`).boundingBox();
  await page.setViewportSize({ width: 500, height: 400 });
  await page.waitForFunction(([there, old]) => document.getElementById(there)?.getBoundingClientRect().width !== old, [nature[1].id, width]);
  await page.waitForFunction((there) => document.activeElement.closest(".work")?.id === there, nature[1].id);

  await page.goto("/studio?from=1");
  const shirt = page.getByRole("region", { name: "The shirt" });
  await tabTo(page, shirt.getByRole("link", { name: "Back" }));
  await page.keyboard.press("Enter");
  await shirt.getByRole("img", { name: "Print No. 0", exact: true }).waitFor();
  await focused(page, await shirt.getByRole("link", { name: "Next" }).elementHandle());
  await farewell(page);
});
