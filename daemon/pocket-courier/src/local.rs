//! A model on this device.

use std::fs;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use pocket_core::{CallFailure, Method};
use pocket_grant::{Headers, Report};
use pocket_post::{Limits, Metered, Request, Traffic, exchange};
use tokio::net::UnixStream;
use tokio::sync::mpsc::Sender;
use tokio::time::timeout;

use crate::reports::Reports;

/// What a server's `Host` header says of one that has no name.
const HOST: &str = "localhost";

/// What a call to a model on this device may take.
#[derive(Clone, Copy)]
pub struct LocalLimits {
    /// For the whole call. A small board thinks for minutes.
    pub patience: Duration,
    /// Most bytes of an answer.
    pub most_answer: u64,
}

/// Sends `body` to `path` of the server that listens at the Unix socket `socket`, as a `POST`. Must be called
/// within a tokio runtime.
pub fn local(socket: &Path, path: &str, headers: &Headers, body: Vec<u8>, limits: LocalLimits) -> Reports {
    let socket = socket.to_path_buf();
    let request = Request::new(Method::Post, (HOST, path), headers, body);
    Reports::of(move |reports| async move {
        let traffic = Traffic::default();
        let carried = carry(socket, request, limits, &traffic, &reports);
        let carried = timeout(limits.patience, carried).await;
        let (sent, received) = (traffic.sent(), traffic.received());
        let last = match carried.unwrap_or(Err(CallFailure::OutOfTime)) {
            Ok(()) => Report::Ended { sent, received },
            Err(reason) => Report::Failed {
                reason,
                sent,
                received,
            },
        };
        // Who has gone needs no end.
        reports.send(last).await.unwrap_or_default();
    })
}

async fn carry(
    socket: PathBuf,
    request: Result<Request, CallFailure>,
    limits: LocalLimits,
    traffic: &Traffic,
    reports: &Sender<Report>,
) -> Result<(), CallFailure> {
    let request = request?;
    if !socket.is_absolute() {
        return Err(CallFailure::LocalInvalid);
    }
    let found = fs::metadata(&socket).map_err(|_| CallFailure::LocalAbsent)?;
    if !found.file_type().is_socket() {
        return Err(CallFailure::LocalInvalid);
    }
    let stream = UnixStream::connect(&socket)
        .await
        .map_err(|_| CallFailure::LocalAbsent)?;
    let limits = Limits {
        first_byte: limits.patience,
        between: limits.patience,
        most_answer: limits.most_answer,
    };
    exchange(Metered::new(stream, traffic.clone()), request, limits, reports).await
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;

    use pocket_crypto::SecretBytes;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    const LIMITS: LocalLimits = LocalLimits {
        patience: Duration::from_secs(60),
        most_answer: 1000,
    };

    fn ask(socket: &Path, limits: LocalLimits) -> Reports {
        let mut headers = Headers::default();
        headers.push("content-type", SecretBytes::new(b"application/json".to_vec()));
        local(socket, "/v1/chat", &headers, b"{}".to_vec(), limits)
    }

    /// The status, the answer, and why it failed.
    async fn hear(mut reports: Reports) -> (Option<u16>, Vec<u8>, Option<CallFailure>) {
        let mut told = (None, Vec::new(), None);
        while let Some(report) = reports.next().await {
            match report {
                Report::Head { status, .. } => told.0 = Some(status),
                Report::Piece(piece) => told.1.extend(piece),
                Report::Ended { sent, received } => assert!(sent > 0 && received > 0),
                Report::Failed { reason, .. } => told.2 = Some(reason),
                Report::Connected { .. } => panic!("nobody connects anywhere"),
                Report::Step { .. } => panic!("nothing is kept"),
            }
        }
        told
    }

    #[tokio::test]
    async fn a_model_on_this_device_is_asked_over_its_socket() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model");
        let listener = tokio::net::UnixListener::bind(&path).unwrap();
        let server = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut heard = vec![0; 4096];
            let length = stream.read(&mut heard).await.unwrap();
            let answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n";
            stream.write_all(answer).await.unwrap();
            String::from_utf8(heard[..length].to_vec()).unwrap()
        });
        assert_eq!(hear(ask(&path, LIMITS)).await, (Some(200), b"hi".to_vec(), None));
        let heard = server.await.unwrap();
        assert!(
            heard.starts_with("POST /v1/chat HTTP/1.1\r\nhost: localhost\r\n"),
            "{heard}"
        );
        assert!(heard.ends_with("\r\n\r\n{}"), "{heard}");
    }

    #[tokio::test]
    async fn what_is_no_socket_is_not_asked() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "").unwrap();
        let left = folder.path().join("left");
        drop(UnixListener::bind(&left).unwrap());
        for (path, failure) in [
            (file.as_path(), CallFailure::LocalInvalid),
            (folder.path(), CallFailure::LocalInvalid),
            (Path::new("model.sock"), CallFailure::LocalInvalid),
            (Path::new("http://127.0.0.1:11434"), CallFailure::LocalInvalid),
            (&folder.path().join("nothing"), CallFailure::LocalAbsent),
            (&left, CallFailure::LocalAbsent),
        ] {
            let told = hear(ask(path, LIMITS)).await;
            assert_eq!(told, (None, Vec::new(), Some(failure)), "{}", path.display());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_says_nothing_is_left_after_the_owners_patience() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model");
        let listener = tokio::net::UnixListener::bind(&path).unwrap();
        let told = hear(ask(&path, LIMITS)).await;
        assert_eq!(told, (None, Vec::new(), Some(CallFailure::OutOfTime)));
        drop(listener);
    }

    #[tokio::test]
    async fn a_call_that_is_dropped_hangs_up() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model");
        let listener = tokio::net::UnixListener::bind(&path).unwrap();
        let reports = ask(&path, LIMITS);
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut heard = Vec::new();
        stream.read_buf(&mut heard).await.unwrap();
        drop(reports);
        stream.read_to_end(&mut heard).await.unwrap();
    }
}
