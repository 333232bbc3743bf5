// Goal: the passage between two paintings, the drift, the studio and what one remembers work as their words say.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { join } from "node:path";
import { browser, curated, folder, serve } from "./gallery.mjs";
import { farewell, paintings, visitor } from "./visitor.mjs";

let chromium, server, people;
before(async () => {
  server = await serve(curated(join(folder(), "gallery")));
  chromium = await browser();
  people = await paintings(server, "people");
});
after(async () => {
  await chromium?.close();
  assert.equal(await server?.stop(), 0);
});

test("a painting tells why it has its title, and flows into the next on request", async () => {
  const page = await visitor(chromium, server);
  await page.goto(`/paintings/${people[2].id}`);
  const { query, rank, of } = people[2].why;
  await page.getByText("Why this title?").click();
  await page.getByText(`asked for “${query}”. Of ${of} candidates this one came number ${rank}`).waitFor();

  // Its last frame stays until one goes back.
  await page.getByRole("button", { name: "Let it flow into the next" }).click();
  await page.getByRole("button", { name: "Back to the painting" }).waitFor();
  const moving = page.getByRole("img", { name: "The painting turns into its neighbour" });
  await moving.waitFor();
  assert.ok(await moving.evaluate((canvas) => canvas.width >= 64), "no frame was drawn");
  await page.getByRole("button", { name: "Back to the painting" }).press("Space");
  await moving.waitFor({ state: "detached" });
  await page.getByRole("button", { name: "Let it flow into the next" }).waitFor();

  // Arrow keys lead to the neighbours.
  await page.keyboard.press("ArrowRight");
  await page.waitForURL(`**/paintings/${people[3].id}`);
  await farewell(page);
});

test("what is remembered is there on a later visit, and can be forgotten", async () => {
  const page = await visitor(chromium, server);
  const work = people[4];
  await page.goto(`/paintings/${work.id}`);
  const heart = page.getByRole("button", { name: "Save" });
  await heart.click();
  await page.goto("/mine");
  await page.getByRole("heading", { name: "Saved" }).waitFor();
  await page.locator(".favourites").getByRole("link", { name: work.title }).click();
  await page.waitForURL(`**/paintings/${work.id}`);
  await page.getByRole("button", { name: "Save", pressed: true }).click();
  await page.goto("/mine");
  await page.getByRole("heading", { name: "You have not chosen yet" }).waitFor();
  assert.equal(await page.getByRole("heading", { name: "Saved" }).count(), 0);
  await farewell(page);
});

test("the drift is walked by keys, paused, and left by Esc", async () => {
  const page = await visitor(chromium, server);
  await page.goto(`/drift?at=${people[0].id}`);
  const pause = page.getByRole("button", { name: "Pause" });
  await pause.press("Enter");
  await page.getByRole("button", { name: "Pause", pressed: true }).waitFor();
  const caption = page.getByRole("status").getByRole("link");
  const here = await caption.getAttribute("href");
  await page.keyboard.press("ArrowRight");
  await page.waitForURL((url) => !url.search.includes(people[0].id));
  assert.notEqual(await caption.getAttribute("href"), here);
  await page.keyboard.press("Escape");
  await page.waitForURL((url) => url.pathname !== "/drift");
  await farewell(page);
});

test("the studio: another print, another cloth, one kept, one to download; back is back", async () => {
  const page = await visitor(chromium, server);
  await page.goto("/studio");
  const shirt = page.getByRole("region", { name: "The shirt" });
  const print = (n) => shirt.getByRole("img", { name: `Print No. ${n}`, exact: true });
  await print(0).waitFor();
  await shirt.getByRole("link", { name: "Next" }).click();
  await print(1).waitFor();
  assert.match(page.url(), /from=1$/);
  const back = shirt.getByRole("link", { name: "Back" });
  await back.click();
  await print(0).waitFor();
  await back.waitFor({ state: "hidden" });  // there is nothing before the first
  await shirt.getByRole("link", { name: "Next" }).click();
  await print(1).waitFor();

  const colour = () => shirt.locator(".cloth").evaluate((cloth) => getComputedStyle(cloth.ownerSVGElement.closest(".bench")).getPropertyValue("--cloth"));
  const white = await colour();
  await shirt.getByRole("radio", { name: "navy" }).check({ force: true });
  assert.notEqual(await colour(), white);

  await shirt.getByRole("button", { name: "Keep" }).click();
  await page.getByRole("heading", { name: "Kept" }).waitFor();
  const download = shirt.getByRole("link", { name: "Download for printing" });
  assert.equal(await download.getAttribute("href"), "/api/v1/studio/1.png");
  const [file] = await Promise.all([page.waitForEvent("download"), download.click()]);
  assert.equal(file.suggestedFilename(), "print-1.png");
  assert.equal(await file.failure(), null);

  await page.goBack();
  await print(0).waitFor();
  await page.reload();
  await page.locator(".kept").getByRole("link", { name: "Print No. 1" }).waitFor();
  await farewell(page);
});
