//! All monitors: inheritance, keys, switches, and what is shown of each.

use std::{collections::HashMap, sync::Arc};

use relay_core::{
    Monitor, MonitorKey, Secret,
    monitor::{Board, Category, Listing, SponsorLevel},
};

use super::{
    badges::{self, Badges},
    hints,
    key::{self, Found},
    probe::{self, Times, Values},
    url,
};
use crate::{
    inherit::{Member, given, inherit, text},
    reader::{Field, Reader},
    schema::{
        badges::ProviderReason,
        monitors::{Body, Monitor as Typed},
        root::Root,
        values::{List, Number, Slug, Text},
        words,
    },
    yaml::Mark,
};

/// What all monitors are looked up in.
struct Shared<'r> {
    root: &'r Root,
    disabled: HashMap<String, String>,
    hidden: HashMap<String, String>,
    badges: Badges,
    boards: bool,
}

/// Resolves all monitors, in the order of the file.
pub(super) fn resolve(root: &Root, reader: &mut Reader<'_>) -> Vec<Arc<Monitor>> {
    let shared = Shared {
        root,
        disabled: providers("disabled_providers", &root.disabled_providers, reader),
        hidden: providers("hidden_providers", &root.hidden_providers, reader),
        badges: Badges::of(root, reader),
        boards: root.boards().enabled(),
    };
    let Some(typed) = &root.monitors else { return Vec::new() };
    let members = inherit(&typed.value, reader);
    if reader.spending.is_spent() {
        return Vec::new();
    }
    let keys = keys(&members, reader);
    let mut monitors = Vec::with_capacity(members.len());
    for (at, member) in members.iter().enumerate() {
        if reader.spending.is_spent() {
            break;
        }
        let monitor =
            reader.within_item(member.index, |reader| one(member, keys[at].as_ref(), &shared, reader));
        monitors.extend(monitor.map(Arc::new));
    }
    monitors
}

/// Finds the key of each monitor, parents first; tells of those that want one and have none.
fn keys(members: &[Member<'_>], reader: &mut Reader<'_>) -> Vec<Option<Secret>> {
    let mut keys: Vec<Option<Secret>> = vec![None; members.len()];
    let order = members.iter().enumerate();
    let roots_first =
        order.clone().filter(|(_, m)| m.parent.is_none()).chain(order.filter(|(_, m)| m.parent.is_some()));
    for (at, member) in roots_first {
        let parent = member.parent.and_then(|parent| keys[parent].as_ref());
        match key::find(member, parent, reader.env) {
            Found::Key(key) => keys[at] = Some(key),
            Found::Nothing(names) => {
                // Where the parent lacks its key, that is told once, at the parent.
                let told = member.parent.is_some_and(|parent| probe::uses_key(&members[parent].whole));
                let disabled = member.whole.disabled.as_ref().is_some_and(|flag| flag.value);
                if probe::uses_key(&member.whole) && !told && !disabled {
                    let message = format!(
                        "{{{{API_KEY}}}} is used, but there is no key; looked for {}",
                        names.join(", ")
                    );
                    reader.within_item(member.index, |reader| reader.warn(member.mark, message));
                }
            }
        }
    }
    keys
}

fn one(
    member: &Member<'_>,
    key: Option<&Secret>,
    shared: &Shared<'_>,
    reader: &mut Reader<'_>,
) -> Option<Monitor> {
    let whole = &member.whole;
    required(member, reader);
    names(member, reader);
    let times = Times::of(whole, shared.root);
    slow_timeout(&times, reader);
    hints::interval(&member.own.interval, reader);
    hints::sent(whole, reader);
    let values = Values { key, model: text(&whole.model) };
    let spec = probe::resolve(whole, &values, &times, shared.root, reader);
    let listing = listing(member, key, shared, reader);
    let (provider, service, channel) = member.psc();
    let provider_key = provider.to_lowercase();
    let reason = |field: &Field<Text>| text(field).to_owned();
    let disabled =
        switch(whole.disabled(), reason(&whole.disabled_reason), shared.disabled.get(&provider_key));
    let hidden = switch(whole.hidden(), reason(&whole.hidden_reason), shared.hidden.get(&provider_key));
    let hidden = match (&disabled, hidden) {
        // What is disabled is hidden as well, for the same reason unless it has one of its own.
        (Some(disabled), hidden) => Some(hidden.filter(|reason| !reason.is_empty()).unwrap_or_else(|| {
            match reason(&whole.hidden_reason) {
                own if own.is_empty() => disabled.clone(),
                own => own,
            }
        })),
        (None, hidden) => hidden,
    };
    let (board, cold_reason) = board(member, shared.boards, reader);
    Some(Monitor {
        key: MonitorKey::from_parts(provider, service, channel, text(&whole.model)),
        is_child: member.parent.is_some(),
        listing: listing?,
        interval: times.interval,
        hidden,
        disabled,
        board,
        cold_reason,
        probe: Arc::new(spec?),
    })
}

/// Reports what every monitor must have. An orphan lacks what its parent would give, which is no news.
fn required(member: &Member<'_>, reader: &mut Reader<'_>) {
    let whole = &member.whole;
    let is_child = given(&whole.parent).is_some();
    let mut need = |key: &str, there: bool, hint: &str| {
        if !there {
            reader.within(key, |reader| {
                if !reader.is_wrong() {
                    reader.error(member.mark, format!("required{hint}"));
                }
            });
        }
    };
    if is_child {
        need("model", given(&whole.model).is_some(), " for an entry with parent");
    } else {
        need("provider", given(&whole.provider).is_some(), "");
        need("service", given(&whole.service).is_some(), "");
    }
    if !is_child {
        need("category", whole.category.is_some(), " (commercial or public)");
        need("sponsor", given(&whole.sponsor).is_some(), "");
        need("url", given(&whole.url).is_some(), "");
        need("method", whole.method.is_some(), " (GET, POST, PUT, DELETE or PATCH)");
    }
}

/// Looks at what becomes the key: each part is stored, logged and shown in one line.
fn names(member: &Member<'_>, reader: &mut Reader<'_>) {
    let own = member.own;
    for (key, field) in [
        ("provider", &own.provider),
        ("service", &own.service),
        ("channel", &own.channel),
        ("model", &own.model),
        ("parent", &own.parent),
    ] {
        let Some(located) = given(field) else { continue };
        let name = located.value.0.trim();
        reader.within(key, |reader| {
            if let Some(char) = name.chars().find(|char| char.is_control()) {
                let code = u32::from(char);
                reader.error(located.mark, format!("holds the control character U+{code:04X}: no name may"));
            } else if key != "parent" && name.len() > MonitorKey::PART_BYTES {
                reader.warn(
                    located.mark,
                    format!(
                        "longer than {} bytes: PostgreSQL may refuse to store its records, and imports leave its history \
                         out",
                        MonitorKey::PART_BYTES
                    ),
                );
            }
        });
    }
}

/// Tells of a slow latency that the deadline never lets happen; where both are global, that is told for the file.
fn slow_timeout(times: &Times, reader: &mut Reader<'_>) {
    if times.slow_latency >= times.timeout && times.mark != Mark::default() {
        reader.within("slow_latency", |reader| {
            reader.warn(times.mark, "not below timeout: no probe will ever be yellow for being slow");
        });
    }
}

/// Combines a monitor's own switch with its provider's; a reason of the monitor's own wins.
fn switch(own: bool, reason: String, provider: Option<&String>) -> Option<String> {
    match provider {
        Some(provider) if reason.is_empty() => Some(provider.clone()),
        Some(_) => Some(reason),
        None => own.then_some(reason),
    }
}

fn board(member: &Member<'_>, boards: bool, reader: &mut Reader<'_>) -> (Board, Option<String>) {
    let whole = &member.whole;
    let cold = whole.board() == words::Board::Cold;
    if let Some(reason) = given(&member.own.cold_reason)
        && !cold
    {
        reader.within("cold_reason", |reader| {
            reader.warn(reason.mark, "ignored: only for board: cold");
        });
    }
    if cold && boards {
        (Board::Cold, given(&whole.cold_reason).map(|reason| reason.value.0.trim().to_owned()))
    } else {
        (Board::Hot, None)
    }
}

fn listing(
    member: &Member<'_>,
    key: Option<&Secret>,
    shared: &Shared<'_>,
    reader: &mut Reader<'_>,
) -> Option<Listing> {
    let whole = &member.whole;
    let name = |field: &Field<Text>| given(field).map(|at| at.value.0.trim().to_owned());
    let provider = text(&whole.provider);
    let slug = slug(member, reader);
    let (price_min, price_max) = prices(whole, reader);
    let address = text(&whole.url).replace(url::MODEL, text(&whole.model));
    Some(Listing {
        provider_name: name(&whole.provider_name),
        provider_slug: slug?,
        provider_url: whole.provider_url.as_ref().map(|at| at.value.0.clone()).unwrap_or_default(),
        service_name: name(&whole.service_name),
        channel_name: name(&whole.channel_name),
        category: match whole.category.as_ref()?.value {
            words::Category::Commercial => Category::Commercial,
            words::Category::Public => Category::Public,
        },
        sponsor: text(&whole.sponsor).to_owned(),
        sponsor_url: whole.sponsor_url.as_ref().map(|at| at.value.0.clone()).unwrap_or_default(),
        sponsor_level: whole.sponsor_level.as_ref().map(|at| level(at.value)),
        price_min,
        price_max,
        listed_since: whole.listed_since.as_ref().map(|at| at.value.0),
        risks: shared.badges.risks_of(provider),
        badges: badges::of(whole, provider, &shared.badges, reader),
        probe_url: url::shown(&address, key.map(Secret::expose)),
        template_name: template_name(whole),
    })
}

fn level(word: words::SponsorLevel) -> SponsorLevel {
    match word {
        words::SponsorLevel::Basic => SponsorLevel::Basic,
        words::SponsorLevel::Advanced => SponsorLevel::Advanced,
        words::SponsorLevel::Enterprise => SponsorLevel::Enterprise,
    }
}

fn slug(member: &Member<'_>, reader: &mut Reader<'_>) -> Option<String> {
    let whole = &member.whole;
    if let Some(slug) = &whole.provider_slug {
        return Some(slug.value.0.clone());
    }
    let provider = whole.provider.as_ref()?;
    let derived = Slug::parse(&provider.value.0.trim().to_lowercase());
    let is_told = reader.within("provider", |reader| reader.is_wrong());
    if derived.is_none() && !member.orphan && !is_told && given(&whole.provider).is_some() {
        reader.within("provider_slug", |reader| {
            reader.error(
                provider.mark,
                "cannot be derived from provider; set provider_slug: lower-case letters, digits and single dashes, \
                 at most 100 characters",
            );
        });
    }
    derived.map(|slug| slug.0)
}

fn template_name(whole: &Typed) -> Option<String> {
    match &whole.body.as_ref()?.value {
        Body::Included(included) => Some(included.name.to_string()),
        Body::Text(_) | Body::Include(_) => None,
    }
}

fn prices(whole: &Typed, reader: &mut Reader<'_>) -> (Option<f64>, Option<f64>) {
    let mut price = |key: &str, field: &Field<Number>| {
        let at = field.as_ref()?;
        if at.value.0 < 0.0 {
            reader.within(key, |reader| reader.error(at.mark, "cannot be negative"));
        }
        Some(at.value.0)
    };
    let (low, high) = (price("price_min", &whole.price_min), price("price_max", &whole.price_max));
    if let (Some(low), Some(high), Some(at)) = (low, high, &whole.price_min)
        && low > high
    {
        reader.within("price_min", |reader| reader.error(at.mark, "is above price_max"));
    }
    (low, high)
}

/// Reads a list of providers with reasons; names compare trimmed and without regard to case.
fn providers(
    key: &str,
    list: &Field<List<ProviderReason>>,
    reader: &mut Reader<'_>,
) -> HashMap<String, String> {
    let mut providers = HashMap::new();
    let Some(list) = list else { return providers };
    reader.at_root(key, |reader| {
        for (index, item) in list.value.iter() {
            reader.within_item(index, |reader| {
                let Some(name) = badges::provider_name(&item.value.provider, item.mark, reader) else {
                    return;
                };
                let reason = text(&item.value.reason).to_owned();
                if providers.insert(name, reason).is_some() {
                    reader.within("provider", |reader| {
                        reader.error(item.mark, "this provider is listed twice")
                    });
                }
            });
        }
    });
    providers
}
