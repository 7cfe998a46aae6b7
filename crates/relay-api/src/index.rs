//! What the handlers look up in the catalog, worked out once per generation.

use std::{
    collections::{HashMap, hash_map},
    sync::Arc,
};

use relay_core::{Monitor, MonitorKey, Psc, ports::catalog::Snapshot};

/// The catalog by the words of the API.
#[derive(Debug)]
pub(crate) struct Index {
    pub(crate) snapshot: Arc<Snapshot>,
    /// Single monitors and groups, in configuration order.
    pub(crate) units: Vec<Unit>,
    /// `provider-service-channel` of everything visible, first-seen order.
    pub(crate) all_monitor_ids: Vec<String>,
    /// Providers by lower-case name and by slug: positions in a list of provider names.
    providers: HashMap<String, Ids>,
    services: HashMap<String, Ids>,
    /// Everything visible, by key.
    visible: HashMap<MonitorKey, usize>,
    /// The first visible monitor of each group that has one.
    visible_groups: HashMap<Psc, usize>,
    /// Position of each monitor's provider and service in those lists.
    places: Vec<(u32, u32)>,
}

/// A set of providers or services, sorted.
pub(crate) type Ids = Arc<[u32]>;

/// A monitor without model, or all models of one provider, service and channel. Numbers are positions in
/// `Snapshot::monitors`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Unit {
    Single(usize),
    /// The parent first, then the children in configuration order.
    Group(Vec<usize>),
}

impl Index {
    pub(crate) fn new(snapshot: Arc<Snapshot>) -> Self {
        let mut providers = Names::default();
        let mut services = Names::default();
        let places = snapshot
            .monitors
            .iter()
            .map(|monitor| {
                let provider = providers.number(monitor.key.provider());
                providers.alias(&monitor.listing.provider_slug, provider);
                (provider, services.number(monitor.key.service()))
            })
            .collect();
        let mut visible = HashMap::new();
        let mut visible_groups = HashMap::new();
        for (at, monitor) in snapshot.monitors.iter().enumerate().filter(|(_, monitor)| monitor.is_visible())
        {
            visible.insert(monitor.key.clone(), at);
            visible_groups.entry(monitor.key.psc().clone()).or_insert(at);
        }
        Self {
            units: units(&snapshot.monitors),
            all_monitor_ids: monitor_ids(&snapshot.monitors),
            providers: providers.terms(),
            services: services.terms(),
            visible,
            visible_groups,
            places,
            snapshot,
        }
    }

    pub(crate) fn monitor(&self, at: usize) -> &Arc<Monitor> {
        &self.snapshot.monitors[at]
    }

    /// Returns the visible monitor of a key.
    pub(crate) fn visible(&self, key: &MonitorKey) -> Option<usize> {
        self.visible.get(key).copied()
    }

    /// Returns the first visible monitor of a group.
    pub(crate) fn visible_in(&self, group: &Psc) -> Option<usize> {
        self.visible_groups.get(group).copied()
    }

    /// Returns everything visible, in configuration order.
    pub(crate) fn all_visible(&self) -> impl Iterator<Item = &Arc<Monitor>> {
        self.snapshot.monitors.iter().filter(|monitor| monitor.is_visible())
    }

    /// Returns the providers that a name or slug means, in any case; an empty set when none.
    pub(crate) fn provider(&self, term: &str) -> Ids {
        self.providers.get(&term.trim().to_lowercase()).cloned().unwrap_or_default()
    }

    /// Returns the services that a name means, in any case; an empty set when none.
    pub(crate) fn service(&self, term: &str) -> Ids {
        self.services.get(&term.trim().to_lowercase()).cloned().unwrap_or_default()
    }

    /// Tells whether a monitor belongs to the providers and services; `None` takes all.
    pub(crate) fn matches(&self, at: usize, providers: Option<&Ids>, services: Option<&Ids>) -> bool {
        let (provider, service) = self.places[at];
        let has = |ids: Option<&Ids>, id| ids.is_none_or(|ids| ids.contains(&id));
        has(providers, provider) && has(services, service)
    }
}

/// Numbers names that are equal in lower case, and remembers under which terms each is found.
#[derive(Default)]
struct Names {
    numbers: HashMap<String, u32>,
    terms: HashMap<String, Vec<u32>>,
}

impl Names {
    fn number(&mut self, name: &str) -> u32 {
        let name = name.trim().to_lowercase();
        let next = u32::try_from(self.numbers.len()).unwrap_or(u32::MAX);
        match self.numbers.entry(name.clone()) {
            hash_map::Entry::Occupied(known) => *known.get(),
            hash_map::Entry::Vacant(free) => {
                free.insert(next);
                self.alias(&name, next);
                next
            }
        }
    }

    fn alias(&mut self, term: &str, number: u32) {
        let numbers = self.terms.entry(term.to_lowercase()).or_default();
        if let Err(at) = numbers.binary_search(&number) {
            numbers.insert(at, number);
        }
    }

    fn terms(self) -> HashMap<String, Ids> {
        self.terms.into_iter().map(|(term, numbers)| (term, numbers.into())).collect()
    }
}

fn units(monitors: &[Arc<Monitor>]) -> Vec<Unit> {
    let mut units: Vec<Unit> = Vec::new();
    let mut groups: HashMap<&Psc, usize> = HashMap::new();
    for (at, monitor) in monitors.iter().enumerate() {
        if monitor.key.model().is_empty() {
            units.push(Unit::Single(at));
            continue;
        }
        let place = *groups.entry(monitor.key.psc()).or_insert_with(|| {
            units.push(Unit::Group(Vec::new()));
            units.len() - 1
        });
        if let Unit::Group(layers) = &mut units[place] {
            if monitor.is_child { layers.push(at) } else { layers.insert(0, at) }
        }
    }
    units
}

fn monitor_ids(monitors: &[Arc<Monitor>]) -> Vec<String> {
    let mut seen = std::collections::HashSet::new();
    monitors
        .iter()
        .filter(|monitor| monitor.is_visible())
        .map(|monitor| {
            let key = &monitor.key;
            let channel = if key.channel().is_empty() { "default" } else { key.channel() };
            format!("{}-{}-{channel}", key.provider().trim().to_lowercase(), key.service())
        })
        .filter(|id| seen.insert(id.clone()))
        .collect()
}
