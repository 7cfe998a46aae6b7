//! What a component says of its own condition.

use async_trait::async_trait;

/// A component that can tell whether it works. relay-api asks all of them for `/ready`.
#[async_trait]
pub trait Health: Send + Sync {
    /// Looks now, within a second or so, and reports. Never errs: trouble is what the report is for.
    async fn check(&self) -> HealthReport;
}

/// The condition of one component.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HealthReport {
    /// The component, a stable word such as `store`.
    pub component: &'static str,
    /// What keeps it from working, one sentence without secrets; `None` when it works.
    pub trouble: Option<String>,
    /// What else an operator wants to know.
    pub facts: Vec<(&'static str, Fact)>,
}

/// One thing worth knowing of a component.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fact {
    /// A count or a Unix time in seconds.
    Number(i64),
    /// Words.
    Text(String),
    /// Not known, or nothing of the kind has happened.
    None,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn health_is_dyn_compatible() {
        fn takes(_: Option<&dyn Health>) {}
        takes(None);
    }
}
