// What the scripts say, in the page's language. The server puts the words on <body>.

const words = JSON.parse(document.body.dataset.words ?? "{}");
const plurals = new Intl.PluralRules(document.documentElement.lang || "en");

export const say = (key, values = {}) =>
  Object.entries(values).reduce((text, [name, value]) => text.replaceAll(`{${name}}`, value), words[key] ?? key);

// The form for `n` things of "one|many" or "one|few|many".
export const count = (key, n) => {
  const forms = say(key).split("|");
  const place = { one: 0, few: 1 }[plurals.select(n)] ?? forms.length - 1;
  return forms[Math.min(place, forms.length - 1)].replaceAll("{n}", n.toLocaleString(document.documentElement.lang));
};

export const stillness = () => matchMedia("(prefers-reduced-motion: reduce)").matches;
