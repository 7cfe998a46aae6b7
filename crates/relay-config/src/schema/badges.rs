//! Badges, and what is said of whole providers.

use std::collections::BTreeMap;

use super::{
    settings,
    values::{HttpUrl, List, Number, PinCount, PinLevel, PinPercent, Text},
    words::{BadgeKind, BadgeVariant, SponsorLevel},
};
use crate::{
    reader::{Located, Read, Reader},
    yaml::{Kind, Node},
};

settings! {
    /// What a badge looks like.
    pub(crate) struct BadgeDefinition {
        /// What it speaks about: `source`, `info` or `feature`.
        kind: BadgeKind = BadgeKind::Info,
        /// Its colour: `default`, `success`, `warning`, `danger` or `info`.
        variant: BadgeVariant = BadgeVariant::Default,
        /// Heavier badges come first, 0 to 100.
        weight: Number = Number(0.0),
        /// What it opens.
        url: HttpUrl,
        /// Its text, one for all or by language.
        label: Localized,
        /// Its tooltip, one for all or by language.
        tooltip: Localized,
    }
}

settings! {
    /// The badges of a provider.
    pub(crate) struct BadgeProvider {
        /// The provider, without regard to case.
        provider: Text,
        /// Its badges, by id or as `{id, tooltip_override}`.
        badges: List<BadgeRef>,
    }
}

settings! {
    /// A provider, and why.
    pub(crate) struct ProviderReason {
        /// The provider, without regard to case.
        provider: Text,
        /// Why.
        reason: Text,
    }
}

settings! {
    /// The risks of a provider.
    pub(crate) struct RiskProvider {
        /// The provider, without regard to case.
        provider: Text,
        /// What can go wrong with it.
        risks: List<Risk>,
    }
}

settings! {
    /// One risk.
    pub(crate) struct Risk {
        /// What it is called. Required.
        label: Text,
        /// Where it is discussed.
        discussion_url: HttpUrl,
    }
}

settings! {
    /// How sponsors are pinned to the top of the page.
    pub(crate) struct SponsorPin {
        /// Whether they are at all.
        enabled: bool = true,
        /// At most this many.
        max_pinned: PinCount = PinCount(3),
        /// Channels of one provider at the highest level, at least 1.
        service_count: PinCount = PinCount(3),
        /// The least availability, 0 to 100 percent.
        min_uptime: PinPercent = PinPercent(Number(95.0)),
        /// The least level: `basic`, `advanced` or `enterprise`.
        min_level: PinLevel = PinLevel(SponsorLevel::Basic),
    }
}

/// Keys of other versions: known, and without effect here.
pub(crate) const FOREIGN: [&str; 1] = ["auto_move"];

settings! {
    /// The hot and the cold board.
    pub(crate) struct Boards foreign FOREIGN {
        /// Whether there are two; otherwise every monitor is hot.
        enabled: bool = false,
    }
}

/// A badge by its id, maybe with a tooltip of its own.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct BadgeRef {
    pub(crate) id: Text,
    pub(crate) tooltip_override: Option<Text>,
}

settings! {
    /// A badge by its id, with a tooltip of its own.
    pub(crate) struct BadgeWithTooltip {
        /// The id of the badge. Required.
        id: Text,
        /// The tooltip in place of the badge's own.
        tooltip_override: Text,
    }
}

impl Read for BadgeRef {
    const MAX_ITEMS: usize = 100;

    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        if !matches!(node.kind, Kind::Map(_)) {
            return Some(Self { id: Text::read(node, reader)?, tooltip_override: None });
        }
        let badge = BadgeWithTooltip::read(node, reader)?;
        let Some(id) = badge.id else {
            reader.within("id", |reader| reader.error(node.mark, "required"));
            return None;
        };
        Some(Self { id: id.value, tooltip_override: badge.tooltip_override.map(|located| located.value) })
    }
}

impl serde::Serialize for BadgeRef {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.tooltip_override.is_none() {
            return self.id.serialize(serializer);
        }
        let whole = BadgeWithTooltip {
            id: Some(Located::nowhere(self.id.clone())),
            tooltip_override: self.tooltip_override.clone().map(Located::nowhere),
        };
        whole.serialize(serializer)
    }
}

impl schemars::JsonSchema for BadgeRef {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "BadgeRef".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let whole = generator.subschema_for::<BadgeWithTooltip>();
        schemars::json_schema!({
            "title": "badge id, or `{id, tooltip_override}`",
            "anyOf": [{ "type": ["string", "number", "boolean"] }, whole]
        })
    }
}

/// Text for all readers, or by language.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(untagged)]
pub(crate) enum Localized {
    Plain(Text),
    ByLanguage(BTreeMap<String, Text>),
}

impl Read for Localized {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let Kind::Map(entries) = &node.kind else { return Text::read(node, reader).map(Self::Plain) };
        let mut texts = BTreeMap::new();
        for entry in entries {
            let text = reader.within(entry.key.escape_debug(), |reader| Text::read(&entry.value, reader));
            texts.extend(text.map(|text| (entry.key.to_string(), text)));
        }
        Some(Self::ByLanguage(texts))
    }
}

super::values::json_schema!(Localized, "LocalizedText", { "title": "text, or text by language",
    "anyOf": [
        { "type": ["string", "number", "boolean"] },
        { "type": "object", "additionalProperties": { "type": ["string", "number", "boolean"] } }
    ]
});

/// Badges by id, in the order of the file.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct BadgeDefinitions(pub(crate) Vec<(Located<String>, BadgeDefinition)>);

impl Read for BadgeDefinitions {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let entries = reader.entries(node)?;
        let mut definitions = Vec::new();
        for entry in entries {
            reader.within(entry.key.escape_debug(), |reader| {
                let definition = match &entry.value.kind {
                    Kind::Null => Some(BadgeDefinition::default()),
                    _ => BadgeDefinition::read(&entry.value, reader),
                };
                if entry.key.trim().is_empty() {
                    reader.error(entry.mark, "a badge needs an id");
                }
                let id = Located { value: entry.key.to_string(), mark: entry.mark };
                definitions.extend(definition.map(|definition| (id, definition)));
            });
        }
        Some(Self(definitions))
    }

    fn fill(&mut self) {
        for (_, definition) in &mut self.0 {
            definition.fill();
        }
    }
}

impl serde::Serialize for BadgeDefinitions {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(id, definition)| (&id.value, definition)))
    }
}

impl schemars::JsonSchema for BadgeDefinitions {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "BadgeDefinitions".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let definition = generator.subschema_for::<BadgeDefinition>();
        schemars::json_schema!({ "title": "badges by id", "type": "object", "additionalProperties": definition })
    }
}
