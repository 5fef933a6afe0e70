//! Payloads that mean harm, and one that is large: in a page they are text.

use std::path::Path;

use crate::browser::Browser;
use crate::desk::{Desk, text};
use crate::harm::lines;

fn page(desk: &Desk, lines: &[serde_json::Value]) -> std::path::PathBuf {
    let lines: String = lines.iter().map(|line| format!("{line}\n")).collect();
    let file = desk.write("bad.jsonl", lines);
    desk.done(&["import", text(&file)]);
    let told = desk.done(&["report", "last", "--out-dir", "out"]).objects().remove(0);
    desk.path(told["htmlPath"].as_str().expect("a path"))
}

fn open_everything(browser: &Browser, page: &Path) {
    browser.open(page, "");
    browser.run("document.querySelectorAll('section[id] > details').forEach((fold) => { fold.open = true; });");
    browser.run("document.querySelectorAll('#timeline .row > .line').forEach((line) => line.click());");
    for _ in 0..4 {
        browser.run("document.querySelectorAll('.payload, .json details, .attributes').forEach((fold) => { fold.open = true; });");
        assert!(browser.becomes("return true;"));
    }
    assert!(browser.becomes("return document.querySelectorAll('.content').length > 3;"), "payloads are drawn");
}

#[test]
fn nothing_in_data_runs_or_steers() {
    let Some(browser) = Browser::start() else { return };
    let desk = Desk::with_file();
    let page = page(&desk, &lines("iVBORw0KGgo="));
    open_everything(&browser, &page);
    assert!(browser.run("return window.harmed === undefined;").as_bool().expect("an answer"));
    assert_eq!(browser.run("return document.querySelectorAll('main img, main svg, main script').length;"), 0);
    let outside = "return [...document.querySelectorAll('[src], a[href]')].filter((one) => !(one.getAttribute('href') || '').startsWith('#')).length;";
    assert_eq!(browser.run(outside), 0, "no link leads out of the page");
    let shown = browser.text("return document.querySelector('main').innerText;");
    for mark in ["^[]52;c;", "<U+202E>txt.exe", "<U+009B>", "zero<U+200B>width", "</script>", "<img src=x onerror="] {
        assert!(shown.contains(mark), "{mark} is not shown");
    }
    for steering in ['\u{1b}', '\u{7}', '\u{9b}', '\u{202e}', '\u{2066}', '\u{200b}'] {
        assert!(!shown.contains(steering), "{steering:?} is shown as it is");
    }
    let source = std::fs::read_to_string(&page).expect("is text");
    assert_eq!(source.matches("<script>").count(), 1, "one script runs, and it is ours");
    assert!(
        !source.contains("http://") && !source.contains("https://") && !source.contains("<img"),
        "nothing from outside"
    );
    assert_eq!(browser.complaints(), Vec::<String>::new(), "the policy had nothing to refuse");
}

#[test]
fn an_image_of_20_mb_is_a_size_until_it_is_asked_for() {
    let Some(browser) = Browser::start() else { return };
    let desk = Desk::with_file();
    let mut image = String::from("iVBORw0KGgo");
    image.push_str(&"A".repeat((20 << 20) - image.len()));
    let page = page(&desk, &lines(&image));
    open_everything(&browser, &page);
    assert!(browser.becomes("return [...document.querySelectorAll('.image')].length === 2;"), "two images");
    let told =
        browser.text("return [...document.querySelectorAll('.image')].map((image) => image.innerText).join('|');");
    assert!(told.contains("image/png · 15.7 MB") && told.contains("image/svg+xml"), "{told}");
    assert_eq!(
        browser.run("return document.querySelectorAll('.image button').length;"),
        1,
        "only a raster can be shown"
    );
    browser.run("document.querySelector('.image button').click();");
    assert!(
        browser
            .run("return document.querySelector('.image img').src.startsWith('data:image/png;base64,');")
            .as_bool()
            .expect("an answer")
    );
    assert!(browser.run("return window.harmed === undefined;").as_bool().expect("an answer"));
}
