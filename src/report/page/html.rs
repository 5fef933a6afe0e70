//! The parts of a page that stand before and behind its data: all that can be read without JavaScript.

use std::fmt::Write;

use anyhow::Result;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::Page;
use super::sections::Section;
use super::spool::inert;
use crate::domain::safe;

const STYLE: &str = include_str!("page.css");
/// One script, in files that a person can read.
const SCRIPT: &str = concat!(
    "(() => {\n\"use strict\";\n",
    include_str!("text.js"),
    include_str!("data.js"),
    include_str!("list.js"),
    include_str!("detail.js"),
    include_str!("insight.js"),
    include_str!("page.js"),
    "})();\n"
);

/// What the counts of a report are called.
const COUNTS: [(&str, &str); 7] = [
    ("transcript", "transcript lines"),
    ("modelIo", "model events"),
    ("toolIo", "tool events"),
    ("traces", "trace events"),
    ("tasks", "tasks"),
    ("other", "other events"),
    ("ledger", "ledger entries"),
];
const CORRELATION: [(&str, &str); 8] = [
    ("traceKeys", "trace ids"),
    ("requestKeys", "request ids"),
    ("intentKeys", "intent ids"),
    ("taskKeys", "task ids"),
    ("modelMatched", "model events with one of them"),
    ("toolMatched", "tool events with one of them"),
    ("modelMissingCorrelation", "model events without any id"),
    ("toolMissingCorrelation", "tool events without any id"),
];

/// What stands before the index; and what behind it, before the rows and payloads: a browser can draw and a reader can
/// look around while those are still being read.
pub fn around(page: &Page<'_>) -> Result<(String, String)> {
    let mut before = String::new();
    let title = title(page);
    let policy = format!(
        "default-src 'none'; script-src 'sha256-{}'; style-src 'sha256-{}'; img-src data:; base-uri 'none'; form-action 'none'",
        hash(SCRIPT),
        hash(STYLE)
    );
    write!(
        before,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{policy}\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"referrer\" content=\"no-referrer\">\n<title>{} · turnscope</title>\n<style>{STYLE}</style>\n\
         </head>\n<body>\n",
        escape(&title)
    )?;
    let agents = page.placing.agents();
    navigation(&mut before, page, &agents)?;
    before.push_str("<main>\n");
    header(&mut before, page, &title)?;
    before.push_str(
        "<div id=\"bar\"><label>Search <input id=\"search\" type=\"search\" autocomplete=\"off\" spellcheck=\"false\" \
         placeholder=\"words in rows and payloads\"></label><span id=\"found\" class=\"note\" role=\"status\"></span>\
         <div id=\"filters\"></div></div>\n<noscript><p class=\"warnings\">Rows and payloads are drawn by the script of \
         this page, which this browser does not run. All of it is in the JSON slice of this session.</p></noscript>\n",
    );
    sections(&mut before, page, &agents)?;
    footer(&mut before, page)?;
    before.push_str("</main>\n<dialog id=\"help\"></dialog>\n");
    before.push_str(&data("head", &page.head())?);
    let bodies = data("bodies", &Value::Array(page.listed()))?;
    Ok((before, format!("<script>{SCRIPT}</script>\n{bodies}")))
}

fn hash(text: &str) -> String {
    STANDARD.encode(Sha256::digest(text.as_bytes()))
}

/// A script of data: no browser runs it.
pub fn data(id: &str, value: &Value) -> Result<String> {
    let json = inert(&serde_json::to_string(value)?);
    Ok(format!("<script type=\"application/json\" id=\"{id}\">{json}</script>\n"))
}

/// Untrusted text on one line, as text and nothing else.
pub fn escape(text: &str) -> String {
    let safe = safe(text);
    let mut escaped = String::with_capacity(safe.len());
    for character in safe.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            character => escaped.push(character),
        }
    }
    escaped
}

fn title(page: &Page<'_>) -> String {
    let session = &page.values["session"];
    let named = session["title"].as_str().or(session["room"].as_str()).or(session["id"].as_str());
    named.unwrap_or("session").to_owned()
}

/// A value as a person reads it; nothing where there is none.
fn words(value: Option<&Value>) -> Option<String> {
    match value? {
        Value::Null => None,
        Value::String(text) => Some(text.clone()).filter(|text| !text.is_empty()),
        Value::Number(number) => Some(grouped(number.as_i64()?)),
        Value::Array(items) => {
            let all: Vec<&str> = items.iter().filter_map(Value::as_str).collect();
            Some(all.join(", ")).filter(|text| !text.is_empty())
        }
        _ => None,
    }
}

/// A number with a mark at the thousands.
fn grouped(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut text = if number < 0 { "-".to_owned() } else { String::new() };
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn navigation(html: &mut String, page: &Page<'_>, agents: &[Section]) -> Result<()> {
    html.push_str("<nav aria-label=\"sections\"><b>turnscope</b>\n<ol>\n");
    let mut link = |id: &str, title: &str, count: Option<usize>| -> Result<()> {
        let empty = if count == Some(0) { " class=\"empty\"" } else { "" };
        let count = count.map_or_else(String::new, |count| grouped(count as i64));
        let (id, title) = (escape(id), escape(title));
        Ok(writeln!(
            html,
            "<li{empty}><a href=\"#{id}\"><span>{title}</span><span class=\"count\">{count}</span></a></li>"
        )?)
    };
    let findings = page.findings.len() + page.more_findings;
    let length = |name: &str| page.values.get(name).and_then(Value::as_array).map_or(0, Vec::len);
    let actions = page.values.get("actions").and_then(|actions| actions["arrays"].as_array()).map_or(0, Vec::len);
    let joins = page.joins.values().map(|(count, _)| count).sum();
    link("top", "Overview", None)?;
    link("transcript", "Transcript", Some(page.placing.transcript().rows))?;
    link("timeline", "Timeline", Some(page.rows))?;
    link("prompts", "Prompts and tools", Some(length("artifacts")))?;
    link("actions", "Actions", Some(actions))?;
    for agent in agents {
        link(&agent.id, &agent.title, Some(agent.rows))?;
    }
    link("joins", "Joins", Some(joins))?;
    link("findings", "Findings", Some(findings))?;
    link("usage", "Usage and cost", None)?;
    html.push_str("</ol></nav>\n");
    Ok(())
}

fn header(html: &mut String, page: &Page<'_>, title: &str) -> Result<()> {
    let value = |name: &str| words(page.values.get(name));
    let session = &page.values["session"];
    let of_session = |name: &str| words(session.get(name));
    writeln!(html, "<header id=\"top\">\n<h1>{}</h1>", escape(title))?;
    let warnings: Vec<&str> =
        page.values.get("warnings").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
    if !warnings.is_empty() {
        html.push_str("<div class=\"warnings\" role=\"note\"><ul>\n");
        for warning in warnings {
            writeln!(html, "<li>{}</li>", escape(warning))?;
        }
        html.push_str("</ul></div>\n");
    }
    let range = |from: Option<String>, to: Option<String>| match (from, to) {
        (Some(from), Some(to)) => Some(format!("{from} – {to}")),
        (known, None) | (None, known) => known,
    };
    let facts = [
        ("session", of_session("id")),
        ("agent", of_session("agent")),
        ("project", of_session("project")),
        ("room", value("room")),
        ("canvas", value("canvasId").or(of_session("canvas"))),
        ("models", of_session("models")),
        ("started, ended", range(of_session("started"), of_session("ended"))),
        ("first and last event", range(value("windowStartIso"), value("windowEndIso"))),
        ("folder", of_session("cwd")),
        ("branch", of_session("git_branch")),
        ("scope", value("reportScope")),
        ("run", page.values.get("runArtifact").and_then(|run| words(run.get("runId")))),
        ("video", page.values.get("runArtifact").and_then(|run| words(run.get("video")))),
        ("sessions in this report", Some(page.sessions.len().to_string()).filter(|_| page.sessions.len() > 1)),
        ("selection", words(page.values.get("selection").and_then(|selection| selection.get("why")))),
        ("taken out", page.values.get("redaction").map(taken_out)),
    ];
    counters(html, page)?;
    html.push_str("<dl class=\"facts\">\n");
    for (name, value) in facts {
        if let Some(value) = value {
            writeln!(html, "<dt>{name}</dt><dd>{}</dd>", escape(&value))?;
        }
    }
    html.push_str("</dl>\n</header>\n");
    Ok(())
}

/// What stubs stand for in a page that was redacted.
fn taken_out(redaction: &Value) -> String {
    let each = |list: &str, name: &str, count: &str| -> Vec<String> {
        let rows = redaction[list].as_array().into_iter().flatten();
        rows.filter(|row| row[count] != 0)
            .filter_map(|row| Some(format!("{} {}", words(row.get(name))?, words(row.get(count))?)))
            .collect()
    };
    let all = [each("rules", "name", "found"), each("withheld", "type", "count")].concat();
    if all.is_empty() { "nothing was found that looks like a secret".to_owned() } else { all.join(", ") }
}

fn counters(html: &mut String, page: &Page<'_>) -> Result<()> {
    let counts = &page.values["counts"];
    let mut list: Vec<(String, String, bool)> = vec![(grouped(page.rows as i64), "rows".to_owned(), false)];
    let of = |from: &Value, name: &str| words(from.get(name)).filter(|count| count != "0");
    list.extend(COUNTS.iter().filter_map(|(name, words)| Some((of(counts, name)?, (*words).to_owned(), false))));
    let errors = page.states[2] + page.states[5];
    let open = page.states[3] + page.states[4];
    let findings = page.findings.len() + page.more_findings;
    for (count, words, is_bad) in
        [(errors, "errors", true), (open, "open calls and results", true), (findings, "findings", false)]
    {
        if count > 0 {
            list.push((grouped(count as i64), words.to_owned(), is_bad));
        }
    }
    let tokens = page.sessions.iter().filter_map(|session| session["tokens"]["total"].as_i64());
    if let Some(tokens) = tokens.reduce(i64::saturating_add) {
        list.push((grouped(tokens), "tokens".to_owned(), false));
    }
    let cost = page.values.get("totals").map(|totals| &totals["models"]["cost"]).filter(|cost| !cost.is_null());
    if let Some(cost) = cost {
        let known = cost["words"].as_str().filter(|_| !cost["micro_usd"].is_null());
        list.push((known.unwrap_or("unknown").to_owned(), "cost".to_owned(), false));
    }
    html.push_str("<ul class=\"counts\">\n");
    for (count, words, is_bad) in list {
        let class = if is_bad { " class=\"bad\"" } else { "" };
        writeln!(html, "<li{class}><b>{count}</b>{words}</li>")?;
    }
    html.push_str("</ul>\n");
    let summary = &counts["correlationSummary"];
    let told: Vec<String> = CORRELATION
        .iter()
        .filter_map(|(name, words)| Some(format!("{words} {}", of(summary, name)?)))
        .chain(words(counts.get("blobCount")).map(|count| format!("payloads of inputs and outputs {count}")))
        .chain([
            format!("distinct payloads {}", grouped(page.bodies.len() as i64)),
            format!("rows with token counts {}", grouped(page.reporting as i64)),
        ])
        .collect();
    Ok(writeln!(html, "<p class=\"note\">{}</p>", escape(&told.join(" · ")))?)
}

fn sections(html: &mut String, page: &Page<'_>, agents: &[Section]) -> Result<()> {
    let mut section = |id: &str,
                       title: &str,
                       rows: Option<(usize, &str)>,
                       count: Option<usize>,
                       open: bool|
     -> Result<()> {
        let rows = rows.map_or_else(String::new, |(bit, primed)| {
            let primed = if primed.is_empty() { String::new() } else { format!(" data-primed=\"{}\"", escape(primed)) };
            format!(" data-rows=\"{bit}\"{primed}")
        });
        let count =
            count.map_or_else(String::new, |count| format!(" <span class=\"note\">{}</span>", grouped(count as i64)));
        let open = if open { " open" } else { "" };
        Ok(writeln!(
            html,
            "<section id=\"{}\"{rows}><details{open}><summary><h2>{}</h2>{count}</summary><div class=\"list\"></div></details></section>",
            escape(id),
            escape(title)
        )?)
    };
    let transcript = page.placing.transcript();
    section("transcript", "Transcript", Some((transcript.bit, "")), Some(transcript.rows), transcript.rows > 0)?;
    section("timeline", "Timeline", None, Some(page.rows), true)?;
    section("prompts", "Prompts and tools", None, None, false)?;
    section("actions", "Actions", None, None, false)?;
    for agent in agents {
        section(&agent.id, &agent.title, Some((agent.bit, &agent.primed)), Some(agent.rows), false)?;
    }
    section("joins", "Joins", None, None, false)?;
    section("findings", "Findings", None, None, false)?;
    section("usage", "Usage and cost", None, None, false)
}

fn footer(html: &mut String, page: &Page<'_>) -> Result<()> {
    let made = words(page.values.get("generatedAt")).map_or_else(String::new, |at| format!("Made at {at}. "));
    let digest = words(page.values.get("manifest").and_then(|manifest| manifest.get("digest")));
    let digest = digest.map_or_else(String::new, |digest| {
        format!("The payloads have the manifest {digest}; `turnscope verify` checks this page, and a slice of this session. ")
    });
    Ok(writeln!(html, "<footer><p>{}Keys: ? tells them.</p></footer>", escape(&format!("{made}{digest}")))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_in_the_head_of_a_page_is_text_with_marks() {
        assert_eq!(
            escape("<b>'x' & \"y\"\u{202e}\u{1b}[0m"),
            "&lt;b&gt;&#39;x&#39; &amp; &quot;y&quot;&lt;U+202E&gt;^[[0m"
        );
        assert_eq!([grouped(7), grouped(1_234_567), grouped(-1000)], ["7", "1,234,567", "-1,000"]);
    }
}
