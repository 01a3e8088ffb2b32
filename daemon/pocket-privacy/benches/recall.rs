//! How much of a labelled corpus is found, and how much of what is found is right: lines of JSON on
//! standard input, as `tests/privacy/corpus.py` makes them. With `--show KIND` the texts with a miss of
//! that kind are printed, or with `--show WRONG` what was replaced without a label.
//!
//! Fails when less is found than `--recall` (of the kind of which least is), `--contacts` and `--precision`
//! say, in parts of one, or when of text without labels more is replaced than `--replaced` places in a
//! thousand words.

use std::collections::BTreeMap;
use std::io::{self, BufRead};
use std::process::ExitCode;

use pocket_privacy::{Filter, Filtered, Known};
use serde_json::Value;

/// What can't be found without a model; it is reported and not asked for.
const FREE: &str = "BARE";
const CONTACT: &str = "CONTACT";

#[derive(Default)]
struct Count {
    right: usize,
    all: usize,
}

impl Count {
    fn add(&mut self, right: bool) {
        self.all += 1;
        self.right += usize::from(right);
    }

    fn share(&self) -> f64 {
        let part = |count: usize| f64::from(u32::try_from(count).unwrap_or(u32::MAX));
        if self.all == 0 {
            1.0
        } else {
            part(self.right) / part(self.all)
        }
    }
}

#[derive(Default)]
struct Report {
    recall: BTreeMap<String, Count>,
    by_locale: BTreeMap<String, Count>,
    precision: BTreeMap<String, Count>,
    precision_by_locale: BTreeMap<String, Count>,
    /// Words of texts in which nothing has to go, and places that were replaced there.
    clean: BTreeMap<String, (usize, usize)>,
    show: Option<String>,
}

fn main() -> ExitCode {
    let options: Vec<String> = std::env::args().collect();
    let mut report = Report {
        show: option(&options, "--show").map(str::to_owned),
        ..Report::default()
    };
    for line in io::stdin().lock().lines() {
        let line = line.expect("the corpus is text");
        let sample: Value = serde_json::from_str(&line).expect("each line is a sample");
        report.take(&sample);
    }
    report.print();
    let floor = |name: &str| {
        option(&options, name)
            .and_then(|value| value.parse().ok())
            .unwrap_or(0.0)
    };
    let reached = report.worst() >= floor("--recall")
        && report
            .recall
            .get(CONTACT)
            .is_none_or(|count| count.share() >= floor("--contacts"))
        && total(&report.precision).share() >= floor("--precision");
    let most = option(&options, "--replaced")
        .and_then(|value| value.parse().ok())
        .unwrap_or(f64::MAX);
    if reached && report.replaced() <= most {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn option<'a>(options: &'a [String], name: &str) -> Option<&'a str> {
    let at = options.iter().position(|option| option == name)?;
    options.get(at + 1).map(String::as_str)
}

fn known(sample: &Value) -> Known {
    let mut known = Known::builder();
    let texts = |name: &str| -> Vec<&str> {
        let list = sample["known"][name]
            .as_array()
            .map(Vec::as_slice)
            .unwrap_or_default();
        list.iter().filter_map(Value::as_str).collect()
    };
    texts("persons")
        .iter()
        .for_each(|name| drop(known.person(&[name])));
    texts("emails").iter().for_each(|text| drop(known.email(text)));
    texts("phones").iter().for_each(|text| drop(known.phone(text)));
    texts("addresses")
        .iter()
        .for_each(|text| drop(known.address(text)));
    known.build()
}

fn drop<T>(_: T) {}

struct Span {
    start: usize,
    end: usize,
    kind: String,
}

impl Report {
    fn take(&mut self, sample: &Value) {
        let text = sample["text"].as_str().expect("a sample has a text");
        let locale = sample["locale"].as_str().unwrap_or("none").to_owned();
        let filtered = Filter::new()
            .feed(text, &known(sample))
            .expect("samples are short");
        let spans: Vec<Span> = sample["spans"]
            .as_array()
            .expect("a sample has places")
            .iter()
            .map(span)
            .collect();
        for span in &spans {
            let found = is_gone(text, &filtered, span);
            self.recall.entry(span.kind.clone()).or_default().add(found);
            if span.kind != FREE {
                self.by_locale.entry(locale.clone()).or_default().add(found);
            }
            if !found && self.show.as_deref() == Some(&span.kind) {
                println!(
                    "{locale} {:?}\n    {:?}",
                    &text[span.start..span.end],
                    filtered.as_str()
                );
            }
        }
        if spans.is_empty() {
            let clean = self.clean.entry(locale.clone()).or_default();
            clean.0 += text.split_whitespace().count();
            clean.1 += filtered.replacements().len();
        }
        for one in filtered.replacements() {
            let right = spans
                .iter()
                .any(|span| one.original.start < span.end && span.start < one.original.end);
            self.precision.entry(one.kind.to_string()).or_default().add(right);
            self.precision_by_locale
                .entry(locale.clone())
                .or_default()
                .add(right);
            if !right && self.show.as_deref() == Some("WRONG") {
                println!(
                    "{locale} {} {:?} in {text:?}",
                    one.kind,
                    &text[one.original.clone()]
                );
            }
        }
    }

    fn worst(&self) -> f64 {
        let counts = self.recall.iter().filter(|(kind, _)| *kind != FREE);
        counts.map(|(_, count)| count.share()).fold(1.0, f64::min)
    }

    /// Places replaced in a thousand words in which nothing has to go.
    fn replaced(&self) -> f64 {
        let words = self.clean.values().map(|(words, _)| words).sum();
        let places: usize = self.clean.values().map(|(_, places)| places).sum();
        Count {
            right: places * 1000,
            all: words,
        }
        .share()
    }

    fn print(&self) {
        for (locale, (words, replaced)) in &self.clean {
            println!("{locale:<12} {replaced} places replaced in {words} words of which nothing has to go");
        }
        for (title, counts) in [
            ("recall by kind", &self.recall),
            ("recall by locale", &self.by_locale),
            ("precision by kind", &self.precision),
            ("precision by locale", &self.precision_by_locale),
        ] {
            println!("{title}");
            for (name, count) in counts {
                println!(
                    "  {name:<12} {:>6.4}  {} of {}",
                    count.share(),
                    count.right,
                    count.all
                );
            }
            let total = total(counts);
            println!(
                "  {:<12} {:>6.4}  {} of {}",
                "all",
                total.share(),
                total.right,
                total.all
            );
        }
    }
}

fn total(counts: &BTreeMap<String, Count>) -> Count {
    Count {
        right: counts.values().map(|count| count.right).sum(),
        all: counts.values().map(|count| count.all).sum(),
    }
}

fn span(value: &Value) -> Span {
    let place = |name: &str| {
        value[name]
            .as_u64()
            .and_then(|at| usize::try_from(at).ok())
            .expect("a place is a number")
    };
    Span {
        start: place("start"),
        end: place("end"),
        kind: value["kind"].as_str().expect("a place has a kind").to_owned(),
    }
}

/// Whether no letter or digit of a place is left.
fn is_gone(text: &str, filtered: &Filtered, span: &Span) -> bool {
    let places = text[span.start..span.end]
        .char_indices()
        .filter(|(_, letter)| letter.is_alphanumeric());
    places.map(|(at, _)| span.start + at).all(|at| {
        filtered
            .replacements()
            .iter()
            .any(|one| one.original.contains(&at))
    })
}
