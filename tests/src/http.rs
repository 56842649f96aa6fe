//! Requests over a plain socket: every byte is the test's choice, and so is hanging up.

use serde_json::Value;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// One request, sent when told.
#[derive(Clone, Debug)]
pub struct Request {
    port: u16,
    method: String,
    target: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

/// What came back.
#[derive(Debug)]
pub struct Response {
    /// 200, 404, …
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// All of it.
    pub body: Vec<u8>,
    /// From the first byte sent to the last one received.
    pub took: Duration,
}

impl Request {
    /// `target` goes out as it stands: percent-encoding is up to the test, see [`encoded`].
    pub fn new(port: u16, method: &str, target: &str) -> Self {
        Self {
            port,
            method: method.into(),
            target: target.into(),
            headers: Vec::new(),
            body: Vec::new(),
        }
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// `Authorization: Bearer`.
    #[must_use]
    pub fn bearer(self, token: &str) -> Self {
        self.header("Authorization", &format!("Bearer {token}"))
    }

    /// A body of any bytes, of which nothing is said.
    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// A body of any bytes, said to be JSON.
    #[must_use]
    pub fn raw(self, body: impl Into<Vec<u8>>) -> Self {
        self.body(body).header("Content-Type", "application/json")
    }

    /// A JSON body.
    #[must_use]
    pub fn json(self, body: &Value) -> Self {
        self.raw(body.to_string())
    }

    /// Sends the request and leaves the answer to be read.
    pub fn start(&self) -> std::io::Result<TcpStream> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
        stream.set_read_timeout(Some(Duration::from_secs(60)))?;
        let mut head = format!(
            "{} {} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n",
            self.method, self.target
        );
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if !self.body.is_empty() || matches!(self.method.as_str(), "POST" | "PATCH" | "PUT") {
            head.push_str(&format!("Content-Length: {}\r\n", self.body.len()));
        }
        head.push_str("\r\n");
        stream.write_all(head.as_bytes())?;
        // A server that refuses early may have closed already; the answer is still there to be read.
        let _ = stream.write_all(&self.body);
        Ok(stream)
    }

    /// Sends it and reads the whole answer.
    pub fn try_send(&self) -> std::io::Result<Response> {
        let began = Instant::now();
        let mut stream = self.start()?;
        let mut bytes = Vec::new();
        if let Err(error) = stream.read_to_end(&mut bytes)
            && bytes.is_empty()
        {
            return Err(error);
        }
        Ok(Response::parse(&bytes, began.elapsed()))
    }

    /// As [`Request::try_send`]; the server must answer.
    pub fn send(&self) -> Response {
        self.try_send()
            .unwrap_or_else(|error| panic!("{} {}: {error}", self.method, self.target))
    }
}

impl Response {
    fn parse(bytes: &[u8], took: Duration) -> Self {
        let end = bytes
            .windows(4)
            .position(|four| four == b"\r\n\r\n")
            .unwrap_or_else(|| panic!("no complete answer: {:?}", String::from_utf8_lossy(bytes)));
        let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
        let mut lines = head.split("\r\n");
        let status = lines
            .next()
            .and_then(|line| line.split(' ').nth(1))
            .and_then(|status| status.parse().ok())
            .expect("a status line");
        let headers: Vec<(String, String)> = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        let body = bytes[end + 4..].to_vec();
        let response = Self {
            status,
            headers,
            body,
            took,
        };
        assert!(
            response.header("transfer-encoding").is_none(),
            "a chunked answer is not expected"
        );
        response
    }

    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(found, _)| found == name)
            .map(|(_, value)| value.as_str())
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{} is no JSON ({error}): {}", self.status, self.text()))
    }

    /// Asserts the status and returns the JSON.
    #[track_caller]
    pub fn expect(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text());
        if self.body.is_empty() {
            Value::Null
        } else {
            self.json()
        }
    }

    /// As [`Response::shaped`], and nothing of SQL or of the server's insides in it.
    #[track_caller]
    pub fn refused(&self, status: u16, code: &str) -> Value {
        let body = self.shaped(status, code);
        self.tells_no_insides();
        body
    }

    /// Asserts a refusal in the form of PostgREST: status, code, a sentence, four members and no other; and nothing of SQL
    /// or of the server's insides in it.
    #[track_caller]
    pub fn told(&self, status: u16, code: &str) -> Value {
        assert_eq!(self.status, status, "{}", self.text());
        let body = self.json();
        assert_eq!(body.get("code"), Some(&Value::from(code)), "{body}");
        let members: Vec<&String> = body
            .as_object()
            .map(|all| all.keys().collect())
            .unwrap_or_default();
        assert_eq!(members, ["code", "details", "hint", "message"], "{body}");
        let message = body.get("message").and_then(Value::as_str);
        assert!(message.is_some_and(|text| !text.is_empty()), "{body}");
        assert_eq!(
            self.header("content-type"),
            Some("application/json; charset=utf-8")
        );
        assert!(self.header("x-request-id").is_some());
        self.tells_no_insides();
        body
    }

    #[track_caller]
    fn tells_no_insides(&self) {
        let lower = self.text().to_lowercase();
        for leak in [
            "select ",
            "insert into",
            "update public",
            "delete from",
            "pg_",
            "sqlstate",
            "constraint \"",
            "relation \"",
            "panicked",
            "/src/",
        ] {
            assert!(!lower.contains(leak), "the answer tells {leak:?}: {lower}");
        }
    }

    /// Asserts a refusal in the contract's form: status, code, a sentence, the request's id in body and
    /// header. For answers that may repeat words of the request.
    #[track_caller]
    pub fn shaped(&self, status: u16, code: &str) -> Value {
        assert_eq!(self.status, status, "{}", self.text());
        assert_eq!(
            self.header("content-type")
                .map(|kind| kind.starts_with("application/json")),
            Some(true)
        );
        let body = self.json();
        let text = |name: &str| {
            body.get(name)
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        assert_eq!(text("code"), code, "{body}");
        assert!(!text("error").is_empty(), "{body}");
        assert!(!text("request_id").is_empty(), "{body}");
        assert_eq!(
            self.header("x-request-id"),
            Some(text("request_id").as_str()),
            "{body}"
        );
        body
    }
}

/// Percent-encodes everything but letters, digits and `-._~`.
pub fn encoded(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}
