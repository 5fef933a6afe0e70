// Puts the page together: its sections, search, filters, links and keys.

const at = (id) => document.getElementById(id);

// Small letters, as many as there were: a letter that would become two stays as it is.
const lower = (text) => {
  const all = text.toLowerCase();
  return all.length === text.length ? all : [...text].map((one) => one.toLowerCase().length === one.length ? one.toLowerCase() : one).join("");
};

// Marks what is searched for, where the browser can do so without touching the text.
function highlight(root) {
  if (!("highlights" in CSS)) return;
  const ranges = CSS.highlights.get("hit") || new Highlight();
  CSS.highlights.set("hit", ranges);
  const words = lower(view.words);
  if (!words) return;
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const text = lower(node.data);
    for (let from = text.indexOf(words); from >= 0; from = text.indexOf(words, from + words.length)) {
      const range = new Range();
      range.setStart(node, from);
      range.setEnd(node, Math.min(node.length, from + words.length));
      ranges.add(range);
    }
  }
}

function refill() {
  const row = current && current.row;
  for (const list of lists) list.fill();
  if (row && passes(row)) go(row, false);
  tally();
}

function tally() {
  const shown = rows.filter(passes).length;
  at("shown").textContent = shown === rows.length ? counted(rows.length, "row") : shown.toLocaleString("en") + " of " + counted(rows.length, "row");
}

function clearFilters() {
  view.hidden.clear();
  view.only.clear();
  view.onlyHits = false;
  for (const chip of document.querySelectorAll("#filters [aria-pressed]")) chip.setAttribute("aria-pressed", chip.dataset.kind ? "true" : "false");
  refill();
}

// Searches everything, and tells how many hits there are in how many rows while it goes on.
let hunting = 0;

function search(words) {
  if (at("search").value !== words) at("search").value = words;
  const own = ++hunting;
  view.words = words.trim();
  view.hits = new Map();
  if ("highlights" in CSS) CSS.highlights.delete("hit");
  if (!view.words) {
    at("found").textContent = "";
    refill();
    return;
  }
  if (!isLoaded()) {
    at("found").textContent = "the page is still being read …";
    whenLoaded(() => own === hunting && search(words));
    return;
  }
  const hunt_ = hunt(view.words);
  let all = 0;
  const step = () => {
    if (own !== hunting) return;
    const until = performance.now() + 12;
    let share = 1, last;
    do {
      last = hunt_.next();
      if (last.done) break;
      share = last.value.share;
      for (const [place, hits] of last.value.found) {
        view.hits.set(place, (view.hits.get(place) || 0) + hits);
        all += hits;
      }
    } while (performance.now() < until);
    const told = counted(all, "hit") + " in " + counted(view.hits.size, "row");
    at("found").textContent = last.done ? told : told + " · " + Math.floor(share * 100) + "%";
    at("found").dataset.done = last.done ? "1" : "";
    if (last.done) { refill(); highlight(document.querySelector("main")); } else setTimeout(step);
  };
  step();
}

// The next row, from the current one on, of which something is true.
function seek(step, is) {
  const list = timeline.shown;
  let place = current ? list.indexOf(current.row) : step > 0 ? -1 : list.length;
  for (place += step; place >= 0 && place < list.length; place += step) {
    if (is(list[place])) {
      const line = timeline.element(list[place]);
      choose(line);
      line.scrollIntoView({ block: "center" });
      return;
    }
  }
}

const KEYS = [
  ["j", "next row", () => seek(1, () => true)],
  ["k", "row before", () => seek(-1, () => true)],
  ["Enter", "open or close the row", () => current && toggle(current)],
  ["e", "next error", () => seek(1, (row) => row.state === 2 || row.state === 5)],
  ["E", "error before", () => seek(-1, (row) => row.state === 2 || row.state === 5)],
  ["f", "next row with a finding", () => seek(1, (row) => findingsOf(row).length)],
  ["n", "next row with a hit", () => seek(1, (row) => view.hits.has(row.place))],
  ["N", "row with a hit before", () => seek(-1, (row) => view.hits.has(row.place))],
  ["g", "to the first row", () => { current = null; seek(1, () => true); }],
  ["G", "to the last row", () => { current = null; seek(-1, () => true); }],
  ["/", "search", () => at("search").focus()],
  ["t", "time on the clock, or since the start", () => { view.since = !view.since; refill(); }],
  ["b", "rows by time, or by branch", () => at("nest").click()],
  ["?", "these keys", () => at("help").open ? at("help").close() : at("help").showModal()],
];

function keys() {
  const table = make("dl", "");
  for (const [key, words] of KEYS) table.append(make("dt", "", make("kbd", "", key)), make("dd", "", words));
  table.append(make("dt", "", make("kbd", "", "Esc")), make("dd", "", "leave the search, or close this"));
  at("help").append(make("h2", "", "Keys"), table, button("close", "small", () => at("help").close()));
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target === at("search")) {
      if (event.key === "Escape") { search(""); at("search").blur(); }
      if (event.key === "Enter") { at("search").blur(); seek(1, (row) => view.hits.has(row.place)); event.preventDefault(); }
      return;
    }
    if (/^(?:INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName)) return;
    const found = KEYS.find(([key]) => key === event.key);
    // What has the focus keeps its own Enter.
    const focused = event.key === "Enter" && event.target !== document.body;
    if (found && !focused) { event.preventDefault(); found[2](); }
  });
}

function filters() {
  const box = at("filters");
  const counts = KINDS.map((_, kind) => rows.reduce((sum, row) => sum + (row.kind === kind), 0));
  KINDS.forEach((name, kind) => {
    if (!counts[kind]) return;
    const chip = button(name + " ", "chip " + name, (own) => press(own, view.hidden, kind, true));
    chip.append(make("span", "count", counts[kind].toLocaleString("en")));
    chip.dataset.kind = name;
    chip.setAttribute("aria-pressed", "true");
    box.append(chip);
  });
  const sorts = [["error", "errors", (row) => row.state === 2 || row.state === 5], ["open", "open", (row) => row.state === 3 || row.state === 4],
    ["finding", "findings", (row) => findingsOf(row).length]];
  for (const [name, words, is] of sorts) {
    const count = rows.filter(is).length;
    if (!count) continue;
    const chip = button(words + " ", "chip only", (own) => press(own, view.only, name, false));
    chip.append(make("span", "count", count.toLocaleString("en")));
    chip.dataset.only = name;
    chip.setAttribute("aria-pressed", "false");
    box.append(chip);
  }
  const nest = button("by branch", "chip only", (own) => {
    view.nested = own.getAttribute("aria-pressed") !== "true";
    own.setAttribute("aria-pressed", String(view.nested));
    refill();
  });
  nest.id = "nest";
  nest.setAttribute("aria-pressed", "false");
  const hits = button("hits only", "chip only", (own) => {
    view.onlyHits = own.getAttribute("aria-pressed") !== "true";
    own.setAttribute("aria-pressed", String(view.onlyHits));
    refill();
  });
  hits.setAttribute("aria-pressed", "false");
  box.append(nest, hits, make("span", "note", ""));
  box.lastChild.id = "shown";
  let waiting = 0;
  at("search").addEventListener("input", (event) => {
    clearTimeout(waiting);
    waiting = setTimeout(() => search(event.target.value), 250);
  });
}

// A chip that is pressed lets its kind through, or lets nothing else through.
function press(chip, set, value, through) {
  const pressed = chip.getAttribute("aria-pressed") !== "true";
  chip.setAttribute("aria-pressed", String(pressed));
  if (pressed === through) set.delete(value); else set.add(value);
  refill();
}

// A list of rows in a section; one that is folded is made when it is opened.
function listIn(section, own, asSaid) {
  const box = section.querySelector(".list");
  const fold = section.querySelector("details");
  if (!fold || fold.open) return new List(box, own, asSaid);
  fold.addEventListener("toggle", () => {
    if (!fold.open || box.dataset.made) return;
    box.dataset.made = "1";
    // A section of its own is that of one source, whatever it is called.
    const primed = section.dataset.primed, of = primed && (section.id.startsWith("source-") ? [primed] : primed.split(" "));
    const told = primed && priming(of, !section.id.startsWith("source-"));
    if (told) box.before(told);
    new List(box, own, asSaid);
  });
  return null;
}

let timeline = null;

function link_(hash) {
  let id;
  try { id = decodeURIComponent(hash.slice(1)); } catch { return; }
  // A section is gone to by the browser; an event may have the name of anything else.
  if (!id || at(id)?.matches("section, header, main")) return;
  if (byId.has(id)) go(byId.get(id));
  else whenLoaded(() => { const row = rowOf(id); if (row) go(row); });
}

function start() {
  filters();
  keys();
  timeline = listIn(at("timeline"), rows, false);
  for (const section of document.querySelectorAll("section[data-rows]")) {
    const bit = Number(section.dataset.rows);
    const own = rows.filter((row) => Math.floor(row.sections / 2 ** bit) % 2 === 1);
    listIn(section, own, section.id === "transcript");
  }
  insights();
  tally();
  link_(location.hash);
  // The words of the transcript stand in chunks.
  if (!isLoaded()) whenLoaded(() => lists.forEach((list) => list.said && list.fill()));
  addEventListener("hashchange", () => link_(location.hash));
  addEventListener("popstate", () => link_(location.hash));
  // On paper there is nothing to scroll to: what is open is drawn, up to a length that somebody would print.
  addEventListener("beforeprint", () => {
    for (const list of lists) [...list.box.children].slice(0, 30).forEach((part) => part.from !== undefined && list.draw(part));
  });
  document.documentElement.dataset.ready = Math.round(performance.now());
}

start();
