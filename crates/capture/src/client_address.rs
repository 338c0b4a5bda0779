//! The address of the client: as a proxy tells it, else of the connection.

use std::net::{IpAddr, SocketAddr};

use axum::extract::ConnectInfo;
use axum::http::request::Parts;

pub(crate) fn client_address(parts: &Parts) -> Option<String> {
    let forwarded = parts
        .headers
        .get("x-forwarded-for")
        .and_then(|value| value.to_str().ok());
    let forwarded = forwarded.and_then(|list| address(list.split(',').next()?.trim()));
    let address = forwarded.or_else(|| {
        parts
            .extensions
            .get::<ConnectInfo<SocketAddr>>()
            .map(|connection| connection.0.ip())
    })?;
    Some(address.to_canonical().to_string())
}

/// With or without a port.
fn address(text: &str) -> Option<IpAddr> {
    text.parse()
        .ok()
        .or_else(|| text.parse::<SocketAddr>().ok().map(|socket| socket.ip()))
        .or_else(|| text.strip_prefix('[')?.strip_suffix(']')?.parse().ok())
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    #[test]
    fn forwarded_then_connection() {
        let connection: SocketAddr = "192.0.2.7:5000".parse().unwrap();
        for (forwarded, connected, want) in [
            (Some("203.0.113.9, 10.0.0.1"), true, Some("203.0.113.9")),
            (Some("203.0.113.9:1234"), true, Some("203.0.113.9")),
            (Some("[2001:db8::1]:443"), true, Some("2001:db8::1")),
            (Some("[2001:db8::1]"), true, Some("2001:db8::1")),
            (Some("::ffff:203.0.113.9"), true, Some("203.0.113.9")),
            (Some("unknown"), true, Some("192.0.2.7")),
            (None, true, Some("192.0.2.7")),
            (None, false, None),
        ] {
            let mut request = Request::builder();
            if let Some(forwarded) = forwarded {
                request = request.header("X-Forwarded-For", forwarded);
            }
            let (mut parts, ()) = request.body(()).unwrap().into_parts();
            if connected {
                parts.extensions.insert(ConnectInfo(connection));
            }
            assert_eq!(client_address(&parts).as_deref(), want, "{forwarded:?}");
        }
    }
}
