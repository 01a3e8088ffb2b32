//! The only way out of the device: arguments, the socket, the sandbox.

mod listener;

use std::alloc::System;
use std::error::Error;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use nix::unistd::{User, geteuid};
use pocket_gateway::{Daemons, Exception, Exceptions, Gateway, Trust, sandbox, serve};
use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe;
use tokio::runtime::Builder;
use tokio::task::LocalSet;
use tracing::{error, warn};
use zeroizing_alloc::ZeroAlloc;

/// Wipes what is freed: what was sent, and what came back.
#[global_allocator]
static ALLOCATOR: ZeroAlloc<System> = ZeroAlloc(System);

/// Name look-ups at once; each call has one.
const LOOK_UPS: usize = 4;

/// Makes the calls that pocketd grants, and nothing else. It holds no data and no key.
#[derive(Parser)]
#[command(name = "pocket-gateway", version)]
struct Arguments {
    /// Where to listen; without it, a service manager hands the socket over
    #[arg(long, value_name = "PATH")]
    socket: Option<PathBuf>,
    /// The user that may call, by name or number [default: the one that runs this]
    #[arg(long, value_name = "USER")]
    caller: Option<String>,
    /// End when standard input, a pipe, is closed
    #[arg(long)]
    while_stdin: bool,
    /// Trust the certificate authorities in this PEM file too
    #[arg(long, value_name = "FILE")]
    trust_ca: Vec<PathBuf>,
    /// Do not look this host up: it is at this address, even one that is not public
    #[arg(long, value_name = "HOST:PORT=ADDRESS:PORT")]
    resolve: Vec<Exception>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    log_to_stderr();
    match run(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failed) => {
            let mut message = failed.to_string();
            let mut cause = failed.source();
            while let Some(deeper) = cause {
                message = format!("{message}: {deeper}");
                cause = deeper.source();
            }
            error!("{message}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Arguments) -> Result<(), Box<dyn Error>> {
    let caller = caller(arguments.caller.as_deref())?;
    let trust = Trust::new(&arguments.trust_ca)?;
    if !(arguments.trust_ca.is_empty() && arguments.resolve.is_empty()) {
        warn!("calls may go where the arguments of this program say, beside what the internet says");
    }
    let exceptions: Exceptions = arguments.resolve.into_iter().collect();
    let listener = listener::open(arguments.socket.as_deref(), caller == geteuid().as_raw())?;
    let daemons = if arguments.while_stdin {
        Daemons::First
    } else {
        Daemons::Any
    };
    let gateway = Gateway::new(caller, daemons, trust, exceptions);
    if !sandbox::enter()? {
        warn!("this kernel has no Landlock: files are fenced off by their permissions alone");
    }
    let runtime = Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(LOOK_UPS)
        .build()?;
    let served = LocalSet::new().block_on(&runtime, async move {
        let listener = tokio::net::UnixListener::from_std(listener)?;
        say_ready()?;
        if arguments.while_stdin {
            tokio::select! {
                ended = ended() => ended,
                () = serve(listener, gateway) => Ok(()),
            }
        } else {
            serve(listener, gateway).await;
            Ok(())
        }
    });
    // A name look-up may still wait for its answer.
    runtime.shutdown_background();
    Ok(served?)
}

/// Who started this reads that it may be called.
fn say_ready() -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(b"ready\n").and_then(|()| out.flush())
}

/// Resolves when the pipe on standard input is closed at its other end.
async fn ended() -> io::Result<()> {
    let input = io::stdin().as_fd().try_clone_to_owned()?;
    let mut input = pipe::Receiver::from_owned_fd(input)?;
    let mut ignored = [0; 64];
    while input.read(&mut ignored).await? > 0 {}
    Ok(())
}

fn caller(named: Option<&str>) -> Result<u32, Box<dyn Error>> {
    let Some(named) = named else {
        return Ok(geteuid().as_raw());
    };
    if let Ok(number) = named.parse() {
        return Ok(number);
    }
    let user = User::from_name(named)?;
    let user =
        user.ok_or_else(|| format!("there is no user {named}: name one with --caller, or give its number"))?;
    Ok(user.uid.as_raw())
}

/// Log lines of our own crate only: those of libraries may hold what they carry.
fn log_to_stderr() {
    use tracing_subscriber::filter::{LevelFilter, Targets};
    use tracing_subscriber::layer::SubscriberExt;
    use tracing_subscriber::util::SubscriberInitExt;
    let targets = Targets::new().with_target("pocket_gateway", LevelFilter::INFO);
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(io::stderr)
        .with_target(false);
    tracing_subscriber::registry().with(lines).with(targets).init();
}
