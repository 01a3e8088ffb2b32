//! Talking with whoever sits at the terminal. Questions go to standard error, so that standard
//! output holds results only.

use std::io::{self, IsTerminal, Read, Write};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use pocket_crypto::SecretBytes;
use zeroize::Zeroizing;

use crate::exit::Problem;
use crate::output::Output;

/// Most bytes of a secret or a list of groups on standard input: 1 MiB, as the device takes at once.
const MOST_INPUT: u64 = 1024 * 1024;

/// Whether someone can be asked.
pub(crate) fn is_present() -> bool {
    io::stdin().is_terminal()
}

/// Says something to whoever sits there, on standard error.
pub(crate) fn say(text: &str) {
    // Nobody to read it is no reason to stop.
    writeln!(io::stderr(), "{text}").unwrap_or_default();
}

/// Asks for a line, shown as it is typed; gives it without spaces around.
pub(crate) fn ask(prompt: &str) -> Result<Zeroizing<String>, Problem> {
    write!(io::stderr(), "{prompt}").unwrap_or_default();
    io::stderr().flush().unwrap_or_default();
    let mut line = Zeroizing::new(String::new());
    match io::stdin().read_line(&mut line) {
        Ok(0) => Err(Problem::local("the terminal was closed", "run the command again")),
        Ok(_) => Ok(Zeroizing::new(line.trim().to_owned())),
        Err(error) => Err(Problem::local(
            format!("can't read from the terminal: {error}"),
            "run the command again",
        )),
    }
}

/// Asks for a line without showing it.
pub(crate) fn ask_hidden(prompt: &str) -> Result<SecretBytes, Problem> {
    let typed = rpassword::prompt_password(prompt);
    typed
        .map(|text| SecretBytes::new(text.into_bytes()))
        .map_err(|error| {
            Problem::local(
                format!("can't read from the terminal: {error}"),
                "run the command again",
            )
        })
}

/// A progress bar on standard error, where someone sees it; `length` is `None` when nobody knows it.
pub(crate) fn progress(output: Output, length: Option<u64>) -> ProgressBar {
    let seen = io::stderr().is_terminal() && !output.is_json();
    let target = if seen {
        ProgressDrawTarget::stderr()
    } else {
        ProgressDrawTarget::hidden()
    };
    let bar = ProgressBar::with_draw_target(length, target);
    let template = if length.is_some() {
        "{bar:30} {pos}/{len} {msg}"
    } else {
        "{spinner} {pos} {msg}"
    };
    bar.with_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()))
}

/// All of standard input, at most 1 MiB, as bytes to be wiped.
pub(crate) fn read_input() -> Result<Zeroizing<Vec<u8>>, Problem> {
    // Read in one buffer that never grows: one that grew would leave copies behind.
    let limit = usize::try_from(MOST_INPUT).expect("1 MiB fits");
    let mut bytes = Zeroizing::new(Vec::with_capacity(limit + 1));
    let read = io::stdin().lock().take(MOST_INPUT + 1).read_to_end(&mut bytes);
    read.map_err(|error| {
        Problem::local(
            format!("can't read standard input: {error}"),
            "check what is piped in",
        )
    })?;
    if bytes.len() > limit {
        return Err(Problem::local(
            "standard input holds more than 1 MiB",
            "send less",
        ));
    }
    Ok(bytes)
}
