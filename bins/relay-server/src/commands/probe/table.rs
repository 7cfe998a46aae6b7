//! The table of results: text from results and a width, nothing else.
//!
//! A row is one line when the terminal is wide enough, or when there is none; else the detail goes below it; on narrow
//! terminals every result is a small paragraph.

use relay_core::{ProbeResult, Status, SubStatus};
use unicode_width::UnicodeWidthChar;

/// Between two columns.
const GAP: usize = 2;

/// The columns between monitor and detail: heading and width.
const COLUMNS: [(&str, usize); 9] = [
    ("STATUS", 6),
    ("SUB-STATUS", 16),
    ("CODE", 4),
    ("DNS", 5),
    ("CONNECT", 7),
    ("TLS", 5),
    ("TTFB", 6),
    ("TOKEN", 6),
    ("TOTAL", 6),
];

/// The first column that holds numbers, which stand on the right.
const FIRST_NUMBER: usize = 2;

/// How wide the detail must be to stand in a column of its own.
const DETAIL_WIDTH: usize = 24;

/// No terminal is taken to be narrower.
const LEAST_WIDTH: usize = 20;

const RESET: &str = "\x1b[0m";

/// How results are laid out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Table {
    monitor: usize,
    layout: Layout,
    colour: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Layout {
    /// The detail is the last column, as wide as this or, `None`, as it likes.
    Line(Option<usize>),
    /// The detail is below its row.
    Below(usize),
    /// One thing a line.
    Paragraph(usize),
}

impl Table {
    /// Makes the table of monitors of these names; `width` is the terminal's, `None` without one.
    pub(crate) fn new<'a>(names: impl Iterator<Item = &'a str>, width: Option<usize>, colour: bool) -> Self {
        let monitor = names.map(|name| width_of(&clean(name))).chain([7]).max().unwrap_or_default();
        let row = monitor + COLUMNS.iter().map(|(_, width)| width + GAP).sum::<usize>();
        let layout = match width.map(|width| width.max(LEAST_WIDTH)) {
            None => Layout::Line(None),
            Some(width) if row + GAP + DETAIL_WIDTH <= width => Layout::Line(Some(width - row - GAP)),
            Some(width) if row <= width => Layout::Below(width),
            Some(width) => Layout::Paragraph(width),
        };
        Self { monitor, layout, colour }
    }

    /// Returns the headings; none above paragraphs.
    pub(crate) fn head(&self) -> String {
        if matches!(self.layout, Layout::Paragraph(_)) {
            return String::new();
        }
        let mut line = pad("MONITOR", self.monitor);
        for (index, (heading, width)) in COLUMNS.iter().enumerate() {
            line += &cell(index, heading, *width);
        }
        if matches!(self.layout, Layout::Line(_)) {
            line += "  DETAIL";
        }
        let line = line.trim_end();
        if self.colour { format!("\x1b[1m{line}{RESET}\n") } else { format!("{line}\n") }
    }

    /// Returns the lines of one result.
    pub(crate) fn row(&self, name: &str, result: &ProbeResult) -> String {
        let (name, detail) = (clean(name), clean(result.detail.as_deref().unwrap_or_default()));
        if let Layout::Paragraph(width) = self.layout {
            return self.paragraph(&name, result, &detail, width);
        }
        let mut line = pad(&name, self.monitor);
        for (index, text) in cells(result).iter().enumerate() {
            let cell = cell(index, text, COLUMNS[index].1);
            line += &if index == 0 { self.paint(&cell, result.status) } else { cell };
        }
        let indent = width_of(&name).max(self.monitor)
            + COLUMNS.iter().map(|(_, width)| width + GAP).sum::<usize>()
            + GAP;
        match self.layout {
            Layout::Line(None) => line = format!("{line}  {detail}"),
            Layout::Line(Some(width)) => {
                let lines = wrap(&detail, width);
                line = format!("{line}  {}", lines.join(&format!("\n{}", " ".repeat(indent))));
            }
            Layout::Below(width) | Layout::Paragraph(width) => {
                line.truncate(line.trim_end().len());
                for part in wrap(&detail, width - GAP) {
                    line += &format!("\n  {part}");
                }
            }
        }
        format!("{}\n", line.trim_end())
    }

    fn paragraph(&self, name: &str, result: &ProbeResult, detail: &str, width: usize) -> String {
        let mut text = wrap(name, width).join("\n");
        let [status, cause, code, phases @ ..] = cells(result);
        text += &format!("\n  {}", self.paint(&status, result.status));
        if result.sub_status.is_some() {
            text += &format!(" {cause}");
        }
        text += &format!(" {code}\n");
        let phases: Vec<String> = COLUMNS[FIRST_NUMBER + 1..]
            .iter()
            .zip(&phases)
            .filter(|(_, ms)| *ms != "-")
            .map(|((heading, _), ms)| format!("{} {ms}", heading.to_lowercase()))
            .collect();
        for line in wrap(&phases.join(" "), width - GAP).into_iter().chain(wrap(detail, width - GAP)) {
            text += &format!("  {line}\n");
        }
        text
    }

    fn paint(&self, text: &str, status: Status) -> String {
        let colour = match status {
            _ if !self.colour => return text.to_owned(),
            Status::Green => "\x1b[32m",
            Status::Yellow => "\x1b[33m",
            Status::Red => "\x1b[31m",
            Status::Missing => "\x1b[2m",
        };
        format!("{colour}{text}{RESET}")
    }
}

/// What a monitor did in all rounds.
#[derive(Debug, Clone, Default)]
pub(crate) struct Summary {
    reds: usize,
    rounds: usize,
    /// Of the rounds that got an answer.
    latencies: Vec<u32>,
}

impl Summary {
    /// Counts a result.
    pub(crate) fn add(&mut self, result: &ProbeResult) {
        self.rounds += 1;
        self.reds += usize::from(result.status == Status::Red);
        self.latencies.extend(ttfb(result));
    }

    /// Returns the least, the middle and the greatest latency; the middle of an even number is half-way.
    fn spread(&self) -> Option<[u32; 3]> {
        let mut sorted = self.latencies.clone();
        sorted.sort_unstable();
        let (low, high) = (*sorted.get(sorted.len().checked_sub(1)? / 2)?, *sorted.get(sorted.len() / 2)?);
        Some([*sorted.first()?, low.midpoint(high), *sorted.last()?])
    }
}

/// Returns the table of summaries. Lines that are wider than the terminal are the terminal's to wrap.
pub(crate) fn summary(rows: &[(String, Summary)]) -> String {
    let names: Vec<String> = rows.iter().map(|(name, _)| clean(name)).collect();
    let wide = names.iter().map(|name| width_of(name)).chain([7]).max().unwrap_or_default();
    let mut text = format!("{}  ROUNDS   RED     MIN  MEDIAN     MAX\n", pad("MONITOR", wide));
    for (name, (_, row)) in names.iter().zip(rows) {
        let spread =
            row.spread().map_or_else(|| ["-"; 3].map(str::to_owned), |ms| ms.map(|ms| ms.to_string()));
        let [least, middle, most] = spread;
        text += &format!(
            "{}  {:>6}  {:>4}  {least:>6}  {middle:>6}  {most:>6}\n",
            pad(name, wide),
            row.rounds,
            row.reds
        );
    }
    text
}

/// Returns the time to the first byte: the latency, if there was a byte.
pub(crate) fn ttfb(result: &ProbeResult) -> Option<u32> {
    (result.http_code != 0).then_some(result.latency_ms)
}

fn cells(result: &ProbeResult) -> [String; COLUMNS.len()] {
    let timings = &result.timings;
    let ms = |ms: Option<u32>| ms.map_or_else(|| "-".to_owned(), |ms| ms.to_string());
    [
        result.status.to_string(),
        result.sub_status.map_or("-", SubStatus::as_str).to_owned(),
        if result.http_code == 0 { "-".to_owned() } else { result.http_code.to_string() },
        ms(timings.dns_ms),
        ms(timings.connect_ms),
        ms(timings.tls_ms),
        ms(ttfb(result)),
        ms(timings.first_token_ms),
        ms(timings.total_ms),
    ]
}

/// Returns a column's cell with the gap before it.
fn cell(index: usize, text: &str, width: usize) -> String {
    if index < FIRST_NUMBER { format!("  {text:<width$}") } else { format!("  {text:>width$}") }
}

/// Fills up with spaces to a width.
fn pad(text: &str, width: usize) -> String {
    format!("{text}{}", " ".repeat(width.saturating_sub(width_of(text))))
}

/// Takes out what would command the terminal instead of being shown by it; upstreams choose their words freely.
fn clean(text: &str) -> String {
    let unfit = |c: char| {
        c.is_control()
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.replace(unfit, " ")
}

fn width_of(text: &str) -> usize {
    text.chars().map(|c| c.width().unwrap_or_default()).sum()
}

/// Breaks at spaces, and within words that are wider than a line.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let (mut lines, mut line, mut used) = (Vec::new(), String::new(), 0);
    for word in text.split_whitespace() {
        if used > 0 && used + 1 + width_of(word) <= width {
            line.push(' ');
            used += 1;
        } else if used > 0 {
            lines.push(std::mem::take(&mut line));
            used = 0;
        }
        for c in word.chars() {
            let wide = c.width().unwrap_or_default();
            if used > 0 && used + wide > width {
                lines.push(std::mem::take(&mut line));
                used = 0;
            }
            line.push(c);
            used += wide;
        }
    }
    if !line.is_empty() {
        lines.push(line);
    }
    lines
}

#[cfg(test)]
mod tests;
