//! The forms single settings take.

mod bounded;
mod map;
mod number;
mod template;
mod text;
mod time;

pub(crate) use bounded::{InFlight, PinCount, PinLevel, PinPercent, Weight};
pub(crate) use map::{List, PeriodDurations, SecretMap, ServiceDurations, TextMap};
pub(crate) use number::{Count, Natural, Number, Port, Signed, Size};
pub(crate) use template::TemplateText;
pub(crate) use text::{
    DateText, HttpUrl, MASK, ProxyUrl, Referring, SecretText, SecretUrl, SecretValue, Slug, Text,
};
pub(crate) use time::{GoDuration, GoDurationOrZero};

/// Implements `JsonSchema` by a literal schema.
macro_rules! json_schema {
    ($type:ty, $name:literal, $($schema:tt)+) => {
        impl schemars::JsonSchema for $type {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> std::borrow::Cow<'static, str> {
                $name.into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!($($schema)+)
            }
        }
    };
}
pub(crate) use json_schema;
