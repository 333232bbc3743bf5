// What visitors do again and again. Every wait is for a condition; the limit is only there so that a condition that
// never comes ends the test.
import assert from "node:assert/strict";

export const kPatienceMs = 60_000;

/// A page in a browser context of its own: nobody else's cookies. `page.faults` gathers what its scripts got wrong.
export async function visitor(chromium, server, options = {}) {
  const context = await chromium.newContext({ baseURL: server.url, ...options });
  context.setDefaultTimeout(kPatienceMs);
  context.setDefaultNavigationTimeout(kPatienceMs);
  const page = await context.newPage();
  page.faults = [];
  page.on("pageerror", (fault) => page.faults.push(String(fault)));
  page.on("console", (line) => /content security policy/i.test(line.text()) && page.faults.push(line.text()));
  return page;
}

/// Ends a visit; its scripts must have been without fault.
export async function farewell(...pages) {
  for (const page of pages) {
    assert.deepEqual(page.faults, []);
    await page.context().close();
  }
}

/// The paintings of a room, as the API tells of them.
export async function paintings(server, room) {
  return (await (await fetch(`${server.url}/api/v1/rooms/${room}`)).json()).paintings;
}

/// A painting taken by somebody without a page.
export async function takeByApi(server, painting, plaque = "") {
  const me = await fetch(`${server.url}/api/v1/me`);
  const cookie = me.headers.get("set-cookie").split(";")[0];  // there is one
  const answer = await fetch(`${server.url}/api/v1/claims`, {
    method: "POST",
    headers: { "Content-Type": "application/json", "Idempotency-Key": `take-${painting}`, Cookie: cookie },
    body: JSON.stringify({ painting, plaque }),
  });
  assert.equal(answer.status, 201, await answer.text());
}

/// The wall after its script has taken over.
export async function aliveWall(page) {
  await page.locator(".wall.alive .work").first().waitFor({ state: "attached" });
  return page.getByRole("region", { name: /^The wall of the room / });
}

/// Tab until `locator` has the focus, which must then be seen.
export async function tabTo(page, locator, { most = 120 } = {}) {
  await locator.waitFor();
  const focused = () => locator.evaluate((element) => element === document.activeElement);
  for (let i = 0; i < most && !(await focused()); ++i) await page.keyboard.press("Tab");
  assert.ok(await focused(), `Tab does not lead to ${locator}`);
  const seen = await locator.evaluate((element) => {
    const ring = (of) => getComputedStyle(of).outlineStyle !== "none" && parseFloat(getComputedStyle(of).outlineWidth) > 0;
    return ring(element) || (element.nextElementSibling !== null && ring(element.nextElementSibling));
  });
  assert.ok(seen, `the focus does not show on ${locator}`);
}

/// Every picture within the window is there.
export async function pictured(page) {
  await page.waitForFunction(() =>
    [...document.images].every((image) => {
      const box = image.getBoundingClientRect();
      const within = box.bottom > 0 && box.right > 0 && box.top < innerHeight && box.left < innerWidth;
      return !within || !box.width || (image.complete && image.naturalWidth > 0);
    }));
}

/// Does it overflow sideways?
export const overflow = (page) =>
  page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
