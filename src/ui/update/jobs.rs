//! Cancelling what runs in the background.

use crate::ui::message::Request;
use crate::ui::state::State;

/// Cancels everything that runs, an import too.
pub(super) fn cancel_all(state: &mut State) -> Vec<Request> {
    let mut requests: Vec<Request> =
        std::mem::take(&mut state.jobs.running).into_iter().map(|work| Request::Cancel(work.job)).collect();
    if let Some(found) = &mut state.found {
        found.job = None;
    }
    forget_jobs(state);
    if state.import.take().is_some() {
        requests.push(Request::CancelImport);
    }
    if !requests.is_empty() {
        state.say("cancelled");
    }
    requests
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
