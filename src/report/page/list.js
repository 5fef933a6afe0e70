// Lists of rows that are drawn when they come into view, and what a row tells when it is opened.

// Rows that are drawn together, and the height of a closed one, which the style sheet sets too.
const TOGETHER = 100;
const HEIGHT = 26;

const view = { since: false, nested: false, words: "", hits: new Map(), onlyHits: false, hidden: new Set(), only: new Set() };
const lists = [];
let current = null;

// Whether filters let a row through.
function passes(row) {
  if (view.hidden.has(row.kind)) return false;
  if (view.onlyHits && view.words && !view.hits.has(row.place)) return false;
  if (!view.only.size) return true;
  return (view.only.has("error") && (row.state === 2 || row.state === 5))
    || (view.only.has("open") && (row.state === 3 || row.state === 4))
    || (view.only.has("finding") && findingsOf(row).length > 0);
}

const toldOf = new Map();
for (const finding of head.findings.rows) {
  if (!toldOf.has(finding.row)) toldOf.set(finding.row, []);
  toldOf.get(finding.row).push(finding);
}
const findingsOf = (row) => toldOf.get(row.id) || [];

// Rows below the row that they belong to.
let order = null;

function nested() {
  if (order) return order;
  const below = new Map();
  for (const row of rows) {
    const above = row.parent < 0 ? -1 : row.parent;
    if (!below.has(above)) below.set(above, []);
    below.get(above).push(row);
  }
  order = new Uint32Array(rows.length);
  const waiting = (below.get(-1) || []).slice().reverse();
  for (let rank = 0; waiting.length; rank++) {
    const row = waiting.pop();
    order[row.place] = rank;
    const own = below.get(row.place) || [];
    for (let at = own.length - 1; at >= 0; at--) waiting.push(own[at]);
  }
  return order;
}

// A list of some rows. What is out of view and closed is not in the document.
class List {
  constructor(box, all, said) {
    Object.assign(this, { box, all, said });
    this.watcher = new IntersectionObserver((seen) => seen.forEach((one) => this.turn(one)), { rootMargin: "1200px 0px" });
    lists.push(this);
    this.fill();
  }

  fill() {
    this.watcher.disconnect();
    this.shown = this.all.filter(passes);
    if (view.nested) {
      const ranks = nested();
      this.shown.sort((one, other) => ranks[one.place] - ranks[other.place]);
    }
    this.box.replaceChildren();
    for (let at = 0; at < this.shown.length; at += TOGETHER) {
      const part = make("div", "part");
      part.from = at;
      part.style.height = Math.min(TOGETHER, this.shown.length - at) * HEIGHT + "px";
      this.box.append(part);
      this.watcher.observe(part);
    }
    if (!this.shown.length) this.box.append(make("p", "note", this.all.length ? "No row passes the filter." : "None."));
  }

  turn({ target, isIntersecting }) {
    if (isIntersecting) this.draw(target);
    else if (target.firstChild && !target.querySelector(".open, .current")) target.replaceChildren();
  }

  draw(part) {
    if (part.firstChild) return;
    for (const row of this.shown.slice(part.from, part.from + TOGETHER)) part.append(drawRow(row, this.said));
    part.style.height = this.said ? "" : part.style.height;
    if (this.said) part.style.minHeight = part.childElementCount * HEIGHT + "px";
  }

  // The element of a row, drawn if need be.
  element(row) {
    const at = this.shown.indexOf(row);
    if (at < 0) return null;
    const part = this.box.children[Math.floor(at / TOGETHER)];
    this.draw(part);
    return part.children[at % TOGETHER];
  }
}

// The label of a row; the name that stands before it is not said twice.
function wordsOf(row) {
  return row.label.startsWith(row.who + " ") ? row.label.slice(row.who.length + 1) : row.label;
}

function drawRow(row, asSaid) {
  const line = make("div", "row " + KINDS[row.kind] + (row.state === 2 || row.state === 5 ? " error" : ""));
  line.row = row;
  if (view.nested) line.style.setProperty("--depth", row.depth);
  const bar = row.latency === null ? 0 : Math.min(100, Math.max(2, Math.log10(row.latency / 1000 + 1) * 20));
  const latency = make("span", "latency", span(row.latency));
  latency.style.setProperty("--bar", bar + "%");
  const time = make("span", "time", clock(row, view.since));
  time.title = row.at === null ? "no time is known" : new Date(row.at).toISOString();
  const label = said("span", "label", wordsOf(row));
  if (asSaid) {
    const text = saidIn(row);
    if (text && text.length > label.textContent.length) label.replaceChildren(drawText(text, "said"));
  }
  const marks = make("span", "marks");
  const told = findingsOf(row);
  if (told.length) marks.append(make("span", "finding " + told[0].severity, "!"));
  if (view.hits.has(row.place)) marks.append(make("span", "hits", view.hits.get(row.place)));
  const kind = make("span", "kind", KINDS[row.kind]);
  const state = said("span", "state s" + row.state, row.status || STATES[row.state]);
  const tokens = make("span", "tokens", row.tokens === null ? "" : row.tokens.toLocaleString("en"));
  const top = make("button", "line", time, kind, said("span", "who", row.who), label, marks, state, tokens, latency);
  top.type = "button";
  top.addEventListener("click", () => { choose(line); toggle(line); });
  line.append(top);
  if (current && current.row === row) line.classList.add("current");
  return line;
}

// The words of a row of the transcript, whole.
function saidIn(row) {
  for (const event of whole(row)?.events || []) {
    const body = event.bodies.find((one) => one.role === "input" || one.role === "output");
    const content = body && contentOf(bodyOf(numberOf(body.sha256)));
    if (content && content.text !== undefined) {
      if (!/^\s*["[{]/.test(content.text)) return content.text;
      try {
        const value = JSON.parse(content.text);
        if (typeof value === "string") return value;
        if (typeof value.text === "string") return value.text;
      } catch { return content.text; }
    }
  }
  return null;
}

// Makes a row the current one.
function choose(line, scroll) {
  if (current && current !== line) current.classList.remove("current");
  current = line;
  line.classList.add("current");
  if (scroll) line.scrollIntoView({ block: "nearest" });
}

function toggle(line, open) {
  const is = line.classList.contains("open");
  if (open === is) return;
  const part = line.parentElement;
  if (is) {
    line.classList.remove("open");
    line.querySelector(".detail").remove();
  } else {
    line.classList.add("open");
    line.append(drawDetail(line.row));
    highlight(line);
  }
  // An open row is as high as what it tells.
  part.style.height = part.querySelector(".open") ? "" : part.childElementCount * HEIGHT + "px";
  if (line.closest("#transcript")) part.style.height = "";
}

// Goes to a row in the list where it stands, and opens it.
function go(row, open = true) {
  for (const list of [lists[lists.length - 1], ...lists].filter((list) => list.box.closest("#timeline"))) {
    let line = list.element(row);
    if (!line) {
      clearFilters();
      line = list.element(row);
    }
    choose(line);
    if (open) toggle(line, true);
    line.scrollIntoView({ block: "center" });
    return;
  }
}

// A link to a row, with its words.
function link(row, words) {
  if (!row) return said("span", "outside", words || "");
  const anchor = said("a", "", words || (row.who + " " + wordsOf(row)).slice(0, 60));
  anchor.href = "#" + encodeURIComponent(row.id);
  anchor.addEventListener("click", (event) => { event.preventDefault(); open(row); });
  return anchor;
}

function open(row) {
  history.pushState(null, "", "#" + encodeURIComponent(row.id));
  go(row);
}
