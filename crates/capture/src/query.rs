//! Query strings and forms: pairs of decoded texts. Nothing in them is an error.

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Pairs(Vec<(String, String)>);

impl Pairs {
    pub fn parse(encoded: &[u8]) -> Self {
        let pairs = encoded
            .split(|&byte| byte == b'&')
            .filter(|pair| !pair.is_empty());
        Self(
            pairs
                .map(|pair| {
                    let (name, value) = match pair.iter().position(|&byte| byte == b'=') {
                        Some(at) => (&pair[..at], &pair[at + 1..]),
                        None => (pair, &[][..]),
                    };
                    (decode(name), decode(value))
                })
                .collect(),
        )
    }

    /// The first value of this name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    /// The first value of this name that is not empty.
    pub fn non_empty(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(known, value)| known == name && !value.is_empty())
            .map(|(_, value)| value.as_str())
    }

    pub fn take(&mut self, name: &str) -> Option<String> {
        let (_, value) = self
            .0
            .iter_mut()
            .find(|(known, value)| known == name && !value.is_empty())?;
        Some(std::mem::take(value))
    }
}

/// `+` is a space; a `%` without two hex digits stays.
fn decode(encoded: &[u8]) -> String {
    let mut decoded = Vec::with_capacity(encoded.len());
    let mut rest = encoded;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        match byte {
            b'+' => decoded.push(b' '),
            b'%' => match after {
                [high, low, after @ ..] => match (hex(*high), hex(*low)) {
                    (Some(high), Some(low)) => {
                        decoded.push(high << 4 | low);
                        rest = after;
                    }
                    (_, _) => decoded.push(b'%'),
                },
                _ => decoded.push(b'%'),
            },
            byte => decoded.push(byte),
        }
    }
    match String::from_utf8(decoded) {
        Ok(text) => text,
        Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
    }
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit)
        .to_digit(16)
        .and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_decoded() {
        let pairs = Pairs::parse(b"ip=1&_=12&&data=a%2Bb+c%&empty=&flag&data=x&bad=%zz%ff");
        assert_eq!(pairs.get("data"), Some("a+b c%"));
        assert_eq!(pairs.get("empty"), Some(""));
        assert_eq!(pairs.non_empty("empty"), None);
        assert_eq!(pairs.get("flag"), Some(""));
        assert_eq!(pairs.get("bad"), Some("%zz\u{FFFD}"));
        assert_eq!(pairs.get("none"), None);
    }
}
