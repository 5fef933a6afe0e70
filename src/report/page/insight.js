// What was worked out over all rows: prompts and tools by version, actions, totals, joins in short, findings.

function table(headings, lines) {
  const body = make("tbody", "");
  for (const cells of lines) {
    const row = make("tr", "");
    cells.forEach((cell, column) => {
      const data = make("td", headings[column][1] || "");
      if (cell instanceof Node) data.append(cell); else say(data, cell === null || cell === undefined ? "" : String(cell));
      row.append(data);
    });
    body.append(row);
  }
  const top = make("tr", "");
  for (const [words, kind] of headings) top.append(make("th", kind || "", words));
  return make("div", "scroll", make("table", "", make("thead", "", top), body));
}

const whole_ = (count) => count === null || count === undefined ? "unknown" : count.toLocaleString("en");

// What was told to models, each text once, with every place where it stands.
function prompts(box) {
  if (!head.artifacts.length) return box.append(make("p", "note", "No prompt, instruction or tool was found in this session."));
  const speakers = [...new Set(head.artifacts.map((artifact) => artifact.speaker))];
  const sorted = speakers.flatMap((speaker) => head.artifacts.filter((artifact) => artifact.speaker === speaker));
  let before = null;
  for (const artifact of sorted) {
    if (artifact.speaker !== before) box.append(said("h3", "", artifact.speaker));
    before = artifact.speaker;
    box.append(drawArtifact(artifact));
  }
}

// One text with its versions, and every place where it stands.
function drawArtifact(artifact) {
  const fold = make("details", "payload");
  const first = rows[artifact.rows[0]];
  const summary = make("summary", "", make("b", "", artifact.kind), make("span", "note", bytes(artifact.size)),
    said("span", "mono note", artifact.path), make("span", "note", "in " + counted(artifact.seen, "row")));
  const version = versionOf(artifact);
  if (version) summary.append(make("span", "version", version));
  fold.append(summary);
  fold.addEventListener("toggle", () => {
    if (!fold.open || fold.dataset.drawn) return;
    fold.dataset.drawn = "1";
    const where = make("p", "note", (head.redacted ? "hmac " : "sha256 ") + artifact.sha256.slice(0, 16) + "… · in ");
    artifact.rows.forEach((place, index) => where.append(index ? ", " : "", link(rows[place])));
    if (artifact.seen > artifact.rows.length) where.append(" and " + (artifact.seen - artifact.rows.length).toLocaleString("en") + " more");
    const box = make("div", "content");
    fold.append(where, box);
    whenLoaded(() => box.append(drawFound(whole(first), artifact)));
  });
  return fold;
}

// Which version of what its speaker was told it is, and since which row; one that came back has several numbers.
function versionOf({ versions }) {
  if (!versions.numbers.length) return "";
  const since = versions.from.filter((place) => place > 0).map((place) => "row " + (place + 1).toLocaleString("en"));
  const number = (versions.numbers.length > 1 ? "versions " : "version ") + versions.numbers.join(", ") + " of " + versions.of;
  return number + (versions.of > 1 && since.length ? ", from " + since.join(", ") : "");
}

// What the models of an agent were told first, of each kind.
function priming(sources, anything) {
  const is = (speaker) => sources.some((source) => anything && source.endsWith("*") ? speaker.startsWith(source.slice(0, -1))
    : speaker === source || speaker.startsWith(source + "/"));
  const first = new Map();
  for (const artifact of head.artifacts) if (is(artifact.speaker) && !first.has(artifact.kind)) first.set(artifact.kind, artifact);
  return first.size ? make("div", "priming", make("h3", "", "Priming"), ...[...first.values()].map(drawArtifact)) : null;
}

// A cost as a person reads it; what is not known is said.
const costOf = (cost) => !cost ? "" : cost.micro_usd === null ? "unknown" : cost.words;

// Arrays of actions, each once, with what came of them.
function actions(box) {
  const { arrays, only_counts: counts } = head.actions;
  if (!arrays.length && !counts.length) return box.append(make("p", "note", "No actions were recorded."));
  for (const array of arrays) {
    const first = array.spots[0];
    const fold = make("details", "payload", make("summary", "", make("b", "", counted(array.count, "action")),
      said("span", "note", array.sorts.map(([sort, count]) => sort + " " + count).join(", ")), said("span", "mono note", first.path)));
    fold.addEventListener("toggle", () => {
      if (!fold.open || fold.dataset.drawn) return;
      fold.dataset.drawn = "1";
      const where = make("p", "note", "stands in ");
      array.spots.forEach((spot, index) => where.append(index ? ", " : "", link(rows[spot.row])));
      const came = make("p", "note", array.downstream.length ? "tasks and tools of the same request: " : "no task or tool shares its request, trace or intent");
      array.downstream.forEach((place, index) => came.append(index ? ", " : "", link(rows[place])));
      if (array.further) came.append(" and " + array.further + " more");
      const box = make("div", "content");
      fold.append(where, came, box);
      whenLoaded(() => box.append(drawFound(whole(rows[first.row]), first)));
    });
    box.append(fold);
  }
  for (const count of counts) {
    box.append(make("p", "note", "only the count was kept: " + counted(count.count, "action") + " at ", said("span", "mono", count.path), " of ", link(rows[count.row])));
  }
}

function usage(box) {
  const columns = [["", ""], ["calls", "number"], ["errors", "number"], ["input", "number"], ["cache read", "number"], ["cache write", "number"],
    ["output", "number"], ["reasoning", "number"], ["total", "number"], ["cost", "number"], ["median", "number"], ["slowest", "number"]];
  const buckets = ["input", "cache_read", "cache_write", "output", "reasoning", "total"];
  const all = head.totals.by_model.length > 1 ? [head.totals.models] : [];
  for (const [title, group] of [["By model", [...head.totals.by_model, ...all]], ["By tool", head.totals.by_tool], ["By source", head.totals.by_source]]) {
    if (!group.length) continue;
    const spent = group.some((own) => own.model_calls);
    const own_ = (cells) => spent ? cells : cells.filter((_, column) => column < 3 || column > 9);
    const lines = group.map((own) => own_([own.name, own.calls, own.errors,
      ...buckets.map((bucket) => own.model_calls ? whole_(own.tokens[bucket]) : ""), costOf(own.cost), span(own.median), span(own.slowest)]));
    box.append(make("h3", "", title), table(own_(columns), lines));
  }
  const unreported = head.totals.unreported;
  if (unreported) box.append(make("p", "note", counted(unreported, "model call") + " reported no usage."));
  box.append(make("p", "note", "Costs are by the price lists of the day of each call, without discounts; +? stands for calls without a known price."));
}

function joins(box) {
  // What is least sure stands first.
  const order_ = ["ambiguous", "orphan", "near", "unique", "keyed", "exact"];
  const sorted = [...head.joins].sort((one, other) => order_.indexOf(one.strength) - order_.indexOf(other.strength) || other.count - one.count);
  const lines = sorted.map((join) => [make("span", "strength " + join.strength, join.strength), join.rule, join.count.toLocaleString("en"),
    make("span", "", ...join.rows.flatMap((place, index) => [index ? ", " : "", link(rows[place])]), join.count > join.rows.length ? " …" : "")]);
  if (!lines.length) return box.append(make("p", "note", "No row is joined with another."));
  box.append(table([["strength", ""], ["rule", ""], ["joins", "number"], ["rows", ""]], lines));
}

function findings(box) {
  const { rows: told, more } = head.findings;
  if (!told.length) return box.append(make("p", "note", "Nothing was found that does not add up."));
  const lines = told.map((finding) => [make("span", "finding " + finding.severity, finding.severity), finding.finding, finding.detail, link(byId.get(finding.row) || null, byId.has(finding.row) ? null : finding.event)]);
  box.append(table([["severity", ""], ["finding", ""], ["detail", ""], ["row", ""]], lines));
  if (more) box.append(make("p", "note", "and " + more.toLocaleString("en") + " more: in the JSON slice of this session"));
}

function insights() {
  for (const [id, draw] of [["prompts", prompts], ["actions", actions], ["usage", usage], ["joins", joins], ["findings", findings]]) {
    const fold = document.querySelector("#" + id + " details");
    const box = document.querySelector("#" + id + " .list");
    const fill = () => { if (!box.dataset.made) { box.dataset.made = "1"; draw(box); } };
    if (fold.open) fill();
    fold.addEventListener("toggle", () => fold.open && fill());
  }
}
