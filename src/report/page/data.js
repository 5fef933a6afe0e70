// What the page holds, read from inert chunks when it is needed: rows, bodies, and the index over them.

const KINDS = ["transcript", "model", "tool", "trace", "task", "other"];
const LETTERS = ["u", "o", "t", "r", "k", "x"];
const STATES = ["", "ok", "error", "no result", "no call", "bad"];
// Chunks that stay parsed.
const KEPT = 24;

const read = (id) => JSON.parse(document.getElementById(id).textContent);

const head = read("head");
const rows = [];
for (const script of document.querySelectorAll("script.index")) {
  for (const entry of JSON.parse(script.textContent)) {
    const [id, kind, state, at, who, label, status, tokens, latency, parent, sections, flags, bodies, session] = entry;
    rows.push({ place: rows.length, id, kind, state, at, who, label, status, tokens, latency, parent, sections, flags, bodies,
      session, depth: parent < 0 ? 0 : Math.min(12, rows[parent].depth + 1) });
  }
}

// The script of the page stands before its chunks, so that a reader need not wait for them.
const isLoaded = () => document.readyState !== "loading";

function whenLoaded(act) {
  if (isLoaded()) act();
  else document.addEventListener("DOMContentLoaded", act, { once: true });
}

// Whether a chunk is here, whole.
function isHere(id) {
  const script = document.getElementById(id);
  return script !== null && (script.nextSibling !== null || isLoaded());
}

// Parsed chunks, the last used ones.
const parsed = new Map();

function chunk(id) {
  let value = parsed.get(id);
  if (value === undefined) value = read(id);
  parsed.delete(id);
  parsed.set(id, value);
  if (parsed.size > KEPT) parsed.delete(parsed.keys().next().value);
  return value;
}

// All that is known of a row: its events, joins and artifacts; null while it is not here yet.
function whole(row) {
  const id = "r" + Math.floor(row.place / head.rowsInChunk);
  return isHere(id) && isHere("bodies") ? chunk(id)[row.place % head.rowsInChunk] : null;
}

let listed = null;

// A body as the page knows it: its SHA-256, its size, and the chunk that holds it; -1 where none does.
function bodyOf(number) {
  listed = listed || read("bodies");
  const [sha256, size, place] = listed[number];
  return { number, sha256, size, place };
}

let numbers = null;

function numberOf(sha256) {
  if (!numbers) {
    numbers = new Map();
    listed = listed || read("bodies");
    listed.forEach(([digest], number) => numbers.set(digest, number));
  }
  return numbers.get(sha256);
}

// The text of a body; what is no text comes as base64.
function contentOf(body) {
  if (body.place < 0 || !isHere("b" + body.place)) return null;
  const found = chunk("b" + body.place).find(([number]) => number === body.number);
  return found && (typeof found[1] === "string" ? { text: found[1] } : { base64: found[1].base64 });
}

let users = null;

// The places of the rows that name a body.
function usersOf(number) {
  if (!users) {
    users = new Map();
    for (const row of rows) {
      for (const body of row.bodies) {
        if (users.has(body)) users.get(body).push(row.place);
        else users.set(body, [row.place]);
      }
    }
  }
  return users.get(number) || [];
}

const byId = new Map(rows.map((row) => [row.id, row]));

// The row with an id, or that holds the event with it.
function rowOf(id) {
  if (byId.has(id)) return byId.get(id);
  const wanted = JSON.stringify(id).replace(/</g, "\\u003c");
  for (let number = 0; document.getElementById("r" + number); number++) {
    if (!document.getElementById("r" + number).textContent.includes(wanted)) continue;
    const place = chunk("r" + number).findIndex((row) => row.events.some((event) => (event.id === id || nameOf(event) === id)));
    if (place >= 0) return rows[number * head.rowsInChunk + place];
  }
  return null;
}

// Looks for words in everything, a chunk at a time so that the page stays alive. Tells hits by row as it goes.
function* hunt(words) {
  const plain = words.toLowerCase();
  // As the words stand in a chunk, which has a line for each row and payload.
  const written = plain.replace(/</g, "\\u003c").replace(UNSAFE, (mark) => [...Array(mark.length).keys()]
    .map((unit) => "\\u" + mark.charCodeAt(unit).toString(16).padStart(4, "0")).join(""));
  // What is quoted again inside a payload, as a line end is, must be read to be found.
  const quoted = JSON.stringify(plain).slice(1, -1);
  const isPlain = quoted === plain;
  const times = (text, form) => {
    let hits = 0;
    for (let at = text.indexOf(form); at >= 0; at = text.indexOf(form, at + form.length)) hits++;
    return hits;
  };
  const count = (line) => {
    if (isPlain) return times(line, written);
    const value = JSON.parse(line);
    const text = (typeof value[1] === "string" ? value[1] : JSON.stringify(value)).toLowerCase();
    return times(text, plain) + times(text, quoted);
  };
  const sources = [...document.querySelectorAll("script.rows, script.bodies")];
  for (const [done, script] of sources.entries()) {
    const found = [];
    const text = script.textContent;
    const lower = isPlain ? text.toLowerCase() : text;
    if (!isPlain || lower.includes(written)) {
      const first = Number(script.id.slice(1)) * head.rowsInChunk;
      lower.slice(1, -1).split(",\n").forEach((line, offset) => {
        const hits = line && count(line);
        if (!hits) return;
        if (script.className === "rows") found.push([first + offset, hits]);
        else for (const place of usersOf(Number(/^\[(\d+)/.exec(line)[1]))) found.push([place, hits]);
      });
    }
    yield { found, share: (done + 1) / sources.length };
  }
}

// The time of a row: on the clock, or since the first one.
function clock(row, since) {
  if (row.at === null) return "";
  if (since) {
    const passed = (row.at - head.start) / 1000;
    const [hours, minutes] = [Math.floor(passed / 3600), Math.floor(passed / 60) % 60];
    return "+" + (hours ? hours + ":" + String(minutes).padStart(2, "0") : minutes) + ":" + (passed % 60).toFixed(1).padStart(4, "0");
  }
  return new Date(row.at).toISOString().slice(11, 23);
}

function span(micros) {
  if (micros === null) return "";
  if (micros < 1e3) return micros + " µs";
  if (micros < 1e6) return (micros / 1e3).toFixed(0) + " ms";
  if (micros < 6e7) return (micros / 1e6).toFixed(1) + " s";
  return Math.floor(micros / 6e7) + " m " + Math.floor(micros / 1e6 % 60) + " s";
}
