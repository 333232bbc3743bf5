// ThumbHash (https://evanw.github.io/thumbhash/): some twenty bytes that are a picture's blurred
// shadow. Cosines of luminance and two colour differences, in half bytes.

const kSide = 32;

const decode = (bytes) => {
  const head = bytes[0] | (bytes[1] << 8) | (bytes[2] << 16);
  const more = bytes[3] | (bytes[4] << 8);
  const alpha = head >> 23 === 1;
  const wide = more >> 15 === 1;
  const most = alpha ? 5 : 7;
  const lx = Math.max(3, wide ? most : more & 7);
  const ly = Math.max(3, wide ? more & 7 : most);
  let at = (alpha ? 6 : 5) * 2;
  const channel = (mean, nx, ny, scale) => {
    const terms = [];
    for (let y = 0; y < ny; ++y)
      for (let x = y ? 0 : 1; x * ny < nx * (ny - y); ++x, ++at)
        terms.push([x, y, (((bytes[at >> 1] >> ((at & 1) * 4)) & 15) / 7.5 - 1) * scale * 2]);
    return { mean, terms };
  };
  return [
    channel((head & 63) / 63, lx, ly, ((head >> 18) & 31) / 31),
    channel(((head >> 6) & 63) / 31.5 - 1, 3, 3, (((more >> 3) & 63) / 63) * 1.25),
    channel(((head >> 12) & 63) / 31.5 - 1, 3, 3, (((more >> 9) & 63) / 63) * 1.25),
  ];
};

const valueAt = ({ mean, terms }, x, y) =>
  terms.reduce(
    (sum, [u, v, size]) =>
      sum + size * Math.cos((Math.PI / kSide) * (x + 0.5) * u) * Math.cos((Math.PI / kSide) * (y + 0.5) * v),
    mean,
  );

// A canvas with the shadow of the hash (base64), or null for what is none.
export const shadowOf = (hash) => {
  try {
    const channels = decode(Uint8Array.from(atob(hash), (c) => c.charCodeAt(0)));
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = kSide;
    const context = canvas.getContext("2d");
    const image = context.createImageData(kSide, kSide);
    for (let i = 0; i < kSide * kSide; ++i) {
      const [l, p, q] = channels.map((channel) => valueAt(channel, i % kSide, Math.floor(i / kSide)));
      const blue = l - (2 / 3) * p;
      const red = (3 * l - blue + q) / 2;
      image.data.set([red * 255, (red - q) * 255, blue * 255, 255], i * 4);
    }
    context.putImageData(image, 0, 0);
    return canvas;
  } catch {
    return null;
  }
};

// Until the picture is there its shadow is.
export const shade = (picture, hash) => {
  const image = picture.querySelector("img");
  if (!hash || !image || (image.complete && image.naturalWidth) || picture.querySelector("canvas")) return;
  const shadow = shadowOf(hash);
  if (!shadow) return;
  shadow.className = "shadow";
  shadow.setAttribute("aria-hidden", "true");
  picture.prepend(shadow);
  image.addEventListener("load", () => shadow.remove(), { once: true });
};
