// The pages work without this. It adds: arrow keys from painting to painting, and another try for a
// picture that the server was too busy to paint.

const kTriesMax = 5;
const kTryAgainMs = 4000;

const follow = (relation) => document.querySelector(`a.step[rel="${relation}"]`)?.click();

document.addEventListener("keydown", (event) => {
  if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
  if (event.key === "ArrowLeft") follow("prev");
  if (event.key === "ArrowRight") follow("next");
});

const tryAgain = (image, triesLeft) => {
  if (triesLeft === 0) return;
  setTimeout(() => {
    image.addEventListener("error", () => tryAgain(image, triesLeft - 1), { once: true });
    // Setting an attribute to what it is makes the browser choose and fetch anew.
    image.srcset = image.srcset;
  }, kTryAgainMs);
};

for (const image of document.querySelectorAll("picture img")) {
  if (image.complete && image.naturalWidth === 0 && image.currentSrc) tryAgain(image, kTriesMax);
  else image.addEventListener("error", () => tryAgain(image, kTriesMax), { once: true });
}
