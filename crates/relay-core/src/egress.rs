//! Which addresses a probe may dial when private networks are denied.

/// Whether a monitor may reach loopback, private and other non-public addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum PrivateNetworks {
    /// Any address may be dialled; the default for monitors of the configuration file.
    #[default]
    Allow,
    /// Only public unicast addresses may be dialled.
    Deny,
}
