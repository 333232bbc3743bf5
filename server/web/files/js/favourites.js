// What a visitor remembers, in this browser alone.

const kKey = "vernissage.remembered";
const kMost = 200;

export const remembered = (key = kKey) => {
  try {
    const list = JSON.parse(localStorage.getItem(key));
    return Array.isArray(list) ? list : [];
  } catch {
    return [];
  }
};

const same = (a) => (b) => JSON.stringify(a.id ?? a) === JSON.stringify(b.id ?? b);

export const isRemembered = (thing, key = kKey) => remembered(key).some(same(thing));

// Remembers, or forgets what was remembered; true: it is now.
export const toggle = (thing, key = kKey) => {
  const others = remembered(key).filter((other) => !same(thing)(other));
  const keep = others.length === remembered(key).length;
  try {
    localStorage.setItem(key, JSON.stringify(keep ? [thing, ...others].slice(0, kMost) : others));
  } catch {
    return false;  // no room, or not allowed: then it is not remembered
  }
  return keep;
};
