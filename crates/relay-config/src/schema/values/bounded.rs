//! Numbers with bounds of their own. For all of them 0 means "not set".

use relay_core::monitor::SponsorLevel as Level;
use serde::Serialize;

use super::{Number, Signed, json_schema};
use crate::{
    reader::{Read, Reader, Tentative},
    schema::words::SponsorLevel,
    yaml::Node,
};

/// The weight of yellow: above 0, at most 1.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Weight(pub(crate) Number);

/// How many probes may be in flight: 1 or more, or -1 for as many as there are active monitors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct InFlight(pub(crate) Signed);

/// A number of sponsors, 1 or more; anything else falls back to the default with a warning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct PinCount(pub(crate) u32);

/// A percentage above 0; anything else falls back to the default with a warning.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct PinPercent(pub(crate) Number);

/// A level; anything else falls back to the default with a warning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub(crate) struct PinLevel(pub(crate) SponsorLevel);

impl Read for Weight {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let number = Number::read(node, reader)?;
        if !(0.0..=1.0).contains(&number.0) {
            reader.error(node.mark, "must be between 0 and 1");
        }
        (number.0 > 0.0).then_some(Self(number))
    }
}

impl Read for InFlight {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let number = Signed::read(node, reader)?;
        if number.0 < -1 {
            reader.error(
                node.mark,
                "must be -1 (as many as there are active monitors), 0 (the default) or above",
            );
        }
        (number.0 != 0).then_some(Self(number))
    }
}

impl Read for PinCount {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let number = Number::read(node, reader)?.0;
        if number == 0.0 {
            return None;
        }
        if number < 1.0 || number > f64::from(u32::MAX) || number.fract() != 0.0 {
            reader.warn(node.mark, "must be 1 or more; the default is used");
            return None;
        }
        Some(Self(number as u32))
    }
}

impl Read for PinPercent {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let number = Number::read(node, reader)?;
        if !(0.0..=100.0).contains(&number.0) {
            reader.warn(node.mark, "must be 0 to 100; the default is used");
            return None;
        }
        (number.0 > 0.0).then_some(Self(number))
    }
}

impl Read for PinLevel {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let level = reader.tentatively(|reader| match SponsorLevel::read(node, reader) {
            Some(level) => Tentative::Keep(Some(level)),
            None => Tentative::Forget(None),
        });
        if level.is_none() {
            reader.warn(node.mark, "must be basic, advanced or enterprise; the default is used");
        }
        level.map(Self)
    }
}

impl PinLevel {
    /// Returns the level in the words of the core.
    pub(crate) const fn level(self) -> Level {
        match self.0 {
            SponsorLevel::Basic => Level::Basic,
            SponsorLevel::Advanced => Level::Advanced,
            SponsorLevel::Enterprise => Level::Enterprise,
        }
    }
}

json_schema!(Weight, "Weight", { "title": "number", "type": "number", "minimum": 0, "maximum": 1 });
json_schema!(InFlight, "InFlight", { "title": "whole number", "type": "integer", "minimum": -1 });
json_schema!(PinCount, "PinCount", { "title": "whole number", "type": "integer", "minimum": 0 });
json_schema!(PinPercent, "PinPercent", { "title": "number", "type": "number", "minimum": 0, "maximum": 100 });
