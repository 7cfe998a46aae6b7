//! Badges and risks.

use std::collections::{BTreeMap, HashMap, HashSet};

use relay_core::monitor::{Badge, BadgeKind, BadgeVariant, LocalizedText, Risk};

use crate::{
    inherit::{given, text},
    reader::{Field, Located, Reader},
    schema::{
        badges::{BadgeDefinition, BadgeRef, Localized},
        monitors::Monitor,
        root::Root,
        values::{List, Text},
        words,
    },
    yaml::Mark,
};

/// The badge of a monitor that has no other.
const BUILT_IN: &str = "api_key_official";

/// The most risks of one provider, all of which each of its monitors shows.
const MAX_RISKS: usize = 100;

/// What is said of providers as a whole, by provider in lower case.
pub(super) struct Badges {
    definitions: HashMap<String, Badge>,
    of_provider: HashMap<String, Vec<(String, Option<String>)>>,
    risks: HashMap<String, Vec<Risk>>,
}

impl Badges {
    /// Resolves definitions, badges and risks of providers.
    pub(super) fn of(root: &Root, reader: &mut Reader<'_>) -> Self {
        let definitions = definitions(root, reader);
        let mut badges = Self { definitions, of_provider: HashMap::new(), risks: HashMap::new() };
        reader.at_root("badge_providers", |reader| badges.read_providers(root, reader));
        reader.at_root("risk_providers", |reader| badges.read_risks(root, reader));
        badges
    }

    /// Returns the risks of a provider.
    pub(super) fn risks_of(&self, provider: &str) -> Vec<Risk> {
        self.risks.get(&provider.to_lowercase()).cloned().unwrap_or_default()
    }

    fn read_providers(&mut self, root: &Root, reader: &mut Reader<'_>) {
        let Some(list) = &root.badge_providers else { return };
        for (index, item) in list.value.iter() {
            reader.within_item(index, |reader| {
                let name = provider_name(&item.value.provider, item.mark, reader);
                let badges =
                    reader.within("badges", |reader| self.references(item.value.badges.as_ref(), reader));
                let Some(name) = name else { return };
                if self.of_provider.insert(name, badges).is_some() {
                    reader.within("provider", |reader| {
                        reader.error(item.mark, "this provider is listed twice")
                    });
                }
            });
        }
    }

    fn read_risks(&mut self, root: &Root, reader: &mut Reader<'_>) {
        let Some(list) = &root.risk_providers else { return };
        for (index, item) in list.value.iter() {
            reader.within_item(index, |reader| {
                let name = provider_name(&item.value.provider, item.mark, reader);
                let mut risks = Vec::new();
                reader.within("risks", |reader| match &item.value.risks {
                    Some(list) if list.value.iter().len() > MAX_RISKS => {
                        reader.error(list.mark, format!("more than {MAX_RISKS} risks"));
                    }
                    Some(list) if list.value.iter().len() > 0 => {
                        for (index, risk) in list.value.iter() {
                            let Some(label) = given(&risk.value.label) else {
                                reader.within_item(index, |reader| {
                                    reader.within("label", |reader| reader.error(risk.mark, "required"));
                                });
                                continue;
                            };
                            let link = risk.value.discussion_url.as_ref().map(|at| at.value.0.clone());
                            risks.push(Risk {
                                label: label.value.0.trim().to_owned(),
                                discussion_url: link.unwrap_or_default(),
                            });
                        }
                    }
                    _ => reader.error(item.mark, "at least one risk is needed"),
                });
                let Some(name) = name else { return };
                if self.risks.insert(name, risks).is_some() {
                    reader.within("provider", |reader| {
                        reader.error(item.mark, "this provider is listed twice")
                    });
                }
            });
        }
    }

    /// Checks references; unknown ids are reported.
    fn references(
        &self,
        list: Option<&Located<List<BadgeRef>>>,
        reader: &mut Reader<'_>,
    ) -> Vec<(String, Option<String>)> {
        let mut references = Vec::new();
        for (index, item) in list.iter().flat_map(|list| list.value.iter()) {
            let id = item.value.id.0.trim();
            if self.definitions.contains_key(id) {
                let tooltip = item.value.tooltip_override.as_ref().map(|tooltip| tooltip.0.clone());
                references.push((id.to_owned(), tooltip));
            } else {
                reader.within_item(index, |reader| {
                    reader.error(item.mark, "no badge has this id; define it in badge_definitions");
                });
            }
        }
        references
    }
}

/// Returns the badges of a monitor: its provider's and its own, each once, heaviest first.
pub(super) fn of(whole: &Monitor, provider: &str, badges: &Badges, reader: &mut Reader<'_>) -> Vec<Badge> {
    let own = reader.within("badges", |reader| badges.references(whole.badges.as_ref(), reader));
    let of_provider = badges.of_provider.get(&provider.to_lowercase());
    let mut chosen: Vec<Badge> = Vec::new();
    for (id, tooltip) in of_provider.into_iter().flatten().chain(&own) {
        let Some(definition) = badges.definitions.get(id) else { continue };
        match chosen.iter_mut().find(|badge| badge.id == *id) {
            // The later mention is the monitor's own: it wins, and keeps the place of the first.
            Some(badge) => badge.tooltip_override.clone_from(tooltip),
            None => chosen.push(Badge { tooltip_override: tooltip.clone(), ..definition.clone() }),
        }
    }
    if chosen.is_empty() {
        chosen.extend(badges.definitions.get(BUILT_IN).cloned());
    }
    chosen.sort_by_key(|badge| std::cmp::Reverse(badge.weight));
    chosen
}

/// Returns the provider of an entry in lower case; an empty one is reported.
pub(super) fn provider_name(field: &Field<Text>, mark: Mark, reader: &mut Reader<'_>) -> Option<String> {
    if given(field).is_none() {
        reader.within("provider", |reader| reader.error(mark, "required"));
        return None;
    }
    Some(text(field).to_lowercase())
}

fn definitions(root: &Root, reader: &mut Reader<'_>) -> HashMap<String, Badge> {
    let built_in = BadgeDefinition {
        kind: Some(Located::nowhere(words::BadgeKind::Source)),
        variant: Some(Located::nowhere(words::BadgeVariant::Info)),
        weight: Some(Located::nowhere(crate::schema::values::Number(100.0))),
        ..BadgeDefinition::default()
    };
    let mut definitions = HashMap::from([(BUILT_IN.to_owned(), badge(BUILT_IN, &built_in, reader))]);
    let mut seen = HashSet::new();
    reader.at_root("badge_definitions", |reader| {
        for (id, typed) in root.badge_definitions.iter().flat_map(|at| &at.value.0) {
            reader.within(id.value.escape_debug(), |reader| {
                let name = id.value.trim().to_owned();
                if !seen.insert(name.clone()) {
                    reader.error(id.mark, "this badge is defined twice");
                }
                let badge = badge(&name, typed, reader);
                definitions.insert(name, badge);
            });
        }
    });
    definitions
}

fn badge(id: &str, typed: &BadgeDefinition, reader: &mut Reader<'_>) -> Badge {
    let weight = typed.weight().0;
    if !(0.0..=100.0).contains(&weight) || weight.fract() != 0.0 {
        let mark = typed.weight.as_ref().map(|at| at.mark).unwrap_or_default();
        reader.within("weight", |reader| reader.error(mark, "must be a whole number, 0 to 100"));
    }
    Badge {
        id: id.to_owned(),
        kind: match typed.kind() {
            words::BadgeKind::Source => BadgeKind::Source,
            words::BadgeKind::Info => BadgeKind::Info,
            words::BadgeKind::Feature => BadgeKind::Feature,
        },
        variant: match typed.variant() {
            words::BadgeVariant::Default => BadgeVariant::Default,
            words::BadgeVariant::Success => BadgeVariant::Success,
            words::BadgeVariant::Warning => BadgeVariant::Warning,
            words::BadgeVariant::Danger => BadgeVariant::Danger,
            words::BadgeVariant::Info => BadgeVariant::Info,
        },
        weight: weight.clamp(0.0, 100.0) as u8,
        url: typed.url.as_ref().map(|at| at.value.0.clone()).unwrap_or_default(),
        tooltip_override: None,
        label: localized(&typed.label),
        tooltip: localized(&typed.tooltip),
    }
}

fn localized(field: &Field<Localized>) -> Option<LocalizedText> {
    field.as_ref().map(|at| match &at.value {
        Localized::Plain(text) => LocalizedText::Plain(text.0.clone()),
        Localized::ByLanguage(texts) => LocalizedText::ByLanguage(
            texts.iter().map(|(tag, text)| (tag.clone(), text.0.clone())).collect::<BTreeMap<_, _>>(),
        ),
    })
}
