//! What was typed: one type per section of the file, with the name, the meaning, the default and the form of every
//! setting written once. Reading, the JSON Schema, the reference in the documentation and the printed configuration all
//! come from these types; rules that span several settings live in `resolve`.

pub(crate) mod badges;
pub(crate) mod events;
pub(crate) mod monitors;
pub(crate) mod notifications;
pub(crate) mod probe;
pub(crate) mod root;
pub(crate) mod server;
pub(crate) mod storage;
pub(crate) mod values;
pub(crate) mod words;

/// Declares a section: a struct whose fields are all optional as typed, how it is read from a mapping, and an accessor
/// for each setting with a default.
macro_rules! settings {
    (@accessor $section:ident, $field:ident, $default:expr) => { $section.$field() };
    (
        $(#[$meta:meta])*
        pub(crate) struct $name:ident $(foreign $foreign:ident)? {
            $( $(#[$field_meta:meta])* $field:ident : $type:ty $(= $default:expr)? ),* $(,)?
        }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Default, PartialEq, serde::Serialize, schemars::JsonSchema)]
        pub(crate) struct $name {
            $(
                $(#[$field_meta])*
                $(#[schemars(extend("default" = $default))])?
                #[serde(skip_serializing_if = "Option::is_none")]
                pub(crate) $field: $crate::reader::Field<$type>,
            )*
        }

        impl $crate::reader::Read for $name {
            fn read(node: &$crate::yaml::Node, reader: &mut $crate::reader::Reader<'_>) -> Option<Self> {
                let entries = reader.entries(node)?;
                let known = [$($crate::schema::key(stringify!($field))),*];
                let foreign: &[&[&str]] = &[$(&$foreign)?];
                reader.unknown_keys(entries, &known, &foreign.concat());
                Some(Self { $($field: reader.field(entries, $crate::schema::key(stringify!($field))),)* })
            }

            fn fill(&mut self) {
                $(
                    $(
                        let value = $crate::schema::settings!(@accessor self, $field, $default);
                        self.$field.get_or_insert_with(|| $crate::reader::Located::nowhere(value));
                    )?
                    if let Some(located) = &mut self.$field {
                        located.value.fill();
                    }
                )*
            }
        }

        impl $name {
            $( $(
                /// Returns what was typed, or the default.
                pub(crate) fn $field(&self) -> $type {
                    self.$field.as_ref().map_or_else(|| $default, |located| located.value.clone())
                }
            )? )*
        }
    };
}
pub(crate) use settings;

/// Returns a field's key: Rust's own words are written raw there.
pub(crate) fn key(field: &'static str) -> &'static str {
    field.strip_prefix("r#").unwrap_or(field)
}
