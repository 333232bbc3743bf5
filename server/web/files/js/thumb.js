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

// The cosines of every place, by frequency: a page shows many shadows at once.
const waves = Array.from({ length: 8 }, (_, u) =>
  Float64Array.from({ length: kSide }, (_, x) => Math.cos((Math.PI / kSide) * (x + 0.5) * u)));

// Every pixel's value, term by term.
const plane = ({ mean, terms }) => {
  const values = new Float32Array(kSide * kSide).fill(mean);
  for (const [u, v, size] of terms)
    for (let y = 0, i = 0; y < kSide; ++y) {
      const high = size * waves[v][y];
      for (let x = 0; x < kSide; ++x) values[i++] += high * waves[u][x];
    }
  return values;
};

// A canvas with the shadow of the hash (base64), or null for what is none.
export const shadowOf = (hash) => {
  try {
    const [l, p, q] = decode(Uint8Array.from(atob(hash), (c) => c.charCodeAt(0))).map(plane);
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = kSide;
    const context = canvas.getContext("2d");
    const image = context.createImageData(kSide, kSide);
    for (let i = 0; i < kSide * kSide; ++i) {
      const blue = l[i] - (2 / 3) * p[i];
      const red = (3 * l[i] - blue + q[i]) / 2;
      image.data[4 * i] = red * 255;
      image.data[4 * i + 1] = (red - q[i]) * 255;
      image.data[4 * i + 2] = blue * 255;
      image.data[4 * i + 3] = 255;
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
