//! Where a request comes from: the address that is counted, let in and written down.
//!
//! A client can write any `X-Forwarded-For` it likes, so the header is read only when the peer is a
//! proxy of ours, and only from the right: each proxy appends the address it saw, and whatever stands
//! to the left of the first stranger was written by that stranger.

use actix_web::http::header::{HeaderMap, HeaderName};
use ipnet::{IpNet, Ipv4Net};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use thiserror::Error;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The client of a request, in the request's extensions from the outer layer on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientAddress(pub IpAddr);

/// A list of networks; empty when nobody wrote one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Networks(Vec<IpNet>);

/// Why a text is no list of networks. Begins with the entry that is wrong.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum NotNetworks {
    /// Neither an address nor address/bits.
    #[error("{0:?} is neither an address nor a network such as 10.0.0.0/8 or 2001:db8::/32")]
    Malformed(String),
    /// `10.0.0.1/8`: one address or sixteen million, which was meant would be a guess.
    #[error("{written} names one address of a network; write {network} or the address alone")]
    Inside {
        /// As it was written.
        written: String,
        /// The network around it.
        network: IpNet,
    },
}

impl Networks {
    /// From addresses and networks separated by commas.
    ///
    /// # Errors
    /// [`NotNetworks`], about the first entry that is neither.
    pub fn parse(text: &str) -> Result<Self, NotNetworks> {
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        text.split(',')
            .map(network)
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// Whether the address is in one of them.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }

    /// Nobody wrote one.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// One of them holds every address of its family.
    #[must_use]
    pub fn holds_everybody(&self) -> bool {
        self.0.iter().any(|network| network.prefix_len() == 0)
    }
}

fn network(written: &str) -> Result<IpNet, NotNetworks> {
    let written = written.trim();
    let malformed = || NotNetworks::Malformed(written.to_owned());
    let network = match written.parse::<IpAddr>() {
        Ok(address) => IpNet::from(address),
        Err(_) => written.parse::<IpNet>().map_err(|_| malformed())?,
    };
    if network != network.trunc() {
        return Err(NotNetworks::Inside {
            written: written.to_owned(),
            network: network.trunc(),
        });
    }
    // Addresses are compared in their IPv4 form if they have one, so networks must be too.
    if let (IpAddr::V6(address), Some(bits)) =
        (network.addr(), network.prefix_len().checked_sub(96))
        && let Some(address) = address.to_ipv4_mapped()
    {
        return Ipv4Net::new(address, bits)
            .map(IpNet::V4)
            .map_err(|_| malformed());
    }
    Ok(network)
}

/// The address of the client behind `peer`.
///
/// The peer itself unless it is trusted; otherwise the rightmost entry of `X-Forwarded-For` that is
/// not trusted. An entry that is no address ends the search at the last one that was. IPv4 written
/// as IPv6 comes out as IPv4.
#[must_use]
pub fn address(peer: IpAddr, headers: &HeaderMap, trusted: &Networks) -> IpAddr {
    let mut client = peer.to_canonical();
    if !trusted.contains(client) {
        return client;
    }
    let lines: Vec<_> = headers.get_all(&FORWARDED_FOR).collect();
    for line in lines.into_iter().rev() {
        // As bytes: what a client wrote to the left must not make the whole line unreadable.
        for entry in line.as_bytes().rsplit(|byte| *byte == b',') {
            let Some(address) = std::str::from_utf8(entry).ok().and_then(forwarded) else {
                return client;
            };
            client = address;
            if !trusted.contains(client) {
                return client;
            }
        }
    }
    client
}

/// `192.0.2.1`, `2001:db8::1`, and with a port, as some proxies write it, `192.0.2.1:80` and
/// `[2001:db8::1]:80`.
fn forwarded(entry: &str) -> Option<IpAddr> {
    let entry = entry.trim_matches([' ', '\t']);
    let bracketed = || {
        let inside = entry.strip_prefix('[')?.strip_suffix(']')?;
        inside.parse::<Ipv6Addr>().ok().map(IpAddr::V6)
    };
    let with_port = || {
        let address = entry.parse::<SocketAddr>().ok()?;
        // A scope such as fe80::1%2 means something to the proxy only.
        let scoped = matches!(address, SocketAddr::V6(address) if address.scope_id() != 0);
        (!scoped).then(|| address.ip())
    };
    entry
        .parse::<IpAddr>()
        .ok()
        .or_else(bracketed)
        .or_else(with_port)
        .map(|address| address.to_canonical())
}

/// What one client is sure to have for itself: an IPv4 address, or the /64 within which an IPv6 host
/// picks a new address whenever it likes.
#[must_use]
pub fn household(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => {
            const NETWORK: u128 = !(u64::MAX as u128);
            IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & NETWORK))
        }
    }
}

/// Stands for a peer without an address. It is in no list anybody writes, and all of them are
/// counted as one.
pub const NOWHERE: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);

#[cfg(test)]
mod tests;
