// A passage between two paintings: the server's moving JPEG, drawn frame by frame, so that its end
// is known and it can be left at any moment.

const kHead = /content-length: *(\d+)/i;

const joined = (a, b) => {
  const out = new Uint8Array(a.length + b.length);
  out.set(a);
  out.set(b, a.length);
  return out;
};

// Where the head of the next part ends; -1: not here yet.
const headEnd = (bytes) => {
  for (let i = 0; i + 3 < bytes.length; ++i)
    if (bytes[i] === 13 && bytes[i + 1] === 10 && bytes[i + 2] === 13 && bytes[i + 3] === 10) return i + 4;
  return -1;
};

async function* frames(response) {
  const reader = response.body.getReader();
  const text = new TextDecoder("latin1");
  let bytes = new Uint8Array();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    bytes = joined(bytes, value);
    for (let end = headEnd(bytes); end >= 0; end = headEnd(bytes)) {
      const length = Number(kHead.exec(text.decode(bytes.subarray(0, end)))?.[1]);
      if (!length) throw new Error("a part without a length");
      if (bytes.length < end + length) break;
      yield new Blob([bytes.subarray(end, end + length)], { type: "image/jpeg" });
      bytes = bytes.slice(end + length);
    }
  }
}

// Resolves at the passage's end: true when it was seen whole. Rejects when `signal` is used.
export const play = async (url, canvas, signal, onFirst = () => {}) => {
  const response = await fetch(url, { signal, cache: "no-store" });
  if (!response.ok) return false;
  const context = canvas.getContext("2d");
  let seen = 0;
  for await (const frame of frames(response)) {
    const image = await createImageBitmap(frame);
    if (signal.aborted) break;
    if (seen++ === 0) {
      canvas.width = image.width;
      canvas.height = image.height;
    }
    context.drawImage(image, 0, 0);
    image.close();
    if (seen === 1) onFirst();
  }
  return seen > 1;
};

export const flowUrl = (from, to) => `/api/v1/flow?from=${from}&to=${to}`;
