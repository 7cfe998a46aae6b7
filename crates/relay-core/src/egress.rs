//! Which addresses a probe may dial when private networks are denied.
//!
//! The rules are pure and speak of one address at a time: whoever dials asks about the very address it is about to
//! connect to, after name resolution and again for every redirect, so that neither a literal nor a changing DNS
//! answer gets around them.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use ipnet::{Ipv4Net, Ipv6Net};

/// Whether a monitor may reach loopback, private and other non-public addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum PrivateNetworks {
    /// Any address may be dialled; the default for monitors of the configuration file.
    #[default]
    Allow,
    /// Only public unicast addresses may be dialled.
    Deny,
}

impl PrivateNetworks {
    /// Tells whether `address` may be dialled, and why not.
    ///
    /// # Errors
    /// [`Refused`] with the kind of the address, only when private networks are denied.
    pub fn check(self, address: IpAddr) -> Result<(), Refused> {
        match (self, scope(address)) {
            (Self::Allow, _) | (Self::Deny, Scope::Public) => Ok(()),
            (Self::Deny, scope) => Err(Refused { address, scope }),
        }
    }
}

/// An address that must not be dialled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{address} is a {scope} address and private networks are denied")]
pub struct Refused {
    /// The address as it was to be dialled.
    pub address: IpAddr,
    /// What kind of address it is.
    pub scope: Scope,
}

/// What kind of network an address belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    /// Anything that is none of the others.
    Public,
    /// This machine.
    Loopback,
    /// RFC 1918.
    Private,
    /// RFC 3927 and `fe80::/10`, with the old site-local `fec0::/10`.
    LinkLocal,
    /// Carrier-grade NAT, RFC 6598.
    SharedNat,
    /// RFC 4193.
    UniqueLocal,
    /// RFC 5771 and `ff00::/8`.
    Multicast,
    /// All zeroes, and the rest of "this network", `0.0.0.0/8`.
    Unspecified,
    /// 255.255.255.255.
    Broadcast,
    /// The metadata service of a cloud, which hands out credentials.
    CloudMetadata,
    /// Set aside for documentation, benchmarks, protocols or the future: never a public server.
    Reserved,
}

impl Scope {
    /// Returns the words used in messages.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Loopback => "loopback",
            Self::Private => "private",
            Self::LinkLocal => "link-local",
            Self::SharedNat => "carrier-grade NAT",
            Self::UniqueLocal => "unique-local",
            Self::Multicast => "multicast",
            Self::Unspecified => "unspecified",
            Self::Broadcast => "broadcast",
            Self::CloudMetadata => "cloud metadata",
            Self::Reserved => "reserved",
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

const fn v4(a: u8, b: u8, c: u8, d: u8, prefix: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), prefix)
}

const fn v6(segments: [u16; 8], prefix: u8) -> Ipv6Net {
    let [a, b, c, d, e, f, g, h] = segments;
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, c, d, e, f, g, h), prefix)
}

/// The first range that holds an address names its kind: narrow ranges stand before the wide ones around them.
/// Source: IANA's special-purpose registry of IPv4 addresses. 168.63.129.16 and 100.100.100.200 are the metadata
/// addresses of Azure and Alibaba Cloud.
const V4_RANGES: [(Ipv4Net, Scope); 20] = [
    (v4(169, 254, 169, 254, 32), Scope::CloudMetadata),
    (v4(169, 254, 170, 2, 32), Scope::CloudMetadata),
    (v4(168, 63, 129, 16, 32), Scope::CloudMetadata),
    (v4(100, 100, 100, 200, 32), Scope::CloudMetadata),
    (v4(0, 0, 0, 0, 8), Scope::Unspecified),
    (v4(127, 0, 0, 0, 8), Scope::Loopback),
    (v4(10, 0, 0, 0, 8), Scope::Private),
    (v4(172, 16, 0, 0, 12), Scope::Private),
    (v4(192, 168, 0, 0, 16), Scope::Private),
    (v4(169, 254, 0, 0, 16), Scope::LinkLocal),
    (v4(100, 64, 0, 0, 10), Scope::SharedNat),
    (v4(224, 0, 0, 0, 4), Scope::Multicast),
    (v4(255, 255, 255, 255, 32), Scope::Broadcast),
    (v4(192, 0, 0, 0, 24), Scope::Reserved),
    (v4(192, 0, 2, 0, 24), Scope::Reserved),
    (v4(198, 51, 100, 0, 24), Scope::Reserved),
    (v4(203, 0, 113, 0, 24), Scope::Reserved),
    (v4(198, 18, 0, 0, 15), Scope::Reserved),
    (v4(192, 88, 99, 0, 24), Scope::Reserved),
    (v4(240, 0, 0, 0, 4), Scope::Reserved),
];

/// Source: IANA's special-purpose registry of IPv6 addresses; `fd00:ec2::254` is Amazon's metadata address,
/// `fd20:ce::254` Google's. How `64:ff9b:1::/48` holds IPv4 addresses is for each network to say, so all of it is
/// refused.
const V6_RANGES: [(Ipv6Net, Scope); 15] = [
    (v6([0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254], 128), Scope::CloudMetadata),
    (v6([0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254], 128), Scope::CloudMetadata),
    (v6([0, 0, 0, 0, 0, 0, 0, 0], 128), Scope::Unspecified),
    (v6([0, 0, 0, 0, 0, 0, 0, 1], 128), Scope::Loopback),
    (v6([0xfe80, 0, 0, 0, 0, 0, 0, 0], 10), Scope::LinkLocal),
    (v6([0xfec0, 0, 0, 0, 0, 0, 0, 0], 10), Scope::LinkLocal),
    (v6([0xfc00, 0, 0, 0, 0, 0, 0, 0], 7), Scope::UniqueLocal),
    (v6([0xff00, 0, 0, 0, 0, 0, 0, 0], 8), Scope::Multicast),
    (v6([0x100, 0, 0, 0, 0, 0, 0, 0], 64), Scope::Reserved),
    (v6([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32), Scope::Reserved),
    (v6([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20), Scope::Reserved),
    (v6([0x5f00, 0, 0, 0, 0, 0, 0, 0], 16), Scope::Reserved),
    (v6([0x2001, 0x10, 0, 0, 0, 0, 0, 0], 28), Scope::Reserved),
    (v6([0x2001, 0x2, 0, 0, 0, 0, 0, 0], 48), Scope::Reserved),
    (v6([0x64, 0xff9b, 1, 0, 0, 0, 0, 0], 48), Scope::Reserved),
];

/// Returns the kind of `address`. An IPv4 address inside an IPv6 one (mapped, compatible, translated by NAT64, 6to4,
/// Teredo, ISATAP) is judged by the IPv4 address, because that is where the packets end.
#[must_use]
pub fn scope(address: IpAddr) -> Scope {
    match address {
        IpAddr::V4(address) => scope_v4(address),
        IpAddr::V6(address) => scope_v6(address),
    }
}

fn scope_v4(address: Ipv4Addr) -> Scope {
    V4_RANGES.iter().find(|(range, _)| range.contains(&address)).map_or(Scope::Public, |(_, scope)| *scope)
}

fn scope_v6(address: Ipv6Addr) -> Scope {
    if let Some((_, scope)) = V6_RANGES.iter().find(|(range, _)| range.contains(&address)) {
        return *scope;
    }
    embedded_v4(address).map_or(Scope::Public, scope_v4)
}

/// Returns the IPv4 address that an IPv6 address stands for, when its form says so.
fn embedded_v4(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let s = address.segments();
    let pair = |high: u16, low: u16| Some(Ipv4Addr::from((u32::from(high) << 16) | u32::from(low)));
    match s {
        // IPv4-mapped ::ffff:0:0/96, IPv4-translated ::ffff:0:0:0/96 and the old IPv4-compatible ::/96.
        [0, 0, 0, 0, 0, 0xffff | 0, high, low] | [0, 0, 0, 0, 0xffff, 0, high, low] => pair(high, low),
        // NAT64, RFC 6052.
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => pair(high, low),
        // 6to4, RFC 3056.
        [0x2002, high, low, ..] => pair(high, low),
        // Teredo, RFC 4380: the client's address is stored inverted.
        [0x2001, 0, _, _, _, _, high, low] => pair(!high, !low),
        // ISATAP, RFC 5214.
        [_, _, _, _, 0x0 | 0x200, 0x5efe, high, low] => pair(high, low),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn scope_of(text: &str) -> Scope {
        scope(text.parse().expect("an address"))
    }

    #[test]
    fn first_and_last_of_every_v4_range_and_their_neighbours() {
        for (first, last, before, after, expected) in [
            ("0.0.0.0", "0.255.255.255", "255.255.255.254", "1.0.0.0", Scope::Unspecified),
            ("10.0.0.0", "10.255.255.255", "9.255.255.255", "11.0.0.0", Scope::Private),
            ("100.64.0.0", "100.127.255.255", "100.63.255.255", "100.128.0.0", Scope::SharedNat),
            ("127.0.0.0", "127.255.255.255", "126.255.255.255", "128.0.0.0", Scope::Loopback),
            ("169.254.0.0", "169.254.255.255", "169.253.255.255", "169.255.0.0", Scope::LinkLocal),
            ("172.16.0.0", "172.31.255.255", "172.15.255.255", "172.32.0.0", Scope::Private),
            ("192.168.0.0", "192.168.255.255", "192.167.255.255", "192.169.0.0", Scope::Private),
            ("198.18.0.0", "198.19.255.255", "198.17.255.255", "198.20.0.0", Scope::Reserved),
            ("224.0.0.0", "239.255.255.255", "223.255.255.255", "240.0.0.0", Scope::Multicast),
            ("240.0.0.0", "255.255.255.254", "239.255.255.255", "255.255.255.255", Scope::Reserved),
        ] {
            assert_eq!(scope_of(first), expected, "{first}");
            assert_eq!(scope_of(last), expected, "{last}");
            assert_ne!(scope_of(before), expected, "{before}");
            assert_ne!(scope_of(after), expected, "{after}");
        }
        assert_eq!(scope_of("255.255.255.255"), Scope::Broadcast);
        assert_eq!(scope_of("169.254.169.254"), Scope::CloudMetadata);
    }

    #[test]
    fn every_v6_form_is_known() {
        for (text, expected) in [
            ("::", Scope::Unspecified),
            ("::1", Scope::Loopback),
            ("fe80::1", Scope::LinkLocal),
            ("febf:ffff::1", Scope::LinkLocal),
            ("fec0::1", Scope::LinkLocal),
            ("fc00::1", Scope::UniqueLocal),
            ("fdff:ffff::1", Scope::UniqueLocal),
            ("fd00:ec2::254", Scope::CloudMetadata),
            ("fd00:ec2::255", Scope::UniqueLocal),
            ("ff02::1", Scope::Multicast),
            ("2001:db8::1", Scope::Reserved),
            ("::ffff:127.0.0.1", Scope::Loopback),
            ("::ffff:10.1.2.3", Scope::Private),
            ("::ffff:169.254.169.254", Scope::CloudMetadata),
            ("::ffff:100.64.0.1", Scope::SharedNat),
            ("::ffff:0:127.0.0.1", Scope::Loopback),
            ("::127.0.0.1", Scope::Loopback),
            ("64:ff9b::127.0.0.1", Scope::Loopback),
            ("64:ff9b:1::10.0.0.1", Scope::Reserved),
            ("64:ff9b:1:7f00:1::", Scope::Reserved),
            ("2001:2::1", Scope::Reserved),
            ("2001:2:1::", Scope::Public),
            ("2001:10::", Scope::Reserved),
            ("100::1", Scope::Reserved),
            ("100:0:0:1::", Scope::Public),
            ("3fff:fff::", Scope::Reserved),
            ("5f00::1", Scope::Reserved),
            ("fd20:ce::254", Scope::CloudMetadata),
            ("2002:7f00:1::", Scope::Loopback),
            ("2002:a9fe:a9fe::1", Scope::CloudMetadata),
            ("2001:0:1:2:3:4:80ff:fffe", Scope::Loopback),
            ("2600::5efe:192.168.0.1", Scope::Private),
            ("2606:4700:4700::1111", Scope::Public),
            ("::ffff:8.8.8.8", Scope::Public),
            ("64:ff9b::8.8.8.8", Scope::Public),
        ] {
            assert_eq!(scope_of(text), expected, "{text}");
        }
    }

    #[test]
    fn deny_refuses_with_a_reason_and_allow_does_not() {
        let address = "192.168.1.20".parse().expect("an address");
        assert_eq!(PrivateNetworks::Allow.check(address), Ok(()));
        let refused = PrivateNetworks::Deny.check(address).expect_err("refused");
        assert_eq!(refused.to_string(), "192.168.1.20 is a private address and private networks are denied");
        assert_eq!(PrivateNetworks::Deny.check("1.1.1.1".parse().expect("an address")), Ok(()));
    }

    proptest! {
        #[test]
        fn a_mapped_address_is_judged_like_the_plain_one(bits: u32) {
            let plain = Ipv4Addr::from(bits);
            prop_assert_eq!(scope(IpAddr::V6(plain.to_ipv6_mapped())), scope(IpAddr::V4(plain)));
        }

        #[test]
        fn nothing_the_standard_library_calls_local_is_public(bits: u32) {
            let address = Ipv4Addr::from(bits);
            if address.is_private() || address.is_loopback() || address.is_link_local()
                || address.is_multicast() || address.is_broadcast() || address.is_unspecified() {
                prop_assert_ne!(scope(IpAddr::V4(address)), Scope::Public);
            }
        }
    }
}
