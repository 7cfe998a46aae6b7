//! Which key a monitor uses.

use relay_core::Secret;

use crate::{
    Environment,
    env::key_names,
    inherit::{Member, given},
};

/// The key of a monitor, or the variables that were looked for.
pub(super) enum Found {
    /// This one.
    Key(Secret),
    /// None; these variables are not set.
    Nothing(Vec<String>),
}

/// Looks for the key: its own variable, the variables of its group, its own `api_key`, then its parent's key.
pub(super) fn find(member: &Member<'_>, parent: Option<&Secret>, env: &Environment) -> Found {
    let mut names = Vec::new();
    names.extend(given(&member.own.env_var_name).map(|located| located.value.0.trim().to_owned()));
    let (provider, service, channel) = member.psc();
    names.extend(key_names(provider, service, channel));
    let from_env = names.iter().filter_map(|name| env.get(name)).map(str::trim).find(|key| !key.is_empty());
    let own = || {
        let key = member.own.api_key.as_ref()?.value.0.expose().trim();
        (!key.is_empty()).then_some(key)
    };
    match from_env.or_else(own).map(Secret::new).or_else(|| parent.cloned()) {
        Some(key) => Found::Key(key),
        None => Found::Nothing(names),
    }
}
