//! Cancelling what runs in the background.

use crate::ui::message::Request;
use crate::ui::state::{State, Work};

/// Cancels everything that runs, an import too, and says how far each had come.
pub(super) fn cancel_all(state: &mut State) -> Vec<Request> {
    let running = std::mem::take(&mut state.jobs.running);
    let mut requests: Vec<Request> = running.iter().map(|work| Request::Cancel(work.job)).collect();
    let mut stopped: Vec<String> = running.iter().map(stopped_early).collect();
    forget_jobs(state);
    if state.import.take().is_some() {
        requests.push(Request::CancelImport);
        stopped.push("cancelled: what has come in stays".to_owned());
    }
    if !stopped.is_empty() {
        state.say(stopped.join("; "));
    }
    requests
}

fn stopped_early(work: &Work) -> String {
    match work.progress.as_str() {
        "" => format!("cancelled: {}", work.what),
        progress => format!("cancelled: {}, stopped early at {progress}", work.what),
    }
}

/// Cancels what still looks for a phrase in the body of a row.
pub(super) fn cancel_seeks(state: &mut State) -> Vec<Request> {
    let Some(event) = &mut state.event else { return Vec::new() };
    let jobs = std::mem::take(&mut event.jobs);
    jobs.into_iter().filter(|job| state.jobs.end(*job)).map(Request::Cancel).collect()
}

/// Cancels the filter and the search of a timeline that is being left for another session.
pub(super) fn cancel_searches(state: &mut State) -> Vec<Request> {
    let Some(timeline) = &state.timeline else { return Vec::new() };
    let filter = timeline.filter.as_ref().and_then(|filter| filter.job);
    let search = timeline.search.as_ref().and_then(|search| search.job);
    let jobs: Vec<u64> = filter.into_iter().chain(search).filter(|job| state.jobs.end(*job)).collect();
    forget_jobs(state);
    jobs.into_iter().map(Request::Cancel).collect()
}

fn forget_jobs(state: &mut State) {
    let Some(timeline) = &mut state.timeline else { return };
    if let Some(filter) = &mut timeline.filter {
        filter.job = None;
    }
    if let Some(search) = &mut timeline.search {
        (search.job, search.jump) = (None, false);
    }
}
