// Checks the certificate's signature here, in the visitor's own browser: Ed25519 over every line
// before the signature (server/gallery/certificate.h).

import { say } from "./words.js";

const button = document.querySelector(".verify");
const verdict = document.querySelector(".verdict");

const bytesOf = (hex) => Uint8Array.from(hex.match(/../g) ?? [], (pair) => parseInt(pair, 16));

const isSigned = async (text) => {
  const at = text.indexOf("\nsignature: ") + 1;
  const key = /^key: ([0-9a-f]{64})$/m.exec(text);
  const signature = /^signature: ([0-9a-f]{128})$/m.exec(text);
  if (at === 0 || !key || !signature) return false;
  const held = await crypto.subtle.importKey("raw", bytesOf(key[1]), { name: "Ed25519" }, false, ["verify"]);
  return crypto.subtle.verify({ name: "Ed25519" }, held, bytesOf(signature[1]), new TextEncoder().encode(text.slice(0, at)));
};

button.hidden = false;
button.addEventListener("click", async () => {
  try {
    verdict.textContent = say((await isSigned(document.querySelector("pre").textContent)) ? "valid" : "invalid");
  } catch {
    verdict.textContent = say("cannot_verify");
  }
});
