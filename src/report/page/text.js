// Draws untrusted text and JSON: by text nodes alone, with visible marks for what could deceive a reader.

// Controls, bidi and invisible characters, halves of surrogate pairs; a line end and a tab are no danger here.
const UNSAFE = /[\0-\x08\x0b-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\u{1bca0}-\u{1bca3}\u{1d173}-\u{1d17a}\u{e0000}-\u{e0fff}\ud800-\udfff]/gu;
const RASTER = /^image\/(?:png|jpeg|gif|webp|avif|bmp)$/;
const DATA_URL = /^data:([a-z]+\/[a-z0-9.+-]+)((?:;[a-z0-9=._-]+)*);base64,/i;
// Characters of a text that are drawn at once, and members of a list.
const SHOWN = 4000;
const MEMBERS = 100;
// A longer text is not looked into as JSON.
const LONGEST = 64 << 20;

// An element with a class and children; texts become text nodes.
function make(name, kind, ...children) {
  const element = document.createElement(name);
  if (kind) element.className = kind;
  for (const child of children) {
    if (child === null || child === undefined) continue;
    element.append(typeof child === "number" ? String(child) : child);
  }
  return element;
}

function button(words, kind, act) {
  const element = make("button", kind, words);
  element.type = "button";
  element.addEventListener("click", (event) => { event.stopPropagation(); act(element); });
  return element;
}

// The visible mark of one unsafe character, as in the terminal.
function markOf(character) {
  const code = character.codePointAt(0);
  if (code < 0x20) return "^" + String.fromCharCode(code + 0x40);
  if (code === 0x7f) return "^?";
  return "<U+" + code.toString(16).toUpperCase().padStart(4, "0") + ">";
}

// A joiner or a selector where an emoji sequence has one.
function inEmoji(text, at, character) {
  const before = /\p{Extended_Pictographic}\ufe0f?$/u.test(text.slice(Math.max(0, at - 4), at));
  if (character === "\u200d") return before && /^\p{Extended_Pictographic}/u.test(text.slice(at + 1, at + 4));
  return character === "\ufe0f" && (before || /[0-9#*]$/.test(text.slice(at - 1, at)));
}

// Appends untrusted text to an element, with marks.
function say(element, text) {
  let from = 0;
  for (const found of text.matchAll(UNSAFE)) {
    if (inEmoji(text, found.index, found[0])) continue;
    if (found.index > from) element.append(text.slice(from, found.index));
    element.append(make("span", "mark", markOf(found[0])));
    from = found.index + found[0].length;
  }
  if (from < text.length) element.append(from ? text.slice(from) : text);
  return element;
}

function said(name, kind, text) {
  return say(make(name, kind), text === null || text === undefined ? "" : String(text));
}

function bytes(size) {
  if (size < 1000) return size + " B";
  for (const [unit, scale] of [["kB", 1e3], ["MB", 1e6]]) {
    if (size < scale * 1000) return (size / scale).toFixed(1) + " " + unit;
  }
  return (size / 1e9).toFixed(1) + " GB";
}

function counted(count, one, many) {
  return count.toLocaleString("en") + " " + (count === 1 ? one : many || one + "s");
}

// A text of any length: the beginning, and more on request.
function drawText(text, kind) {
  const box = make("div", kind || "text");
  let at = 0;
  const more = () => {
    let to = Math.min(text.length, at + (at ? SHOWN * 16 : SHOWN));
    if (to < text.length && /[\ud800-\udbff]/.test(text[to - 1])) to += 1;
    say(box, text.slice(at, to));
    at = to;
    if (at < text.length) {
      box.append(button("… " + counted(text.length - at, "more character"), "more", (own) => { own.remove(); more(); }));
    }
  };
  more();
  return box;
}

// Where the string that begins at a quote ends; a long one costs no more than a search for its end.
function endOfString(text, from) {
  for (let at = text.indexOf('"', from + 1); at >= 0; at = text.indexOf('"', at + 1)) {
    let slashes = 0;
    while (text[at - 1 - slashes] === "\\") slashes++;
    if (slashes % 2 === 0) return at + 1;
  }
  return -1;
}

// What a text of JSON is made of: nodes with their place in it, or null where it is no JSON.
function parse(text) {
  const plain = /[ \t\r\n]*(?:(-?\d[\d.eE+-]*)|(true|false|null)|(["[\]{},:]))/y;
  const root = { sort: "[", items: [], from: 0, to: 0 };
  const open = [root];
  let name = null, place = 0;
  while (true) {
    plain.lastIndex = place;
    const found = plain.exec(text);
    if (!found) break;
    place = plain.lastIndex;
    const [, number, word, sign] = found;
    const top = open[open.length - 1];
    if (sign === ",") continue;
    if (sign === ":") {
      if (name === null) return null;
      continue;
    }
    if (sign === "}" || sign === "]") {
      if (open.length === 1 || (sign === "}") !== (top.sort === "{")) return null;
      top.to = place;
      open.pop();
      continue;
    }
    const from = place - (number || word || sign).length;
    if (sign === '"') {
      place = endOfString(text, from);
      if (place < 0) return null;
    }
    if (top.sort === "{" && name === null) {
      if (sign !== '"') return null;
      name = text.slice(from, place);
      continue;
    }
    const sort = sign === '"' ? "s" : sign || (number ? "n" : "w");
    const node = { sort, name, from, to: place, items: sort === "{" || sort === "[" ? [] : null };
    name = null;
    top.items.push(node);
    if (node.items) open.push(node);
  }
  const whole = open.length === 1 && root.items.length === 1 && text.slice(place).trim() === "";
  return whole ? root.items[0] : null;
}

function decoded(token) {
  try { return JSON.parse(token); } catch { return token; }
}

// The sort of image that a string holds: a data URL, or base64 that stands beside its type.
function imageOf(text, beside) {
  const url = DATA_URL.exec(text.slice(0, 200));
  if (url) return { type: url[1].toLowerCase(), url: text, size: Math.floor((text.length - url[0].length) * 3 / 4) };
  if (beside && text.length > 256 && /^[A-Za-z0-9+/=\r\n]+$/.test(text.slice(0, 4096))) {
    return { type: beside.toLowerCase(), url: "data:" + beside + ";base64," + text, size: Math.floor(text.length * 3 / 4) };
  }
  return null;
}

// An image as its type and size; only what is a raster can be shown, and only when asked for.
function drawImage(image) {
  const box = make("span", "image", said("b", "", image.type), " · " + bytes(image.size) + " ");
  if (RASTER.test(image.type)) {
    box.append(button("show", "small", (own) => {
      const picture = new Image();
      picture.alt = image.type;
      picture.src = image.url;
      own.replaceWith(picture);
    }));
  } else {
    box.append(make("i", "", "not shown"));
  }
  return box;
}

function drawString(token, beside) {
  const text = decoded(token);
  const image = imageOf(text, beside);
  if (image) return drawImage(image);
  if (text.length <= 160 && !text.includes("\n")) return say(make("span", "s"), token);
  const box = drawText(text, "s block");
  if (/^\s*[[{]/.test(text) && text.length < LONGEST) {
    const inner = parse(text);
    if (inner && inner.items) {
      const both = make("div", "within", make("span", "note", "JSON in a string "), drawNode(text, inner, 1, null));
      return both;
    }
  }
  return box;
}

// A node and what is below it; what is folded is drawn when it is opened.
function drawNode(text, node, depth, beside) {
  const name = node.name === null || node.name === undefined ? null : say(make("span", "k"), decoded(node.name));
  const line = (value) => make("div", "j", name, name && ": ", value);
  if (node.sort === "s") return line(drawString(text.slice(node.from, node.to), beside));
  if (!node.items) return line(make("span", node.sort, text.slice(node.from, node.to)));
  const [open, close] = node.sort === "{" ? ["{", "}"] : ["[", "]"];
  if (!node.items.length) return line(make("span", "p", open + close));
  const fold = make("details", "j");
  const count = node.sort === "{" ? counted(node.items.length, "member") : counted(node.items.length, "item");
  fold.append(make("summary", "", name, name && ": ", make("span", "p", open), make("span", "note", " " + count + " · " + bytes(node.to - node.from) + " "), make("span", "p closed", close)));
  const fill = () => {
    if (fold.dataset.drawn) return;
    fold.dataset.drawn = "1";
    const box = make("div", "in");
    const type = node.items.find((item) => item.sort === "s" && /^"(?:media_?type|mime_?type)"$/i.test(item.name || ""));
    const sort = type && decoded(text.slice(type.from, type.to));
    let at = 0;
    const more = () => {
      const to = Math.min(node.items.length, at + MEMBERS);
      for (; at < to; at++) {
        const item = node.items[at];
        box.append(drawNode(text, item, depth + 1, item.name === '"data"' ? sort : null));
      }
      if (at < node.items.length) {
        box.append(button("… " + counted(node.items.length - at, "more"), "more", (own) => { own.remove(); more(); }));
      }
    };
    more();
    fold.append(box);
  };
  fold.addEventListener("toggle", () => fold.open && fill());
  if (depth < 2 || (depth < 6 && node.to - node.from < 600)) { fill(); fold.open = true; }
  return fold;
}

// A payload as what it is: JSON with folds, else text.
function drawContent(text) {
  if (text.length < LONGEST && /^\s*["[{]/.test(text)) {
    const root = parse(text);
    if (root) return make("div", "json", drawNode(text, root, 0, null));
  }
  const image = imageOf(text, null);
  return image ? drawImage(image) : drawText(text);
}

// The node that a path leads to, as `output.tools[0].name`; `→` enters JSON that stands in a string.
function follow(text, path) {
  let node = parse(text);
  const steps = path.match(/→|\[\d*\]|[^.[\]→]+/g) || [];
  // The first step is the role of the body.
  for (const step of steps.slice(1)) {
    if (!node) return null;
    if (step === "→") {
      if (node.sort !== "s") return null;
      text = decoded(text.slice(node.from, node.to));
      node = parse(text);
    } else if (step === "[]") {
      return { text, node };
    } else if (node.items) {
      const index = /^\[(\d+)\]$/.exec(step);
      node = index ? node.items[Number(index[1])] : node.items.find((item) => decoded(item.name) === step);
    } else {
      return null;
    }
  }
  return node && { text, node };
}
