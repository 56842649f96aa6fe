use super::given::Given;
use super::{ConfigError, Login, Server, Setting};
use lettre::Address;
use lettre::message::Mailbox;
use lettre::transport::smtp::authentication::Credentials;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use url::{Host, Url};

pub const PUBLIC_BASE_URL: Setting = Setting::plain(
    "server.public_base_url",
    "",
    "What links in mails begin with; without it `http://` and server.address. Set it wherever mail is sent to others, and run `fluxbase migrate`: the database must know where links may lead, and the server must not be able to tell it.",
);
const TRANSPORT: Setting = Setting::plain(
    "email.transport",
    "none",
    "none, smtp or file. file is for development: it writes mails into email.directory and prints their links and codes.",
);
const FROM_ADDRESS: Setting = Setting::plain(
    "email.from_address",
    "",
    "Address of the sender; smtp needs it.",
);
const FROM_NAME: Setting = Setting::plain("email.from_name", "", "Name of the sender.");
const REPLY_TO: Setting = Setting::plain("email.reply_to", "", "Address for answers.");
const HOST: Setting = Setting::plain(
    "email.smtp_host",
    "",
    "Name or address of the mail server; its certificate must be for this name.",
);
const PORT: Setting = Setting::plain("email.smtp_port", "587", "Port of the mail server.");
const USERNAME: Setting = Setting::plain(
    "email.smtp_username",
    "",
    "Login at the mail server; without it none is tried.",
);
const PASSWORD: Setting = Setting::secret(
    "email.smtp_password",
    "",
    "Password at the mail server. Also SMTP_PASSWORD or SMTP_PASSWORD_FILE.",
);
const SECURITY: Setting = Setting::plain(
    "email.smtp_security",
    "starttls",
    "starttls, tls (encrypted from the first byte, usually port 465) or none. A password goes over none only on this machine.",
);
const CA_FILE: Setting = Setting::plain(
    "email.smtp_ca_file",
    "",
    "Certificates (PEM) of a private authority, trusted instead of the system's.",
);
const DIRECTORY: Setting = Setting::plain(
    "email.directory",
    "",
    "Where transport file writes; made when it is not there.",
);
const TEMPLATES: Setting = Setting::plain(
    "email.template_directory",
    "",
    "Own texts: KIND.txt, KIND.html and KIND.subject replace the built-in ones.",
);
const DATABASE_URL: Setting = Setting::secret(
    "email.database_url",
    "",
    "postgres:// URL of the login fluxbase_mailer, which reads what is to be sent; it has a password of its own, because reset tokens are in it.",
);

pub const SETTINGS: &[Setting] = &[
    PUBLIC_BASE_URL,
    TRANSPORT,
    FROM_ADDRESS,
    FROM_NAME,
    REPLY_TO,
    HOST,
    PORT,
    USERNAME,
    PASSWORD,
    SECURITY,
    CA_FILE,
    DIRECTORY,
    TEMPLATES,
    DATABASE_URL,
];

/// The sender in files when none was given.
const NOBODY: &str = "fluxbase@localhost";

/// How mail leaves, and what stands in it.
#[derive(Clone, Debug)]
pub struct Email {
    /// Where to.
    pub transport: Transport,
    /// The sender.
    pub from: Mailbox,
    /// Where answers go.
    pub reply_to: Option<Mailbox>,
    /// Own texts.
    pub templates: Option<PathBuf>,
    /// The login of the mailer; `None` only where nothing is sent.
    pub login: Option<Login>,
    /// What links begin with: http or https, without query and fragment.
    pub base_url: Url,
}

/// Where mail goes.
#[derive(Clone, Debug)]
pub enum Transport {
    /// Nowhere: it stays in the database.
    None,
    /// To a mail server.
    Smtp(Smtp),
    /// Into files of this directory.
    File(PathBuf),
}

/// A mail server.
#[derive(Clone, Debug)]
pub struct Smtp {
    /// Name or address.
    pub host: String,
    /// Port.
    pub port: u16,
    /// Login and password; the type's `Debug` shows neither.
    pub credentials: Option<Credentials>,
    /// Encryption.
    pub security: Security,
    /// Certificates of a private authority.
    pub ca_file: Option<PathBuf>,
}

/// How a connection to a mail server is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Security {
    /// After a greeting in plain text; a server that does not offer it is not used.
    StartTls,
    /// From the first byte.
    Tls,
    /// Not at all.
    None,
}

impl Smtp {
    /// The mail server is this machine.
    #[must_use]
    pub fn is_local(&self) -> bool {
        let bare = self.host.trim_start_matches('[').trim_end_matches(']');
        self.host.eq_ignore_ascii_case("localhost")
            || bare.parse().is_ok_and(|host: IpAddr| host.is_loopback())
    }
}

impl Email {
    pub(super) fn read(given: &Given, server: &Server) -> Result<Self, ConfigError> {
        let from = address(given, &FROM_ADDRESS)?;
        let transport = match given.one_of(&TRANSPORT, &["none", "smtp", "file"])? {
            "smtp" => {
                if from.is_none() {
                    return Err(given.malformed(FROM_ADDRESS.name, "transport smtp needs it"));
                }
                Transport::Smtp(smtp(given)?)
            }
            "file" => Transport::File(path(given, &DIRECTORY).ok_or_else(|| {
                given.malformed(DIRECTORY.name, "transport file needs a directory")
            })?),
            _ => Transport::None,
        };
        let name = given.text(&FROM_NAME);
        if name.chars().any(char::is_control) {
            return Err(given.malformed(FROM_NAME.name, "expected one line of text"));
        }
        let nobody = || NOBODY.parse().ok();
        let sender = from.or_else(nobody).ok_or_else(|| {
            given.malformed(FROM_ADDRESS.name, "there is no address to send from")
        })?;
        let name = (!name.is_empty()).then(|| name.to_owned());
        Ok(Self {
            login: login(given, &transport)?,
            transport,
            from: Mailbox::new(name, sender),
            reply_to: address(given, &REPLY_TO)?.map(|address| Mailbox::new(None, address)),
            templates: path(given, &TEMPLATES),
            base_url: base_url(given, server.listen)?,
        })
    }
}

fn smtp(given: &Given) -> Result<Smtp, ConfigError> {
    let host = given.text(&HOST);
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    if bare.parse::<IpAddr>().is_err() && !matches!(Host::parse(host), Ok(Host::Domain(_))) {
        return Err(given.malformed(HOST.name, "transport smtp needs the name of a host, alone"));
    }
    let port = given.integer(&PORT, 1, u64::from(u16::MAX))?;
    let security = match given.one_of(&SECURITY, &["starttls", "tls", "none"])? {
        "tls" => Security::Tls,
        "none" => Security::None,
        _ => Security::StartTls,
    };
    let (username, password) = (given.text(&USERNAME), given.text(&PASSWORD));
    let credentials = match (username.is_empty(), password.is_empty()) {
        (true, true) => None,
        (false, false) => Some(Credentials::new(username.to_owned(), password.to_owned())),
        (true, false) => return Err(given.malformed(USERNAME.name, "there is only a password")),
        (false, true) => return Err(given.malformed(PASSWORD.name, "there is only a user name")),
    };
    let smtp = Smtp {
        host: bare.to_owned(),
        port: u16::try_from(port).unwrap_or(u16::MAX),
        credentials,
        security,
        ca_file: path(given, &CA_FILE),
    };
    if smtp.credentials.is_some() && security == Security::None && !smtp.is_local() {
        return Err(given.malformed(
            SECURITY.name,
            "none would send the password in plain text to another machine",
        ));
    }
    Ok(smtp)
}

fn path(given: &Given, setting: &Setting) -> Option<PathBuf> {
    let text = given.text(setting);
    (!text.is_empty()).then(|| PathBuf::from(text))
}

/// Exactly one address and nothing else: what stands here becomes a header.
fn address(given: &Given, setting: &Setting) -> Result<Option<Address>, ConfigError> {
    let text = given.text(setting);
    if text.is_empty() {
        return Ok(None);
    }
    let parsed = text.parse().ok();
    parsed
        .filter(|_| !text.chars().any(char::is_control))
        .map(Some)
        .ok_or_else(|| {
            given.malformed(setting.name, "expected one address such as ann@example.com")
        })
}

fn login(given: &Given, transport: &Transport) -> Result<Option<Login>, ConfigError> {
    let login = Login::read(given, &DATABASE_URL)?;
    match transport {
        // Not database.url with another name: with one password for both, whoever has the one has the other.
        Transport::Smtp(_) | Transport::File(_) if login.is_none() => Err(given.malformed(
            DATABASE_URL.name,
            "a transport needs it: mails are taken from the database by a login of their own, fluxbase_mailer",
        )),
        _ => Ok(login),
    }
}

fn base_url(given: &Given, listen: SocketAddr) -> Result<Url, ConfigError> {
    let text = match given.text(&PUBLIC_BASE_URL) {
        "" => {
            let mut here = listen;
            // "Every address" is none that a browser could open.
            match listen.ip() {
                IpAddr::V4(ip) if ip.is_unspecified() => here.set_ip(Ipv4Addr::LOCALHOST.into()),
                IpAddr::V6(ip) if ip.is_unspecified() => here.set_ip(Ipv6Addr::LOCALHOST.into()),
                _ => {}
            }
            format!("http://{here}")
        }
        given => given.to_owned(),
    };
    let url = Url::parse(&text).ok().filter(|url| {
        matches!(url.scheme(), "http" | "https")
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none()
    });
    url.ok_or_else(|| {
        given.malformed(
            PUBLIC_BASE_URL.name,
            "expected an address such as https://app.example.com, without query and fragment",
        )
    })
}
