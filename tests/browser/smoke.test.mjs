// Goal: the pages open in a browser without a fault that its console would show.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { join } from "node:path";
import { browser, folder, hang, serve } from "./gallery.mjs";

let chromium, server;
before(async () => {
  server = await serve(hang(join(folder(), "gallery")));
  chromium = await browser();
});
after(async () => {
  await chromium?.close();
  assert.equal(await server?.stop(), 0);
});

for (const path of ["/", "/rooms/people", "/studio"])
  test(`${path} opens without a fault`, async () => {
    const page = await chromium.newPage();
    const faults = [];
    page.on("console", (line) => line.type() === "error" && faults.push(line.text()));
    page.on("pageerror", (fault) => faults.push(String(fault)));
    const answer = await page.goto(server.url + path, { waitUntil: "load" });
    assert.equal(answer.status(), 200);
    assert.ok(await page.getByRole("heading", { level: 1 }).first().isVisible());
    assert.deepEqual(faults, []);
    await page.close();
  });
