//! Where passphrases come from: the terminal, without echo, or a file descriptor. Never an argument
//! and never the environment: both are readable by other programs.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::AsFd;

use pocket_crypto::SecretBytes;
use zeroize::Zeroizing;

use crate::exit::Problem;
use crate::terminal;

/// Longest passphrase that is read: 4 KiB.
const LONGEST: usize = 4096;
const TRIES: u32 = 3;

/// The source of the passphrases of one command.
pub(crate) enum Passphrases {
    Descriptor { number: u32, opened: Option<File> },
    Terminal,
}

impl Passphrases {
    pub(crate) const fn new(descriptor: Option<u32>) -> Self {
        match descriptor {
            Some(number) => Self::Descriptor { number, opened: None },
            None => Self::Terminal,
        }
    }

    /// Whether asking has a chance; a usage error otherwise, before anything is done.
    pub(crate) fn check(&self) -> Result<(), Problem> {
        match self {
            Self::Terminal if !terminal::is_present() => Err(Problem::usage(
                "a passphrase is needed, and standard input is no terminal to type it at",
                "name a file descriptor that it can be read from: --passphrase-fd N",
            )),
            // Whoever hands over a pipe there reads it: we would wait for our own words.
            Self::Descriptor { number: 1 | 2, .. } => Err(Problem::usage(
                "file descriptors 1 and 2 are standard output and standard error: no passphrase comes from there",
                "hand over a pipe or a file under another number: --passphrase-fd 3 3<FILE",
            )),
            Self::Descriptor { .. } | Self::Terminal => Ok(()),
        }
    }

    /// The next passphrase: typed after `prompt`, or the next line of the descriptor.
    pub(crate) fn ask(&mut self, prompt: &str) -> Result<SecretBytes, Problem> {
        self.check()?;
        match self {
            Self::Terminal => terminal::ask_hidden(prompt),
            Self::Descriptor { number, opened } => {
                let number = *number;
                let mut file = match opened.take() {
                    Some(file) => file,
                    None => open(number).map_err(|error| unreadable(number, &error))?,
                };
                let passphrase = read_line(&mut file).map_err(|error| unreadable(number, &error))?;
                *opened = Some(file);
                if passphrase.is_empty() {
                    return Err(Problem::usage(
                        format!("no passphrase came from file descriptor {number}"),
                        "write one a line; a command that changes it needs the old one and the new one",
                    ));
                }
                Ok(passphrase)
            }
        }
    }

    /// A new passphrase: typed twice, or the next line of the descriptor.
    pub(crate) fn ask_new(&mut self, prompt: &str) -> Result<SecretBytes, Problem> {
        if matches!(self, Self::Descriptor { .. }) {
            return self.ask(prompt);
        }
        for _ in 0..TRIES {
            let first = self.ask(prompt)?;
            let second = self.ask("The same again: ")?;
            if first.expose_bytes() == second.expose_bytes() {
                return Ok(first);
            }
            terminal::say("These were not the same.");
        }
        Err(Problem::local(
            "the two passphrases differed three times",
            "run the command again",
        ))
    }
}

/// Opens a descriptor that was handed to us. Standard input is duplicated; another one is opened
/// anew by its name under `/dev/fd`, since taking a number over is not something safe code can do.
fn open(number: u32) -> io::Result<File> {
    if number == 0 {
        return io::stdin().as_fd().try_clone_to_owned().map(File::from);
    }
    File::open(format!("/dev/fd/{number}"))
}

/// Reads up to the first newline, which is left out, or the end. Byte by byte, so that the next
/// line stays for the next reader.
fn read_line(from: &mut impl Read) -> io::Result<SecretBytes> {
    let mut line = Zeroizing::new(Vec::with_capacity(LONGEST));
    let mut byte = Zeroizing::new([0]);
    while from.read(byte.as_mut_slice())? == 1 && byte[0] != b'\n' {
        if line.len() == LONGEST {
            return Err(io::Error::other("a passphrase has at most 4096 bytes"));
        }
        line.push(byte[0]);
    }
    Ok(SecretBytes::new(line.to_vec()))
}

fn unreadable(number: u32, error: &io::Error) -> Problem {
    Problem::usage(
        format!("can't read a passphrase from file descriptor {number}: {error}"),
        "hand over a pipe or a file under that number: --passphrase-fd 3 3<FILE",
    )
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::os::fd::AsRawFd;

    use super::*;

    fn line(from: &mut &[u8]) -> Vec<u8> {
        read_line(from).unwrap().expose_bytes().to_vec()
    }

    #[test]
    fn one_newline_is_left_out_and_the_next_line_stays() {
        let mut bytes = &b"old one \r\nnew\n\nlast"[..];
        assert_eq!(line(&mut bytes), b"old one \r");
        assert_eq!(line(&mut bytes), b"new");
        assert_eq!(line(&mut bytes), b"");
        assert_eq!(line(&mut bytes), b"last");
        assert_eq!(line(&mut bytes), b"");
        assert!(read_line(&mut &[b'x'; LONGEST + 1][..]).is_err());
        assert!(read_line(&mut &[b'x'; LONGEST][..]).is_ok());
    }

    #[test]
    fn a_pipe_gives_one_passphrase_a_line_and_then_a_usage_error() {
        let (reader, mut writer) = io::pipe().unwrap();
        writer.write_all(b"old\nnew\n").unwrap();
        drop(writer);
        let number = u32::try_from(reader.as_raw_fd()).unwrap();
        let mut passphrases = Passphrases::new(Some(number));
        let mut next = || {
            passphrases
                .ask("")
                .map(|passphrase| passphrase.expose_bytes().to_vec())
        };
        assert!(next().is_ok_and(|passphrase| passphrase == b"old"));
        assert!(next().is_ok_and(|passphrase| passphrase == b"new"));
        assert!(matches!(next(), Err(Problem::Usage { .. })));
    }

    #[test]
    fn standard_output_and_error_give_no_passphrase() {
        for number in [1, 2] {
            let mut passphrases = Passphrases::new(Some(number));
            assert!(matches!(passphrases.check(), Err(Problem::Usage { .. })));
            assert!(matches!(passphrases.ask(""), Err(Problem::Usage { .. })));
        }
    }

    #[test]
    fn a_descriptor_that_is_not_there_is_a_usage_error() {
        let mut passphrases = Passphrases::new(Some(9999));
        assert!(matches!(passphrases.ask(""), Err(Problem::Usage { .. })));
    }
}
