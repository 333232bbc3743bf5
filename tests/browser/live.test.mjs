// Goal: one painting has one owner, whoever else was about to take it; everybody sees it go; and a page that stays
// open while its server restarts finds its way back.
// Method: several visitors at once, each in a browser context of their own.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { join } from "node:path";
import { browser, folder, hang, serve } from "./gallery.mjs";
import { aliveWall, farewell, kPatienceMs, paintings, takeByApi, visitor } from "./visitor.mjs";

let chromium, server, gallery;
before(async () => {
  gallery = hang(join(folder(), "gallery"));
  server = await serve(gallery);
  chromium = await browser();
});
after(async () => {
  await chromium?.close();
  assert.equal(await server?.stop(), 0);
});

// What was taken by an earlier test may hang in any room.
const free = async (room) => (await paintings(server, room)).filter((painting) => !painting.taken);

const ended = (page) =>
  page.getByRole("heading", { name: "It is yours" }).or(page.getByRole("heading", { name: "Taken a moment ago" }));

test("of two who take the same painting one owns it; the other keeps the choice, with five like it", async () => {
  const [{ id }] = await free("mood");
  const pages = [await visitor(chromium, server), await visitor(chromium, server)];
  for (const page of pages) await page.goto(`/paintings/${id}/claim`);
  await Promise.all(pages.map((page) => page.getByRole("button", { name: "Take it for good" }).click()));
  for (const page of pages) await ended(page).waitFor();
  const winners = pages.filter((page) => new URL(page.url()).pathname === "/mine");
  assert.equal(winners.length, 1);
  const loser = pages.find((page) => page !== winners[0]);

  const similar = loser.locator(".row .work");
  assert.equal(await similar.count(), 5);
  assert.equal(await loser.locator(".row .work.taken").count(), 0);
  await similar.first().getByRole("link").click();
  await loser.getByRole("link", { name: "Take this painting" }).click();
  await loser.getByRole("button", { name: "Take it for good" }).click();
  await loser.getByRole("heading", { name: "It is yours" }).waitFor();
  await farewell(...pages);
});

test("a painting taken elsewhere gets its red dot on open pages, and the counts fall", async (t) => {
  const left = await free("people");
  const work = left[1];
  const room = await visitor(chromium, server);
  await room.goto("/rooms/people");
  await aliveWall(room);
  const piece = await visitor(chromium, server);
  await piece.goto(`/paintings/${work.id}`);
  const entrance = await visitor(chromium, server);
  await entrance.goto("/");
  const count = entrance.locator(".bay").first().locator("[data-free]");
  await count.getByText(`${left.length} paintings still free`).waitFor();

  const seen = room.locator(`[id="${work.id}"].taken`).waitFor({ state: "attached" }).then(() => performance.now());
  const began = performance.now();
  await takeByApi(server, work.id, "Emmy");
  t.diagnostic(`seen ${Math.round((await seen) - began)} ms after it was asked for`);
  await room.locator(`[id="${work.id}"]`).getByText("Taken by Emmy").waitFor({ state: "attached" });
  await piece.getByRole("status").filter({ hasText: "Taken by Emmy" }).waitFor();
  assert.equal(await piece.getByRole("link", { name: "Take this painting" }).count(), 0);
  await count.getByText(`${left.length - 1} paintings still free`).waitFor();
  await farewell(room, piece, entrance);
});

test("a page open while the server restarts hears of what is taken afterwards", async () => {
  const [before, after] = await free("nature");
  const page = await visitor(chromium, server);
  await page.goto("/rooms/nature");
  await aliveWall(page);
  await takeByApi(server, before.id);
  await page.locator(`[id="${before.id}"].taken`).waitFor({ state: "attached" });

  const { port } = server;
  assert.equal(await server.stop(), 0);
  server = await serve(gallery, { port });
  await takeByApi(server, after.id, "Sofia");
  await page.locator(`[id="${after.id}"].taken`).waitFor({ state: "attached", timeout: kPatienceMs });
  // And it is still a page to walk on from.
  await page.getByRole("navigation", { name: "Rooms" }).getByRole("link", { name: "City" }).click();
  await page.getByRole("heading", { name: "City" }).waitFor();
  await farewell(page);
});
