//! Over a real socket.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

use super::browser::Device;

async fn ask(address: std::net::SocketAddr, host: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET /setup HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn it_serves_under_the_port_it_is_bound_to_until_it_is_told_to_stop() {
    let device = Device::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = crate::router(
        device.handle.clone(),
        super::browser::no_reader(&device.handle),
        super::browser::no_archiver(&device.handle),
        super::browser::addresses(address),
    );
    let (stop, stopped) = oneshot::channel::<()>();
    let served = tokio::spawn(crate::serve(listener, router, async { stopped.await.unwrap() }));
    assert!(
        ask(address, &address.to_string())
            .await
            .starts_with("HTTP/1.1 200 ")
    );
    assert!(ask(address, "127.0.0.1:7878").await.starts_with("HTTP/1.1 421 "));
    stop.send(()).unwrap();
    served.await.unwrap().unwrap();
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn an_open_stream_does_not_keep_it_from_stopping() {
    let (device, owner) = Device::with_owner().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    // The router of the device is bound to another port by name, which is all that it looks at.
    let served = tokio::spawn(crate::serve(listener, device.router.clone(), async {
        stopped.await.unwrap()
    }));
    let mut stream = TcpStream::connect(address).await.unwrap();
    let cookie = owner.session().unwrap();
    let request = format!(
        "GET /events HTTP/1.1\r\nHost: 127.0.0.1:7878\r\nCookie: pocketai_session_7878={cookie}\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut head = [0; 15];
    stream.read_exact(&mut head).await.unwrap();
    assert_eq!(&head, b"HTTP/1.1 200 OK");
    stop.send(()).unwrap();
    served.await.unwrap().unwrap();
}
