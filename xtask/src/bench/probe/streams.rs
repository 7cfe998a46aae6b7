//! How fast streams of answers are read.

use std::time::Duration;

use anyhow::{Result, ensure};
use relay_probe::stream::StreamReader;

use super::super::{Scale, figure, figure::Figure, usage};

/// As much as a read of a socket gives at once.
const PIECE: usize = 16 * 1024;

/// What is aimed at, in bytes per second.
const TARGET: f64 = 500e6;

/// A stream: its name, its type, what opens it, and the frame that it repeats.
type Form = (&'static str, &'static str, &'static str, &'static str);

const FORMS: [Form; 6] = [
    (
        "OpenAI chat",
        "text/event-stream",
        "",
        "data: {\"id\":\"chatcmpl-abc123\",\"object\":\"chat.completion.chunk\",\"created\":1700000000,\"model\":\"gpt-4o-mini\",\
         \"choices\":[{\"index\":0,\"delta\":{\"content\":\" token\"},\"logprobs\":null,\"finish_reason\":null}]}\n\n",
    ),
    (
        "OpenAI Responses",
        "text/event-stream",
        "",
        "event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"sequence_number\":7,\
         \"item_id\":\"msg_abc\",\"output_index\":0,\"content_index\":0,\"delta\":\" token\",\"logprobs\":[]}\n\n",
    ),
    (
        "Anthropic",
        "text/event-stream",
        "",
        "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\
         \"delta\":{\"type\":\"text_delta\",\"text\":\" token\"}}\n\n",
    ),
    (
        "Gemini, events",
        "text/event-stream",
        "",
        "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\" token\"}],\"role\":\"model\"},\"index\":0}],\
         \"usageMetadata\":{\"promptTokenCount\":8,\"totalTokenCount\":9},\"modelVersion\":\"gemini-2.0-flash\"}\n\n",
    ),
    (
        "Gemini, growing array",
        "application/json",
        "[",
        "{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\" token\"}],\"role\":\"model\"},\"index\":0}],\
         \"usageMetadata\":{\"promptTokenCount\":8,\"totalTokenCount\":9},\"modelVersion\":\"gemini-2.0-flash\"},\n",
    ),
    (
        "legacy completions",
        "text/event-stream",
        "",
        "data: {\"id\":\"cmpl-abc\",\"object\":\"text_completion\",\"created\":1700000000,\"choices\":[{\"text\":\" token\",\"index\":0,\
         \"logprobs\":null,\"finish_reason\":null}],\"model\":\"gpt-3.5-turbo-instruct\"}\n\n",
    ),
];

/// Measures each form.
///
/// # Errors
/// When a stream is not recognised.
pub(super) fn figures(scale: Scale) -> Result<Vec<Figure>> {
    FORMS.iter().map(|form| figure(form, scale.pick(9, 3), scale.pick(16, 1) << 20)).collect()
}

fn figure((name, content_type, open, frame): &Form, runs: usize, length: usize) -> Result<Figure> {
    let stream = format!("{open}{}", frame.repeat(length / frame.len()));
    let mut speeds = Vec::new();
    for _ in 0..runs {
        let before = usage::thread_cpu();
        let mut reader = StreamReader::new(content_type);
        for piece in stream.as_bytes().chunks(PIECE) {
            reader.push(piece);
        }
        let read = reader.finish();
        let took = usage::thread_cpu().saturating_sub(before).max(Duration::from_nanos(1));
        let text = read.map_or(0, |(_, collected)| collected.text().len());
        ensure!(text == length / frame.len() * " token".len(), "{name}: {text} bytes of text were read");
        speeds.push(figure::per_second(stream.len() as u64, took));
    }
    let speed = figure::median(speeds);
    Ok(Figure::new(format!("stream read: {name}"), format!("{:.0} MB/s", speed / 1e6))
        .target("≥ 500 MB/s", speed >= TARGET))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_is_read() {
        for form in &FORMS {
            figure(form, 1, 64 * 1024).expect("text");
        }
    }
}
