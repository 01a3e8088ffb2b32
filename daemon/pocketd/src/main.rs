//! The PocketAI daemon. Composition only: arguments, configuration, sockets, signals, and the
//! service manager. What the device does is in the crates that this puts together.

mod announce;
mod calls;
mod configuration;
mod doors;
mod hardening;
mod link;
mod sockets;

use std::alloc::System;
use std::io;
use std::process::ExitCode;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use clap::Parser;
use pocket_service::{Archives, Handle, Reader, Service};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tracing::{error, info, warn};
use zeroizing_alloc::ZeroAlloc;

use crate::configuration::{Arguments, Configuration};
use crate::doors::{DoorError, Doors};
use crate::sockets::Sockets;

/// Wipes what is freed: when the vault locks, the records that were in memory are gone from it.
#[global_allocator]
static ALLOCATOR: ZeroAlloc<System> = ZeroAlloc(System);

/// Threads for the doors. The engine has its own; a pocket board has four small cores.
const DOOR_THREADS: usize = 2;
/// How long the doors may take to finish what they are at when told to stop.
const GRACE: Duration = Duration::from_secs(5);

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    log_to_stderr();
    match run(arguments) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            announce::failure(error.as_ref());
            ExitCode::FAILURE
        }
    }
}

/// Runs until a signal, or until a door breaks, which is an error; `false` when the engine failed.
fn run(arguments: Arguments) -> Result<bool, Box<dyn std::error::Error>> {
    hardening::harden()?;
    let configuration = Configuration::read(arguments)?;
    let config = configuration.service();
    let told = Arc::clone(&config.doors);
    let mut service = Service::start(config)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(DOOR_THREADS)
        .enable_all()
        .build()?;
    let served = runtime.block_on(serve(&configuration, &mut service, &told));
    runtime.shutdown_timeout(GRACE);
    let clean = service.stop();
    served?;
    Ok(clean)
}

async fn serve(
    configuration: &Configuration,
    service: &mut Service,
    listening: &OnceLock<pocket_core::Doors>,
) -> Result<(), Box<dyn std::error::Error>> {
    let sockets = Sockets::open(configuration)?;
    let handle = service.handle();
    // The control socket hands agents' connections to their door: doors do not know one another.
    let agents = handle.clone();
    let reader = Reader::new(handle.clone(), configuration.reader.clone());
    let archives = Archives::new(handle.clone(), configuration.archiver.clone());
    let (stop, stopped) = watch::channel(false);
    let (ui, mcp) = (sockets.ui.local_addr()?, sockets.mcp.local_addr()?);
    listening.get_or_init(|| pocket_core::Doors { ui, mcp });
    let mut doors = Doors::new();
    doors.open(
        "ui",
        pocket_web::serve(
            sockets.ui,
            pocket_web::router(
                handle.clone(),
                reader.clone(),
                archives.clone(),
                pocket_web::Addresses {
                    ui,
                    mcp,
                    control: configuration.control.clone(),
                },
            ),
            told(stopped.clone()),
        ),
    );
    doors.open(
        "mcp",
        pocket_mcp::serve(sockets.mcp, handle.clone(), told(stopped.clone())),
    );
    doors.open(
        "control",
        pocket_control::serve(
            sockets.control,
            (handle.clone(), reader.clone(), archives),
            move |token, stream| pocket_mcp::serve_stream(agents.clone(), token, stream),
            told(stopped.clone()),
        ),
    );
    if let Some(button) = sockets.button {
        let listening = pocket_control::serve_buttons(button, handle.clone(), told(stopped));
        doors.open("button", listening);
    }
    // Before anyone is told that we are here: a signal that finds no handler kills.
    let signals = Signals::catch()?;
    announce::listening(ui, mcp, &configuration.control);
    let hints = tokio::spawn(announce::next_steps(
        handle.clone(),
        configuration.control.clone(),
    ));
    let reading = tokio::spawn(pocket_service::read_documents(reader));
    let carrying = service
        .take_calls()
        .zip(service.take_links())
        .map(|outbound| tokio::spawn(calls::carry(outbound, service.handle(), configuration.gateway())));
    sd_notify::notify(&[sd_notify::NotifyState::Ready])?;
    // Only now: a manager hears first that we are ready, then that we live.
    let alive = tokio::spawn(watchdog(handle));
    let ended = wait_for_the_end(service, signals, &mut doors).await;
    info!("stopping");
    // While we still listen: afterwards the name may already be another daemon's.
    drop(sockets.bound);
    sd_notify::notify(&[sd_notify::NotifyState::Stopping])?;
    hints.abort();
    alive.abort();
    reading.abort();
    // With it the gateway ends.
    carrying.inspect(|task| task.abort());
    stop.send_replace(true);
    doors.closed(GRACE).await;
    Ok(ended?)
}

/// Resolves when the doors are told to close.
async fn told(mut stopped: watch::Receiver<bool>) {
    // A sender that is gone means the same.
    stopped.wait_for(|stop| *stop).await.map(drop).unwrap_or_default();
}

/// What tells the daemon to stop.
struct Signals {
    // A laptop's terminal that is closed.
    hangup: Signal,
    interrupt: Signal,
    quit: Signal,
    terminate: Signal,
}

impl Signals {
    fn catch() -> io::Result<Self> {
        Ok(Self {
            hangup: signal(SignalKind::hangup())?,
            interrupt: signal(SignalKind::interrupt())?,
            quit: signal(SignalKind::quit())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }
}

/// A signal, or the end of the engine; a door that ends first is an error.
async fn wait_for_the_end(
    service: &Service,
    mut signals: Signals,
    doors: &mut Doors,
) -> Result<(), DoorError> {
    let mut look = tokio::time::interval(Duration::from_secs(1));
    loop {
        tokio::select! {
            _ = signals.terminate.recv() => return Ok(()),
            _ = signals.interrupt.recv() => return Ok(()),
            _ = signals.hangup.recv() => return Ok(()),
            _ = signals.quit.recv() => return Ok(()),
            broken = doors.broken() => return Err(broken),
            _ = look.tick() => if service.ended() {
                error!("the engine has ended: stopping");
                return Ok(());
            },
        }
    }
}

/// Tells the service manager that the engine answers, if it wants to know.
async fn watchdog(handle: Handle) {
    let Some(limit) = sd_notify::watchdog_enabled() else {
        return;
    };
    let mut beat = tokio::time::interval(limit / 3);
    loop {
        beat.tick().await;
        let answered = tokio::time::timeout(limit / 3, announce::status(&handle)).await;
        if answered.is_ok_and(|status| status.is_some())
            && let Err(error) = sd_notify::notify(&[sd_notify::NotifyState::Watchdog])
        {
            warn!(%error, "the service manager could not be told");
        }
    }
}

/// Log lines of our own crates only, whatever `RUST_LOG` says: those of libraries may hold what
/// they carry. Its value is one of error, warn, info, debug and trace.
fn log_to_stderr() {
    use tracing_subscriber::filter::{LevelFilter, Targets};
    use tracing_subscriber::layer::SubscriberExt;
    use tracing_subscriber::util::SubscriberInitExt;
    let level = std::env::var("RUST_LOG")
        .ok()
        .and_then(|level| level.parse().ok())
        .unwrap_or(LevelFilter::INFO);
    let ours = [
        "pocketd",
        "pocket_control",
        "pocket_http",
        "pocket_mcp",
        "pocket_service",
        "pocket_store",
        "pocket_web",
    ];
    let targets = Targets::new().with_targets(ours.map(|target| (target, level)));
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(io::stderr)
        .with_target(false);
    tracing_subscriber::registry().with(lines).with(targets).init();
}
