//! The same from outside: clients of the server that keep their connections, each waiting for its answer.

use std::time::{Duration, Instant};

use crate::desk::{Client, Server};
use crate::{ARRIVALS, Pace, body, say, told};

/// Clients, each on a thread of its own.
const CLIENTS: u64 = 16;
const PATH: &str = "/api/agent/telemetry";

/// Measures one way of sending: so many events a request, each with so long a text.
pub fn measure(name: &str, at_a_time: u64, size: usize, time: Duration) -> f64 {
    let (rate, latencies, memory) = load(at_a_time, size, time, None);
    say(&format!("{name}: server, {CLIENTS} clients, {at_a_time} a request"), "events/s", rate);
    told("    answered at full load", latencies);
    say("    memory of the server at most", "MB", memory as f64);
    for (how, spread) in ARRIVALS {
        let (half, latencies, _) = load(at_a_time, size, time, Some(Pace { rate: rate / 2.0, spread }));
        say(&format!("{name}: server at half load, clients {how}"), "events/s", half);
        told("    answered at half load", latencies);
    }
    rate
}

fn load(at_a_time: u64, size: usize, time: Duration, pace: Option<Pace>) -> (f64, Vec<Duration>, u64) {
    let server = Server::start(&[]);
    let began = Instant::now();
    let latencies: Vec<Duration> = std::thread::scope(|scope| {
        let clients = (0..CLIENTS).map(|client| {
            let address = &server.address;
            scope.spawn(move || {
                let mut connection = Client::connect(address);
                let (mut latencies, mut seed) = (Vec::new(), client << 40);
                while began.elapsed() < time {
                    if let Some(pace) = pace {
                        let due = pace.due(latencies.len(), at_a_time as usize, client, CLIENTS);
                        std::thread::sleep(due.saturating_sub(began.elapsed()));
                    }
                    let request = request(seed, at_a_time, size);
                    seed += at_a_time;
                    let asked = Instant::now();
                    let (status, answer) =
                        connection.post(PATH, "application/json", request.as_bytes()).expect("is answered");
                    assert_eq!(status, 200, "{answer}");
                    latencies.push(asked.elapsed());
                }
                latencies
            })
        });
        let clients: Vec<_> = clients.collect();
        clients.into_iter().flat_map(|client| client.join().expect("runs")).collect()
    });
    let rate = (latencies.len() as u64 * at_a_time) as f64 / began.elapsed().as_secs_f64();
    (rate, latencies, server.memory())
}

fn request(seed: u64, at_a_time: u64, size: usize) -> String {
    let event = |seed: u64| {
        let (room, request, text) = (seed % 8, seed / 4, body(size, seed));
        format!(
            r#"{{"kind":"model","event":"model_call","status":"completed","source":"bench","eventId":"{seed:x}","room":"room-{room}","requestId":"request-{request}","output":{{"text":"{text}"}}}}"#
        )
    };
    let events: Vec<String> = (seed..seed + at_a_time).map(event).collect();
    if at_a_time == 1 { events.concat() } else { format!("[{}]", events.join(",")) }
}
