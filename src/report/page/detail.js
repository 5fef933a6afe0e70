// What a row tells when it is opened: its keys, joins, findings, artifacts, events and payloads.

// A payload up to this size is open at once.
const OPEN = 6000;

// What an event is called: its id, and behind `~` which of several with that id it is.
const nameOf = (event) => event.id + (event.revision ? "~" + event.revision : "");

function fact(list, name, value) {
  if (value === null || value === undefined || value === "") return;
  list.append(make("dt", "", name), value instanceof Node ? make("dd", "", value) : said("dd", "", value));
}

function drawDetail(row) {
  const value = whole(row);
  const box = make("div", "detail");
  if (!value) {
    box.append(make("p", "note", "this part of the page is still being read …"));
    whenLoaded(() => box.isConnected && box.replaceWith(drawDetail(row)));
    return box;
  }
  const facts = make("dl", "facts");
  fact(facts, "id", drawId(row));
  fact(facts, "time", value.at && (value.ended && value.ended !== value.at ? value.at + " – " + value.ended : value.at));
  fact(facts, "source", value.source);
  fact(facts, "model", [...new Set(value.events.map((event) => [event.provider, event.model].filter(Boolean).join(" ")).filter(Boolean))].join(", "));
  fact(facts, "tool", value.tool);
  fact(facts, "tokens", drawTokens(value.tokens));
  fact(facts, "cost", value.cost && (value.cost.micro_usd === null ? "unknown: no price of this model, or of all of its tokens, is known" : value.cost.words));
  fact(facts, "error", value.error && said("span", "wrong", value.error));
  fact(facts, "keys", drawKeys(value.keys));
  box.append(facts);
  for (const finding of findingsOf(row)) box.append(drawFinding(finding));
  for (const event of value.events) box.append(drawEvent(event, value.events.length > 1));
  if (value.artifacts.length) box.append(drawArtifacts(value));
  if (value.joins.length) box.append(drawJoins(value.joins));
  return box;
}

function drawId(row) {
  const anchor = said("a", "mono", row.id);
  anchor.href = "#" + encodeURIComponent(row.id);
  return anchor;
}

function drawTokens(tokens) {
  if (!tokens) return null;
  const known = Object.entries(tokens).filter(([name, count]) => typeof count === "number" && name !== "total");
  return known.map(([name, count]) => name.replace("_", " ") + " " + count.toLocaleString("en")).join(" · ")
    + (tokens.rule ? "  (" + tokens.source + ", " + tokens.rule + ")" : "");
}

function drawKeys(keys) {
  const box = make("span", "keys");
  for (const [name, values] of Object.entries(keys)) {
    for (const key of values) {
      const chip = button(say(make("span", "", name.replace(/_id$/, "") + " "), key.value), "key" + (key.rule ? " derived" : ""), () => search(key.value));
      chip.title = (key.rule ? "derived: " + key.rule : "native: as the source wrote it") + "; search for it";
      box.append(chip);
    }
  }
  return box.firstChild ? box : null;
}

function drawFinding(finding) {
  return make("p", "finding-line", said("b", "finding " + finding.severity, finding.finding), " ", said("span", "", finding.detail));
}

// One event of a row: what it is called, what else the source says of it, and its payloads.
function drawEvent(event, several) {
  const own = event;
  const box = make("section", "event");
  const title = make("h4", "", said("span", "", own.event_type), " ", said("span", "state", own.status || ""));
  if (several) title.append(" ", make("span", "note", own.phase));
  const name = said("a", "note mono right", nameOf(own));
  name.href = "#" + encodeURIComponent(nameOf(own));
  title.append(name);
  box.append(title);
  if (own.flags) box.append(said("p", "note", "marked: " + head.flags.filter(([bit]) => Math.floor(own.flags / bit) % 2).map(([, words]) => words).join(", ")));
  const attributes = own.attributes || [];
  if (attributes.length) {
    const fold = make("details", "attributes", make("summary", "", counted(attributes.length, "attribute")));
    const facts = make("dl", "facts");
    for (const [name, value] of attributes) fact(facts, name, value);
    fold.append(facts);
    box.append(fold);
  }
  const truncated = Math.floor((own.flags || 0) / head.truncated) % 2 === 1;
  for (const body of own.bodies || []) box.append(drawPayload(body.role, bodyOf(numberOf(body.sha256)), truncated && body.role !== "raw"));
  if (!(own.bodies || []).length) box.append(make("p", "note", "no payload was recorded, or it is gone"));
  return box;
}

function drawPayload(role, body, truncated) {
  const fold = make("details", "payload");
  const also = usersOf(body.number);
  const digest = make("span", "mono note", body.sha256.slice(0, 10) + "…");
  digest.title = "sha256 " + body.sha256;
  const summary = make("summary", "", make("b", "", role), make("span", "note", bytes(body.size)), digest);
  if (truncated) summary.append(make("span", "wrong", "cut before it was recorded"));
  if (also.length > 1) summary.append(make("span", "note", "in " + counted(also.length, "row")));
  fold.append(summary);
  if (body.place < 0) {
    summary.append(make("span", "note", role === "raw"
      ? "the record as it was written: in the JSON slice of this session"
      : "too long for a page: in the JSON slice of this session"));
    fold.classList.add("elsewhere");
    return fold;
  }
  const fill = () => {
    if (fold.dataset.drawn) return;
    fold.dataset.drawn = "1";
    const content = contentOf(body);
    const box = make("div", "content");
    if (!content) box.append(make("p", "wrong", "this payload is missing from the page"));
    else if (content.text === undefined) box.append(drawBinary(content.base64, body));
    else drawBoth(box, content.text);
    fold.append(box);
    highlight(fold);
  };
  fold.addEventListener("toggle", () => fold.open && fill());
  if (role !== "raw" && body.size <= OPEN) { fill(); fold.open = true; }
  return fold;
}

// A payload pretty, with buttons to see it as it was written and to copy it.
function drawBoth(box, text) {
  const shown = make("div", "");
  let raw = false;
  const draw = () => { shown.replaceChildren(raw ? drawText(text) : drawContent(text)); highlight(shown); };
  const tools = make("div", "tools", button("raw", "small", (own) => { raw = !raw; own.textContent = raw ? "pretty" : "raw"; draw(); }));
  if (navigator.clipboard) tools.append(button("copy", "small", () => navigator.clipboard.writeText(text)));
  box.append(tools, shown);
  draw();
}

// What is no text, as the beginning of a hex dump.
function drawBinary(base64, body) {
  const some = atob(base64.slice(0, 2048));
  const lines = [];
  for (let at = 0; at < some.length; at += 16) {
    const part = [...some.slice(at, at + 16)].map((byte) => byte.charCodeAt(0));
    lines.push(part.map((byte) => byte.toString(16).padStart(2, "0")).join(" ").padEnd(49)
      + part.map((byte) => byte >= 32 && byte < 127 ? String.fromCharCode(byte) : "·").join(""));
  }
  const more = body.size > some.length ? make("p", "note", "and " + bytes(body.size - some.length) + " more: in the JSON slice of this session") : null;
  return make("div", "", make("p", "note", "not UTF-8: " + bytes(body.size)), said("pre", "mono", lines.join("\n")), more);
}

// What a model was told besides the conversation, with the path where it was found.
function drawArtifacts(value) {
  const box = make("section", "event", make("h4", "", "Told to the model"));
  for (const artifact of value.artifacts) {
    const fold = make("details", "payload", make("summary", "", make("b", "", artifact.kind), make("span", "note", bytes(artifact.size)),
      said("span", "mono note", [artifact.path, ...artifact.also].join(", "))));
    const same = head.artifacts.find((one) => one.kind === artifact.kind && one.sha256 === artifact.sha256 && one.speaker === artifact.speaker);
    const version = same && versionOf(same);
    if (version) fold.firstChild.append(make("span", "version", version));
    fold.addEventListener("toggle", () => {
      if (!fold.open || fold.dataset.drawn) return;
      fold.dataset.drawn = "1";
      fold.append(make("div", "content", drawFound(value, artifact)));
    });
    box.append(fold);
  }
  return box;
}

// What stands at a path of a payload; the payload itself is not repeated in the page.
function drawFound(value, { event, path }) {
  const role = path.split(/[.[→]/)[0];
  const holder = value.events.find((one) => nameOf(one) === event) || value.events[0];
  const body = (holder.bodies || []).find((one) => one.role === role);
  const content = body && contentOf(bodyOf(numberOf(body.sha256)));
  if (!content || content.text === undefined) return make("p", "note", "the payload that holds it is not in the page");
  if (path === role) return drawContent(content.text);
  const found = follow(content.text, path);
  if (!found) return make("p", "note", "open the payload to see it");
  return make("div", "json", drawNode(found.text, { ...found.node, name: null }, 0, null));
}

// Why a row belongs to others, how surely, and what it was not joined with.
function drawJoins(joins) {
  const box = make("section", "event joins", make("h4", "", "Joins"));
  for (const join of joins) {
    const values = join.basis.values.join(" = ");
    const line = make("div", "join", make("span", "strength " + join.strength, join.strength), " ",
      join.to ? link(rowOf(join.to), byId.has(join.to) ? null : join.to) : make("span", "note", "no other row"),
      said("span", "note", " " + [join.basis.key, values].filter(Boolean).join(" ") + " · " + join.basis.rule));
    if (join.external) line.append(make("span", "note", " · not in this report"));
    const others = [...join.candidates.map((to) => [to, "also fits"]), ...join.rejected.map((row) => [row.to, row.why])];
    if (others.length) {
      const fold = make("details", "", make("summary", "note", counted(others.length, "row") + " considered and not chosen"));
      for (const [to, why] of others) fold.append(make("div", "", link(byId.get(to), byId.has(to) ? null : to), said("span", "note", " — " + why)));
      line.append(fold);
    }
    box.append(line);
  }
  return box;
}
