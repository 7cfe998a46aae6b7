//! `probe`, and `expect` of a monitor.

use super::{
    settings,
    values::{List, Natural, Size, Text},
    words::{Challenge, ExpectModel, PrivateNetworks},
};
use crate::reader::{Read, Reader};

settings! {
    /// How probes are made.
    pub(crate) struct Probe {
        /// What probes call themselves.
        user_agent: Text = Text::new(concat!("relay-pulse/", env!("CARGO_PKG_VERSION"))),
        /// Whether private addresses may be probed: `allow` or `deny`.
        private_networks: PrivateNetworks = PrivateNetworks::Allow,
        /// The most bytes of a decoded answer that are read; judging goes on with what is there.
        max_response_bytes: Size = Size(relay_core::target::DEFAULT_MAX_RESPONSE_BYTES as u64),
    }
}

settings! {
    /// Conditions on an answer beyond `success_contains`; all that are given must hold.
    pub(crate) struct Expect {
        /// Codes that count as success instead of 2xx.
        status: List<StatusCode>,
        /// Text the answer must contain.
        contains: Text,
        /// Text the answer must not contain.
        not_contains: Text,
        /// A regular expression the answer's text must match.
        matches: Text,
        /// Conditions on the JSON of the answer.
        json: List<JsonCondition>,
        /// The least number of characters of the text.
        min_chars: Natural,
        /// `same`: the answer must name the model that was asked for.
        model: ExpectModel,
        /// Whether an error object in a successful answer makes it red.
        no_error_body: bool = true,
        /// `arithmetic`: the body's `{{CHALLENGE}}` asks for a small sum, which the text must contain.
        challenge: Challenge,
    }
}

settings! {
    /// One condition on a value inside the JSON of an answer.
    pub(crate) struct JsonCondition {
        /// Where the value is: keys and indexes with dots between, such as `choices.0.message.content`.
        path: Text,
        /// Whether it must be there.
        exists: bool,
        /// Its text must be this.
        equals: Text,
        /// Its text must contain this.
        contains: Text,
        /// Its text must match this regular expression.
        matches: Text,
    }
}

/// A code of HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub(crate) struct StatusCode(pub(crate) u16);

impl Read for StatusCode {
    fn read(node: &crate::yaml::Node, reader: &mut Reader<'_>) -> Option<Self> {
        let (text, _) = reader.scalar(node)?;
        match text.trim().parse() {
            Ok(code @ 100..=999) => Some(Self(code)),
            _ => {
                reader.error(node.mark, "must be a status code, 100 to 999");
                None
            }
        }
    }
}

super::values::json_schema!(StatusCode, "StatusCode", { "title": "status code", "type": "integer", "minimum": 100, "maximum": 999 });
