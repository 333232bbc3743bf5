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

// The passage to the next painting, in the frame of this one.
const flow = document.querySelector('a.walk[href^="/api/v1/flow"]');
flow?.addEventListener("click", (event) => {
  event.preventDefault();
  const frame = document.querySelector(".piece picture");
  const moving = document.querySelector(".piece .moving");
  if (moving) {
    moving.remove();
    flow.textContent = flow.dataset.word;
    return;
  }
  flow.dataset.word = flow.textContent;
  flow.textContent = "Back to the painting";
  // In a box of its own: to a direct child of <picture> its sources would apply.
  const box = document.createElement("span");
  box.className = "moving";
  const image = document.createElement("img");
  image.alt = "The painting turns into its neighbour";
  image.addEventListener("error", () => {
    box.remove();
    flow.textContent = "Too many are watching just now; try again";
  });
  image.src = flow.href;
  box.append(image);
  frame.append(box);
});
