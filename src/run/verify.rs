//! `turnscope verify`: does a slice still hold what it says?

use anyhow::Result;
use serde_json::json;

use super::output::Output;
use super::{Ended, complain, tell};
use crate::cli::Verify;
use crate::report;

pub fn verify(wanted: &Verify, output: &mut Output) -> Result<Ended> {
    let verdict = report::verify(&wanted.file)?;
    let path = wanted.file.to_string_lossy();
    let sound = verdict.problems.is_empty();
    if output.json {
        output.object(&json!({
            "path": path,
            "ok": sound,
            "sealed": verdict.sealed,
            "events": verdict.events,
            "bodies": verdict.bodies,
            "problems": verdict.problems,
        }))?;
    } else if sound {
        let shown = crate::domain::safe(&path);
        output.line(&format!("{shown}: all well, {} events and {} bodies", verdict.events, verdict.bodies))?;
    }
    if sound && !verdict.sealed {
        tell(&format!("{path}: it has no seal, so only its bodies were checked, not its rows"));
    }
    for problem in &verdict.problems {
        complain(&format!("{path}: {problem}"));
    }
    Ok(if sound { Ended::Well } else { Ended::Failed })
}
