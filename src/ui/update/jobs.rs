//! Cancelling what runs in the background.

use crate::ui::message::Request;
use crate::ui::state::{State, Work};

/// Cancels everything that runs, an import too, and says how far each had come.
pub(super) fn cancel_all(state: &mut State) -> Vec<Request> {
    state.jobs.running.iter_mut().for_each(|work| work.quiet = false);
    cancel_shown(state)
}

/// Cancels everything that the user knows of, an import too.
pub(super) fn cancel_shown(state: &mut State) -> Vec<Request> {
    let (quiet, shown): (Vec<Work>, Vec<Work>) =
        std::mem::take(&mut state.jobs.running).into_iter().partition(|work| work.quiet);
    state.jobs.running = quiet;
    let mut requests: Vec<Request> = shown.iter().map(|work| Request::Cancel(work.job)).collect();
    let mut stopped: Vec<String> = shown.iter().map(stopped_early).collect();
    if let Some(found) = &mut state.found {
        found.job = None;
    }
    forget_jobs(state);
    if let Some(timeline) = &mut state.timeline
        && timeline.weaving.take_if(|job| !state.jobs.is_running(*job)).is_some()
    {
        // Without the joins nothing can be nested; wanting it would ask for them again at once.
        timeline.branches.wanted = false;
    }
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

/// Cancels one job, and says how far it had come.
pub(super) fn cancel(state: &mut State, job: u64) -> Vec<Request> {
    let words = state.jobs.running.iter().find(|work| work.job == job).map(stopped_early);
    if !state.jobs.end(job) {
        return Vec::new();
    }
    words.into_iter().for_each(|words| state.say(words));
    vec![Request::Cancel(job)]
}

/// Cancels all work for a timeline that is being left for another session.
pub(super) fn cancel_all_of_timeline(state: &mut State) -> Vec<Request> {
    let weaving = state.timeline.as_mut().and_then(|timeline| timeline.weaving.take());
    let weaving = weaving.filter(|job| state.jobs.end(*job)).map(Request::Cancel);
    weaving.into_iter().chain(cancel_searches(state)).collect()
}

/// Cancels the filter and the search of a timeline whose rows are other ones now.
pub(super) fn cancel_searches(state: &mut State) -> Vec<Request> {
    let Some(timeline) = &state.timeline else { return Vec::new() };
    let filter = timeline.filter.as_ref().and_then(|filter| filter.job);
    let search = timeline.search.as_ref().and_then(|search| search.job);
    let running = filter.into_iter().chain(search).chain(timeline.surveying);
    let jobs: Vec<u64> = running.filter(|job| state.jobs.end(*job)).collect();
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
