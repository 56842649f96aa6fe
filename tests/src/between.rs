//! Somebody who stands between the server and PostgreSQL, and does no more than a network lets him.

use crate::authority::Identity;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection, StreamOwned,
};
use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// `SSLRequest`.
pub const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];

/// What a `CancelRequest` begins with, behind its length.
pub const CANCEL: [u8; 4] = [4, 210, 22, 46];

/// What he does with a new connection.
#[derive(Clone)]
pub enum Act {
    /// Lets everything through.
    Relay,
    /// Says that there is no TLS, and lets everything else through.
    Deny,
    /// Says so in PostgreSQL's place and waits for what comes.
    Say(Vec<u8>),
    /// Has a certificate of his own, and talks to PostgreSQL: in TLS when he knows its authority, else in plain text.
    Pretend(Identity, Option<String>),
}

/// He himself.
pub struct Between {
    /// Where he listens, on 127.0.0.1.
    pub port: u16,
    act: Arc<Mutex<Act>>,
    seen: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Between {
    /// In front of this port.
    pub fn before(port: u16, act: Act) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let own = listener.local_addr().expect("its address").port();
        let act = Arc::new(Mutex::new(act));
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (acts, sights) = (Arc::clone(&act), Arc::clone(&seen));
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let act = lock(&acts).clone();
                let number = {
                    let mut seen = lock(&sights);
                    seen.push(Vec::new());
                    seen.len() - 1
                };
                let sights = Arc::clone(&sights);
                let note = move |bytes: &[u8]| lock(&sights)[number].extend_from_slice(bytes);
                // Who hangs up ends his part.
                std::thread::spawn(move || {
                    let _ = deal(client, port, act, &note);
                });
            }
        });
        Self {
            port: own,
            act,
            seen,
        }
    }

    /// From the next connection on.
    pub fn turn(&self, act: Act) {
        *lock(&self.act) = act;
    }

    /// What each connection told him so far: what he could read, or what he could not.
    pub fn seen(&self) -> Vec<Vec<u8>> {
        lock(&self.seen).clone()
    }

    /// Whether any connection told him that.
    pub fn knows(&self, what: &[u8]) -> bool {
        let seen = self.seen();
        seen.iter()
            .any(|told| told.windows(what.len()).any(|part| part == what))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn deal(
    mut client: TcpStream,
    port: u16,
    act: Act,
    note: &(impl Fn(&[u8]) + Clone + Send + 'static),
) -> std::io::Result<()> {
    let mut first = [0; 8];
    client.read_exact(&mut first)?;
    note(&first);
    let asks = first == SSL_REQUEST;
    let server = || TcpStream::connect(("127.0.0.1", port));
    match act {
        Act::Say(bytes) => {
            client.write_all(&bytes)?;
            let mut rest = Vec::new();
            client.read_to_end(&mut rest)?;
            note(&rest);
        }
        Act::Pretend(own, authority) if asks => {
            client.write_all(b"S")?;
            let client = StreamOwned::new(pretender(&own), client);
            let mut server = server()?;
            match authority {
                None => both(client, server, note)?,
                Some(authority) => {
                    server.write_all(&SSL_REQUEST)?;
                    server.read_exact(&mut [0])?;
                    both(client, StreamOwned::new(guest(&authority), server), note)?;
                }
            }
        }
        act => {
            let mut server = server()?;
            if asks && matches!(act, Act::Deny) {
                client.write_all(b"N")?;
            } else {
                server.write_all(&first)?;
            }
            both(client, server, note)?;
        }
    }
    Ok(())
}

/// A stream whose reading ends after a moment.
trait Patient: Read + Write {
    fn socket(&self) -> &TcpStream;
}

impl Patient for TcpStream {
    fn socket(&self) -> &TcpStream {
        self
    }
}

impl Patient for StreamOwned<ServerConnection, TcpStream> {
    fn socket(&self) -> &TcpStream {
        &self.sock
    }
}

impl Patient for StreamOwned<ClientConnection, TcpStream> {
    fn socket(&self) -> &TcpStream {
        &self.sock
    }
}

/// Carries what each says to the other, and notes what the client says.
fn both(
    mut client: impl Patient,
    mut server: impl Patient,
    note: &impl Fn(&[u8]),
) -> std::io::Result<()> {
    let moment = Some(Duration::from_millis(1));
    client.socket().set_read_timeout(moment)?;
    server.socket().set_read_timeout(moment)?;
    loop {
        if let Some(said) = hear(&mut client)? {
            note(&said);
            server.write_all(&said)?;
            server.flush()?;
        }
        if let Some(said) = hear(&mut server)? {
            client.write_all(&said)?;
            client.flush()?;
        }
    }
}

fn hear(from: &mut impl Read) -> std::io::Result<Option<Vec<u8>>> {
    let mut piece = vec![0; 64 << 10];
    match from.read(&mut piece) {
        Ok(0) => Err(ErrorKind::UnexpectedEof.into()),
        Ok(count) => {
            piece.truncate(count);
            Ok(Some(piece))
        }
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

fn pretender(own: &Identity) -> ServerConnection {
    let certificate = CertificateDer::from_pem_slice(own.certificate.as_bytes()).expect("PEM");
    let key = PrivateKeyDer::from_pem_slice(own.key.as_bytes()).expect("PEM");
    let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .expect("a certificate");
    ServerConnection::new(Arc::new(config)).expect("a session")
}

fn guest(authority: &str) -> ClientConnection {
    let mut roots = RootCertStore::empty();
    let certificate = CertificateDer::from_pem_slice(authority.as_bytes()).expect("PEM");
    roots.add(certificate).expect("an authority");
    let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("localhost").expect("a name");
    ClientConnection::new(Arc::new(config), name).expect("a session")
}
