// Goal: whoever comes can choose a painting, take it, see it and prove that it is theirs: by mouse, by keyboard
// alone, without scripts.
// Method: the whole visit three times, each by another visitor; elements are found by role and name, as assistive
// programs find them.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { join } from "node:path";
import { browser, folder, hang, serve } from "./gallery.mjs";
import { aliveWall, farewell, tabTo, visitor } from "./visitor.mjs";

let chromium, server;
before(async () => {
  server = await serve(hang(join(folder(), "gallery")));
  chromium = await browser();
});
after(async () => {
  await chromium?.close();
  assert.equal(await server?.stop(), 0);
});

const door = (page, room) => page.getByRole("link", { name: new RegExp(`^${room} [\\d,]+ paintings? still free`) });
const take = (page) => page.getByRole("link", { name: "Take this painting" });
const yes = (page) => page.getByRole("button", { name: "Take it for good" });
const certificate = (page) => page.getByRole("link", { name: "The certificate" });

async function owns(page, id, plaque) {
  await page.getByRole("heading", { name: "It is yours" }).waitFor();
  assert.equal(new URL(page.url()).pathname, "/mine");
  await page.getByText(plaque, { exact: true }).waitFor();
  await certificate(page).waitFor();
  assert.equal(await certificate(page).getAttribute("href"), `/certificates/${id}`);
}

test("by mouse: entrance, room, painting, claim, the owner's page, the certificate", async () => {
  const page = await visitor(chromium, server);
  await page.goto("/");
  await door(page, "People").click();
  const wall = await aliveWall(page);
  await wall.getByRole("link").nth(1).click();
  await page.waitForURL(/\/paintings\/[a-z0-9]+$/);
  const id = page.url().split("/").at(-1);
  await take(page).click();
  await page.getByText("It will be your only one.").waitFor();
  await page.getByLabel("Your name on the plaque").fill("Ada");
  await yes(page).click();
  await owns(page, id, "Ada");

  // Close up: a click comes closer, another one goes back.
  const lens = page.getByRole("application");
  const image = lens.getByRole("img");
  await lens.click();
  assert.match(await image.getAttribute("style"), /scale\(2\.5\)/);
  await lens.click();
  assert.doesNotMatch((await image.getAttribute("style")) ?? "", /scale/);

  const [download] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("link", { name: "Download the original" }).click(),
  ]);
  assert.match(download.suggestedFilename(), /\.png$/);
  assert.equal(await download.failure(), null);

  // The address to show leads others to the plaque, without anything to take.
  const share = await page.getByLabel("Show it to a friend").inputValue();
  assert.equal(share, `${server.url}/paintings/${id}`);
  const friend = await visitor(chromium, server);
  await friend.goto(share);
  await friend.getByText("Taken by Ada").waitFor();
  assert.equal(await take(friend).count(), 0);

  await certificate(page).click();
  await page.getByRole("button", { name: "Check the signature" }).click();
  await page.getByText("Valid: signed by this gallery").waitFor();
  // One letter changed, and it is not.
  await page.evaluate(() => {
    const text = document.querySelector("pre").firstChild;
    text.data = text.data.replace(/[a-z]/, (letter) => (letter === "x" ? "y" : "x"));
  });
  await page.getByRole("button", { name: "Check the signature" }).click();
  await page.getByText("The signature does not belong to this text").waitFor();
  await farewell(page, friend);
});

test("by keyboard alone: the same way", async () => {
  const page = await visitor(chromium, server);
  const { keyboard } = page;
  await page.goto("/");
  // The first Tab offers the way past the navigation.
  await tabTo(page, page.getByRole("link", { name: "Skip to the pictures" }), { most: 1 });
  await tabTo(page, door(page, "Nature"));
  await keyboard.press("Enter");
  const wall = await aliveWall(page);
  // The wall is one stop of the Tab key; arrows walk along it.
  await tabTo(page, wall.getByRole("link").first());
  const first = await page.evaluate(() => document.activeElement.closest(".work").id);
  await keyboard.press("ArrowRight");
  const id = await page.evaluate(() => document.activeElement.closest(".work").id);
  assert.notEqual(id, first);
  await keyboard.press("Enter");
  await page.waitForURL(`**/paintings/${id}`);
  await tabTo(page, take(page));
  await keyboard.press("Enter");
  await tabTo(page, page.getByLabel("Your name on the plaque"));
  await keyboard.type("Grace");
  await tabTo(page, yes(page));
  await keyboard.press("Enter");
  await owns(page, id, "Grace");

  const lens = page.getByRole("application", { name: /plus and minus to come closer/ });
  await tabTo(page, lens);
  await keyboard.press("+");
  await keyboard.press("+");
  const style = () => lens.getByRole("img").getAttribute("style");
  const close = await style();
  assert.match(close, /scale\(1\.69/);
  await keyboard.press("ArrowRight");
  assert.notEqual(await style(), close);
  await keyboard.press("0");
  assert.doesNotMatch((await style()) ?? "", /scale/);

  await tabTo(page, certificate(page));
  await keyboard.press("Enter");
  await tabTo(page, page.getByRole("button", { name: "Check the signature" }));
  await keyboard.press("Space");
  await page.getByText("Valid: signed by this gallery").waitFor();
  await farewell(page);
});

test("without scripts: the same way", async () => {
  const page = await visitor(chromium, server, { javaScriptEnabled: false, reducedMotion: "reduce" });
  await page.goto("/");
  await door(page, "City").click();
  const wall = page.getByRole("region", { name: "The wall of the room City" });
  await wall.getByRole("link").first().click();
  await page.waitForURL(/\/paintings\/[a-z0-9]+$/);
  const id = page.url().split("/").at(-1);
  assert.equal(await page.getByRole("button").filter({ visible: true }).count(), 0, "a button that does nothing");
  // It flows into the next one all the same: the server's moving picture in the painting's own frame.
  const moving = page.getByRole("img", { name: "The painting turns into its neighbour" });
  const [answer] = await Promise.all([
    page.waitForResponse((response) => new URL(response.url()).pathname === "/api/v1/flow"),
    page.getByRole("link", { name: "Let it flow into the next" }).click(),
  ]);
  assert.match(answer.headers()["content-type"], /^multipart\/x-mixed-replace/);
  await moving.waitFor();
  await page.getByRole("link", { name: "Back to the painting" }).click();
  await page.waitForURL(new RegExp(`/paintings/${id}$`));
  await take(page).click();
  await page.getByLabel("Your name on the plaque").fill("Mary");
  await yes(page).click();
  await page.getByRole("heading", { name: "It is yours" }).waitFor();
  // Nothing moves by itself here: whoever wants to see asks again.
  const again = page.getByRole("link", { name: "Look again" });
  while (await again.count()) await again.click();
  await owns(page, id, "Mary");
  await certificate(page).click();
  await page.getByText("signature:").waitFor();
  assert.equal(await page.getByRole("button").filter({ visible: true }).count(), 0);
  // One painting each: another one is not to be had.
  await page.goto("/rooms/city");
  await page.getByRole("link").filter({ has: page.locator(".plaque") }).nth(3).click();
  await page.waitForURL(/\/paintings\//);
  assert.equal(await take(page).count(), 0);
  await farewell(page);
});
