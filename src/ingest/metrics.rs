//! Figures of the server in Prometheus' text form.

use std::fmt::Write;

use crate::record::{COMMIT_BUCKETS, Figures};

/// `not_understood` counts events that were rejected before they reached the committer.
pub(super) fn text(figures: &Figures, not_understood: u64) -> String {
    let mut text = String::new();
    let items = [
        ("stored", figures.stored),
        ("duplicate", figures.duplicates),
        ("revision", figures.revisions),
        ("conflict", figures.conflicts),
        ("rejected", figures.rejected + not_understood),
        ("refused", figures.refused),
    ];
    head(&mut text, "turnscope_items_total", "counter", "Events that were handed in, by what became of them.");
    for (result, count) in items {
        line(&mut text, &format!("turnscope_items_total{{result=\"{result}\"}}"), count as f64);
    }
    head(&mut text, "turnscope_waiting_items", "gauge", "Events that were handed in and are not answered yet.");
    line(&mut text, "turnscope_waiting_items", figures.waiting as f64);
    head(&mut text, "turnscope_committed_bytes_total", "counter", "Bytes of records that were committed.");
    line(&mut text, "turnscope_committed_bytes_total", figures.bytes as f64);
    head(&mut text, "turnscope_commit_seconds", "histogram", "How long commits took.");
    let mut within = 0;
    for (most, count) in COMMIT_BUCKETS.iter().zip(figures.commits_within) {
        within += count;
        line(&mut text, &format!("turnscope_commit_seconds_bucket{{le=\"{}\"}}", *most as f64 / 1e3), within as f64);
    }
    line(&mut text, "turnscope_commit_seconds_bucket{le=\"+Inf\"}", figures.commits as f64);
    line(&mut text, "turnscope_commit_seconds_sum", figures.commit_time as f64 / 1e6);
    line(&mut text, "turnscope_commit_seconds_count", figures.commits as f64);
    text
}

fn head(text: &mut String, name: &str, kind: &str, help: &str) {
    // Writing to a text cannot fail.
    let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
}

fn line(text: &mut String, name: &str, value: f64) {
    let _ = writeln!(text, "{name} {value}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_written_as_prometheus_reads_them() {
        let mut figures = Figures { stored: 3, commits: 4, commit_time: 2_500_000, ..Figures::default() };
        (figures.commits_within[0], figures.commits_within[2]) = (1, 2);
        let text = text(&figures, 0);
        for wanted in [
            "# TYPE turnscope_items_total counter\nturnscope_items_total{result=\"stored\"} 3\n",
            "turnscope_commit_seconds_bucket{le=\"0.001\"} 1\nturnscope_commit_seconds_bucket{le=\"0.002\"} 1\n",
            "turnscope_commit_seconds_bucket{le=\"0.005\"} 3\n",
            "turnscope_commit_seconds_bucket{le=\"+Inf\"} 4\nturnscope_commit_seconds_sum 2.5\n",
        ] {
            assert!(text.contains(wanted), "{text}");
        }
    }
}
